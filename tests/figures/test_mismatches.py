"""What did not fit: each disagreement is an entry of its kind, and the sentence counts them."""

from collections import Counter
from dataclasses import replace

import pytest

from loopstab.models.measure.comparison import Convergence, CrossValidation, mismatches_of
from loopstab.paper_figures.report_page.measured_loops import MeasuredLoop
from loopstab.paper_figures.report_page.mismatches import Misfit, counted, mismatches, sentence


def point(rho=0.5, measured=100, predicted=100.0):
    return Convergence(rho, 1e-9, rho, measured, predicted)


def result(**values):
    """A cross-validation in which everything fits."""
    usual = {
        "name": "a",
        "architecture": "external/post",
        "task": "prefix-sums",
        "level": "32",
        "inputs": 8,
        "loops": 500,
        "limit": 2000,
        "seed": 0,
        "rho_wx": 0.5,
        "expected": None,
        "allowed": ["fixed-point", "cycle"],
        "claims": ["N2", "A4"],
        "reason": "",
        "outcomes": {"fixed-point": 8},
        "decided": {500: 8},
        "undecided": 0,
        "majority": "fixed-point",
        "convergence": [point()],
        "accuracy_30": 1.0,
        "accuracy_500": 1.0,
        "drift_constant": None,
        "residual_curve": [],
    }
    return CrossValidation(**(usual | values))


LOOP = MeasuredLoop(
    checkpoint="a",
    stage="end",
    level="32",
    task="prefix-sums",
    architecture="external/post",
    outcomes={"fixed-point": 90, "cycle": 10},
    distinct=(1, 90),
    rho=(0.5,),
    sensitivity=(),
    gradients=(),
    iterations=((100, 100.0),),
    forecast="fixed-point",
    excluded=("drift",),
)
MISFITS = {
    Misfit.THEOREM: [
        (result(outcomes={"fixed-point": 7, "drift": 1}), "1 of 8 orbits show drift, which N2, A4"),
        (result(convergence=[point(), point(1.01)]), "1 of 2 fixed points that are reached have"),
        (replace(LOOP, outcomes={"fixed-point": 98, "drift": 2}), "2 of 100 orbits show drift"),
        (replace(LOOP, rho=(0.5, 1.0)), "up to 1.0000"),
    ],
    Misfit.FORECAST: [
        (replace(LOOP, forecast="cycle"), "90 of 100 orbits show fixed-point, forecast was cycle")
    ],
    Misfit.RATE: [
        (result(convergence=[point(), point(measured=126)]), "1 of 2 rates off"),
        (result(convergence=[point(measured=79)]), "0.79 to 0.79"),
        (replace(LOOP, iterations=((100, 100.0), (130, 100.0), (None, 1.0))), "1 of 2 rates off"),
    ],
    Misfit.UNDECIDED: [
        (result(outcomes={"fixed-point": 5, "undecided": 3}), "3 of 8 orbits after 2000 loops"),
        (replace(LOOP, outcomes={"fixed-point": 5, "undecided": 4}), "4 of 9 orbits"),
    ],
}


def found(item):
    return mismatches([item]) if isinstance(item, CrossValidation) else mismatches([], [item])


@pytest.mark.parametrize(
    ("kind", "item", "text"), [(k, item, text) for k, own in MISFITS.items() for item, text in own]
)
def test_each_disagreement_is_one_entry_of_its_kind(kind, item, text):
    (entry,) = found(item)
    assert entry.kind is kind
    assert text in str(entry)
    assert str(entry).startswith("a, 32")


def test_what_fits_is_no_entry():
    assert found(result()) == found(LOOP) == []
    assert found(replace(LOOP, forecast=None)) == []
    assert found(result(convergence=[point(measured=125), point(measured=80)])) == []
    assert "a theorem is violated: none" in sentence([])
    assert sentence([]).startswith("What did not fit: 0 entries (")


def test_the_list_has_what_the_cross_validation_lists():
    """The slow twin: the lines that a cross-validation writes itself, one by one."""
    r = result(
        outcomes={"fixed-point": 3, "drift": 1, "growth": 2, "undecided": 2},
        convergence=[point(1.2), point(measured=130), point(measured=10), point()],
    )
    lines = mismatches_of(r)
    entries = found(r)
    assert len(lines) == 6
    rates = sum("predicted" in line for line in lines)
    assert rates == sum(m.count for m in entries if m.kind is Misfit.RATE) == 2
    repelling = sum("rho =" in line for line in lines)
    excluded = sum("show" in line for line in lines)
    assert repelling + excluded == sum(m.kind is Misfit.THEOREM for m in entries) == 3
    assert (
        sum("undecided" in line for line in lines) == 1 == len(counted(entries)[Misfit.UNDECIDED])
    )


def test_the_sentence_counts_the_list_gravest_first():
    items = [item for own in MISFITS.values() for item, _ in own]
    results = [x for x in items if isinstance(x, CrossValidation)]
    loops = [x for x in items if isinstance(x, MeasuredLoop)]
    entries = mismatches(results, loops)
    kinds = [entry.kind for entry in entries]
    assert kinds == sorted(kinds, key=list(Misfit).index)
    assert Counter(kinds) == {kind: len(own) for kind, own in MISFITS.items()}
    assert f"{len(entries)} entries" in sentence(entries)
    for kind, own in counted(entries).items():
        n = len(own)
        cases = sum(m.count for m in own)
        assert f"{kind}: {n} entr{'y' if n == 1 else 'ies'}, {cases} cases" in sentence(entries)
