"""Limits of trained loops: many without recall, none of which moves; and how they are counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopstab.models.measure.limits import _distinct, limits
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.zoo import zoo
from loopstab.support.errors import UsageError


def measured(name, **options):
    return limits(TrainedLoop.open(zoo.load(f"prefix-sums-16-{name}"), level="16"), **options)


def test_without_recall_the_limits_tell_inputs_apart_and_none_moves():
    found = measured("none-post-s1", inputs=12, loops=400)
    assert found.settled >= 8
    assert found.distinct == found.settled
    assert max(found.per_cell) <= found.distinct
    assert found.sensitivity < 1e-6


def test_with_recall_the_limit_moves():
    found = measured("internal-post-s1", inputs=6, loops=700)
    assert found.settled >= 3
    assert 0.05 < found.sensitivity < 5


def test_a_level_with_fewer_inputs():
    trained = TrainedLoop.open(zoo.load("prefix-sums-16-none-post-s1"), level="4")
    with pytest.raises(UsageError, match="different inputs"):
        limits(trained, inputs=17, loops=1)


@given(st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=1, max_size=12))
def test_distinct_against_a_set(rows):
    assert _distinct(np.array(rows, dtype=float)) == len({tuple(row) for row in rows})
