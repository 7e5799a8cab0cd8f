"""The classifier against orbits of known outcome; the truth of the families against direct computation."""

import json
from collections import Counter

import numpy as np
import pytest

from numerics import Outcome, classify
from numerics.families import FAMILIES, WINDOWS
from numerics.labelled import confusion, labelled, main


@pytest.mark.parametrize("held_out", [False, True])
def test_at_least_99_per_cent_of_the_decided_and_no_false_fixed_point(held_out):
    orbits = list(labelled(24, held_out=held_out, seed=3))
    counts = Counter(o.truth for o in orbits)
    assert set(counts) == set(Outcome) - {Outcome.UNDECIDED}
    assert min(counts.values()) >= 24
    found = confusion(orbits)
    assert found.false_fixed_points == 0, found
    assert found.share(decided=True) >= 0.99, found
    assert found.share(decided=False) >= 0.93, found
    drift = found.cosine[Outcome.DRIFT] / found.total(Outcome.DRIFT)
    assert drift > 0.9, "a cosine test calls drift converged"


def test_confusion_counts_a_wrong_classifier(monkeypatch):
    """Power: a classifier that always says fixed-point is caught."""
    orbits = list(labelled(7, loops=64))
    always = next(classify(o.trajectory) for o in orbits if classify(o.trajectory).outcome is Outcome.FIXED_POINT)
    monkeypatch.setattr("numerics.labelled.classify", lambda t: always)
    found = confusion(orbits)
    assert found.false_fixed_points == sum(o.truth not in (Outcome.FIXED_POINT, Outcome.CRITICAL) for o in orbits)
    assert found.share(decided=True) < 0.2


@pytest.mark.parametrize("period", WINDOWS)
@pytest.mark.parametrize("place", [0.08, 0.5, 0.92])
def test_logistic_windows_have_an_attracting_cycle_of_that_period(period, place):
    low, high = WINDOWS[period]
    r, x = low + (high - low) * place, 0.3
    for _ in range(100_000):
        x = r * x * (1 - x)
    orbit = [x]
    for _ in range(period):
        orbit.append(r * orbit[-1] * (1 - orbit[-1]))
    assert abs(np.prod([r * (1 - 2 * y) for y in orbit[:-1]])) < 1
    assert orbit[-1] == pytest.approx(x, abs=1e-10)
    assert min(abs(y - x) for y in orbit[1:-1]) > 1e-4


def test_reproducible_and_held_out_differs():
    a, b, c = (next(iter(labelled(8, held_out=h))).trajectory for h in (False, False, True))
    np.testing.assert_array_equal(a.steps, b.steps)
    assert a.tail.shape[1] != c.tail.shape[1]


def test_command_prints_json(capsys):
    main(count=8, loops=64, json_=True)
    both = json.loads(capsys.readouterr().out)
    assert sum(both["held out"]["matrix"]["drift"].values()) >= 8
    assert len(FAMILIES) > 30
