"""The classifier against orbits of known outcome; the truth of the families against direct
computation.
"""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from classifier.confusion import confusion, main
from classifier.family import WINDOWS, Draw
from classifier.fresh import FRESH
from classifier.known import FAMILIES
from classifier.labelled import Labelled, Source, labelled

from loopstab import Outcome
from loopstab.numerics.proportion import wilson


@pytest.mark.parametrize("source", [Source.BUILT, Source.HELD_OUT])
def test_no_false_fixed_point_and_few_left_open(source):
    orbits = list(labelled(6, source, seed=3, limit=4000))
    counts = Counter(o.truth for o in orbits)
    assert set(counts) == set(Outcome) - {Outcome.UNDECIDED, Outcome.NEUTRAL}
    assert min(counts.values()) >= 6
    found = confusion(orbits)
    assert found.false_fixed_points == 0, found
    assert found.share(decided=True) >= 0.98, found
    assert found.share(decided=False) >= 0.93, found
    drift = found.cosine[Outcome.DRIFT] / found.total(Outcome.DRIFT)
    assert drift > 0.9, "a cosine test calls drift converged"


def test_confusion_counts_a_wrong_classifier():
    """Power: a classifier that always says fixed-point is caught."""
    orbits = list(labelled(7, loops=64, limit=64))
    always = next(
        o.orbit.diagnosis for o in orbits if o.orbit.diagnosis.outcome is Outcome.FIXED_POINT
    )
    found = confusion(replace(o, orbit=replace(o.orbit, diagnosis=always)) for o in orbits)
    assert found.false_fixed_points == sum(
        o.truth not in (Outcome.FIXED_POINT, Outcome.CRITICAL) for o in orbits
    )
    assert found.share(decided=True) < 0.2


def test_a_wrong_period_is_an_error():
    orbit = next(
        o for o in labelled(7, seed=1, limit=2000) if o.orbit.diagnosis.outcome is Outcome.CYCLE
    )
    assert confusion([orbit]).right == 1
    assert confusion([Labelled(orbit.family, orbit.truth, 40, orbit.orbit)]).right == 0


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1)]
)
def test_wilson_against_the_table(hits, n, low, high):
    """Brown, Cai and DasGupta 2001, or any table."""
    assert wilson(hits, n) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("hits", "n"), [(1, 10), (50, 100), (1741, 2048)])
def test_wilsons_ends_are_the_shares_that_the_score_test_just_rejects(hits, n):
    for p in wilson(hits, n):
        assert abs(hits / n - p) == pytest.approx(1.96 * (p * (1 - p) / n) ** 0.5, rel=1e-9)


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


@pytest.mark.parametrize("name", FRESH)
def test_fresh_families_do_what_their_theorem_says(name):
    """The normal form itself, long enough to see it, by the definition of each outcome: nothing of
    the classifier is used.
    """
    truth, family = FRESH[name]
    f, y, *periods = family(Draw(np.random.default_rng(5), True, 6))
    kept = {}
    with np.errstate(all="ignore"):
        for t in range(6001):
            if t in (1500, 3000) or t >= 5960:
                kept[t] = y
            y = f(y)
        first, middle, last = (np.linalg.norm(kept[t], axis=1) for t in (1500, 3000, 6000))
        back = np.array([np.linalg.norm(kept[6000] - kept[6000 - p], axis=1) for p in range(1, 33)])
    match truth:
        case Outcome.FIXED_POINT:
            assert back[0].max() < 1e-5
        case Outcome.CRITICAL:
            assert back[1].max() < 1e-2
            assert back[1].min() > 1e-12
        case Outcome.DRIFT:
            np.testing.assert_allclose(last / middle, 2, atol=0.25)
        case Outcome.GROWTH:
            assert (np.log2(last / middle) > 1.9).all()
            assert (np.log2(last / middle) < 3.1).all()
        case Outcome.EXPLOSION:
            assert (~np.isfinite(last) | ((last > 50 * middle) & (middle > 5 * first))).all()
        case Outcome.CYCLE:
            for i, p in enumerate(periods[0]):
                assert back[p - 1, i] < 1e-6
                assert p == 2 or back[: p - 1, i].min() > 1e-3
        case Outcome.APERIODIC:
            assert back.min() > 1e-5
            assert last.max() < 1e3
        case Outcome.NON_FINITE:
            assert not np.isfinite(last).any()


@pytest.mark.parametrize(("table", "size"), [(FAMILIES, 41), (FRESH, 37)])
def test_no_family_replaces_another_of_the_same_name(table, size):
    assert len(table) == size
    assert {truth for truth, _ in table.values()} == set(Outcome) - {
        Outcome.UNDECIDED,
        Outcome.NEUTRAL,
    }


def test_orbits_do_not_depend_on_the_other_families(monkeypatch):
    """A family that is added or moved leaves the orbits of the others as they are."""
    name = "complex pair"

    def steps():
        orbits = (o for o in labelled(7, loops=64, limit=64) if o.family == name)
        return next(orbits).orbit.trajectory.steps

    before = steps()
    for other in [other for other in FAMILIES if other != name]:
        moved = FAMILIES[other]
        monkeypatch.delitem(FAMILIES, other)
        if moved[0] is Outcome.FIXED_POINT:
            monkeypatch.setitem(FAMILIES, other, moved)
    np.testing.assert_array_equal(steps(), before)


def test_reproducible_and_held_out_differs():
    a, b, c = (
        next(iter(labelled(8, s, limit=2000))).orbit.trajectory
        for s in (Source.BUILT, Source.BUILT, Source.HELD_OUT)
    )
    np.testing.assert_array_equal(a.steps, b.steps)
    assert a.tail.shape[1] != c.tail.shape[1]


def test_command_prints_json(capsys):
    main(count=8, loops=64, limit=64, json_=True)
    three = json.loads(capsys.readouterr().out)
    assert set(three) == set(Source)
    for one in three.values():
        assert sum(one["matrix"]["drift"].values()) >= 8
        assert one["right_interval"][0] < one["right"] < one["right_interval"][1]
    assert len(FAMILIES) > 30
    assert len(FRESH) > 30
