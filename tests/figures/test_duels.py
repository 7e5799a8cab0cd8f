"""Verdicts on accuracy: runs with recall and outer norm beside all others of their kind."""

from collections import defaultdict
from dataclasses import replace

import pytest
from test_statements import battle, judge, run

from loopstab.numerics.proportion import wilson
from loopstab.paper_figures.report_page.ruling import Judgement
from loopstab.paper_figures.report_page.trained_runs import GOOD, Tally, duels, shipped_runs

DUELS = {
    Judgement.HOLDS: battle("chess", {"none/post": 0.1}),
    Judgement.CORRECTED: battle("chess", {"none/post": 0.9}),
    Judgement.OPEN: [*battle("chess", {"none/post": 0.1}), *battle("kqk", {"none/post": 0.9})],
}


@pytest.mark.parametrize("verdict", DUELS)
def test_performance(verdict):
    assert judge("performance", runs=DUELS[verdict]).verdict is verdict
    assert judge("performance").verdict is Judgement.OPEN


ACROSS = {
    Judgement.HOLDS: battle("chess", {"none/post": 0.1, "external/peri": 0.2}),
    Judgement.CORRECTED: DUELS[Judgement.OPEN],
    Judgement.OPEN: [
        *battle("chess", {"none/post": 0.1}),
        *battle("kqk", {"none/post": 0.1}, seeds=2),
    ],
}


@pytest.mark.parametrize("verdict", ACROSS)
def test_across_tasks(verdict):
    found = judge("across", runs=ACROSS[verdict])
    assert found.verdict is verdict
    assert ("kqk" in found.because) == (verdict is not Judgement.HOLDS)


def test_duels_compare_one_task_recipe_and_seed():
    runs = battle("chess", {"none/post": 0.1}, seeds=2)
    assert [len(duel.partners) for duel in duels(runs)] == [2, 2]
    assert [round(duel.ahead, 9) for duel in duels(runs)] == [0.4, 0.4]
    gated = replace(run("none/post", 0.1), architecture="external/post/gru")
    assert list(duels([*runs, gated]))[2:] == []  # it has recall and outer norm
    alone = [replace(run("none/post", 0.1), **change) for change in CHANGES]
    assert list(duels([*runs, *alone]))[2:] == []


CHANGES = ({"seed": 9}, {"task": "kqk"}, {"recipe": "other"})


def test_tally():
    found = list(
        duels([*battle("chess", {"none/post": 0.1, "none/peri": 0.9, "none/pre": 0.5}, seeds=1)])
    )
    tally = Tally.of(found)
    assert (tally.ahead, tally.equal, tally.behind, tally.duels) == (1, 1, 1, 3)
    assert tally.interval == (wilson(1, 3)[0], wilson(2, 3)[1])


def test_verdicts_of_the_shipped_accuracies():
    """The twin counts the shipped runs in a double loop and judges by the rule as written."""
    runs, tasks, kinds = shipped_runs(), defaultdict(list), defaultdict(list)
    for other in runs:
        good = [
            run.last
            for run in runs
            if run.architecture in GOOD
            and (run.task, run.recipe, run.seed) == (other.task, other.recipe, other.seed)
        ]
        if good and other.architecture not in GOOD:
            gain = sum(good) / len(good) - other.last
            tasks[other.task.split(",")[0]].append(gain)
            kinds[other.architecture].append(gain)
    assert judge("performance", runs=runs).verdict is by_sign(
        [gain for gains in tasks.values() for gain in gains]
    )
    groups = tasks | kinds
    verdicts = {name: by_sign(gains) for name, gains in groups.items()}
    order = (Judgement.CORRECTED, Judgement.OPEN, Judgement.HOLDS)
    found = judge("across", runs=runs)
    assert found.verdict is min(verdicts.values(), key=order.index)
    for name, verdict in verdicts.items():
        share = f"{name} {sum(gain > 0 for gain in groups[name])} of {len(groups[name])}"
        assert (share in found.because) == (verdict is found.verdict is not Judgement.HOLDS)


def by_sign(gains):
    """The verdict on the share of positive numbers."""
    low = wilson(sum(gain > 0 for gain in gains), len(gains))[0]
    high = wilson(sum(gain >= 0 for gain in gains), len(gains))[1]
    if low > 0.5:
        return Judgement.HOLDS
    return Judgement.CORRECTED if high < 0.5 else Judgement.OPEN
