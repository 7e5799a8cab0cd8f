"""L4 for trained loops: the formula on known numbers, and no prediction below the measured loop."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab.models.measure.answer_loops import answer_loops, predicted_loop
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.zoo import zoo
from loopstab.support.errors import UsageError


@settings(deadline=None)
@given(
    st.floats(0.1, 100),
    st.floats(0.05, 0.95),
    st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=1, max_size=4),
    st.integers(0, 5),
)
def test_the_predicted_loop_against_a_search(scale, rate, pairs, start):
    slopes, margins = np.array(pairs).T
    loop, worst = predicted_loop(scale, slopes, margins, rate, start)

    def open_at(t):
        return bool((slopes * scale * rate**t * (1 - 1e-6) >= margins).any())

    assert loop >= start
    assert not open_at(loop)
    assert (
        loop == start or slopes[worst] * scale * rate ** (loop - 1) * (1 + 1e-6) >= margins[worst]
    )
    assert math.isclose(slopes[worst] / margins[worst], (slopes / margins).max())


def test_a_constant_read_out_never_changes():
    assert predicted_loop(3.0, np.zeros(2), np.ones(2), 0.5, 7) == (7, 0)


@pytest.mark.parametrize(
    ("name", "most"), [("prefix-sums-16-external-post-s2", 3), ("sudoku-4x4-internal-post-s1", 12)]
)
def test_no_answer_changes_after_the_predicted_loop(name, most):
    for found in answer_loops(TrainedLoop.open(zoo.load(name)), inputs=2, loops=800):
        assert found is not None
        assert found.margin > 0
        assert found.start <= found.predicted
        assert found.measured <= found.predicted <= found.measured + most


def test_an_orbit_that_does_not_settle_has_no_prediction():
    trained = TrainedLoop.open(zoo.load("prefix-sums-16-none-peri-s0"))
    assert answer_loops(trained, inputs=1, loops=40) == [None]
    with pytest.raises(UsageError, match="count from 1"):
        answer_loops(trained, inputs=0)
