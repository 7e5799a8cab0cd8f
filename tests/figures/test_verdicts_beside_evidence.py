"""A verdict never says something else than the evidence that is printed beside it."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_statements import BY_NAME, CLAIMS, battle, judge, loop, pair

from loopstab.paper_figures.report_page.grounds import Grounds
from loopstab.paper_figures.report_page.loop_rules import FEW
from loopstab.paper_figures.report_page.ruling import Judgement
from loopstab.paper_figures.report_page.trained_runs import Tally


def told(name, **values):
    """What trained loops say, and how many runs are behind it."""
    found = BY_NAME[name].trained(Grounds(CLAIMS, **values))
    return found.text, found.runs


@given(*[st.integers(0, 200)] * 3)
def test_the_share_that_is_printed_lies_in_its_interval(ahead, equal, behind):
    tally = Tally(ahead, equal, behind)
    low, high = tally.interval
    assert 0 <= low <= high <= 1
    if tally.duels:
        assert low <= ahead / tally.duels + 1e-12
        assert (ahead + equal) / tally.duels <= high + 1e-12  # Wilson's bound of 1 is rounded
        assert str(tally).startswith(f"{ahead} of {tally.duels}")


def test_a_few_wins_among_equals_do_not_decide():
    """6 of 46 won and none lost: half of them may be won, or lost."""
    won = battle("chess", {"none/post": 0.1}, seeds=6)
    equal = battle("kqk", {"none/post": 0.5}, seeds=40)
    found = judge("performance", runs=[*won, *equal])
    assert found.verdict is Judgement.OPEN
    assert "6 of 46, 40 equal" in found.because
    lost = battle("chess", {"none/post": 0.9}, seeds=6)
    assert judge("performance", runs=[*lost, *equal]).verdict is Judgement.OPEN


@pytest.mark.parametrize("name", ["performance", "across"])
def test_without_runs_no_share_is_printed(name):
    assert judge(name).because == "no runs were compared."
    assert told(name) == ("Not compared.", 0)


BARE = {"outcomes": {"cycle": 8}, "distinct": (0, 0), "rho": (), "sensitivity": ()}


def test_a_suite_that_ended_with_an_error_is_named():
    report = {"claim": "A2", "label": "A2/limit", "tried": 1, "undecided": 0, "power": ()}
    broken = SimpleNamespace(**report, evidence=SimpleNamespace(error=True))
    attacks = SimpleNamespace(reports=(broken,), earlier=())
    found = Grounds(CLAIMS, attacks).assault(["A2"])
    assert "1 cases of 1 suite: no counterexample, but an error in A2/limit." in found.text
    assert found.to_json()["errors"] == ["A2/limit"]


def test_loops_without_a_limit_are_not_counted_with_those_that_have_one():
    still = loop("a", "none/post", sensitivity=((0, 1e-12),), distinct=(1, 95))
    loops = [still, loop("b", "none/post", **BARE), loop("c", "none/peri", **BARE)]
    text, runs = told("no-strong-dependence", loops=loops)
    assert "1 limits of 1 loop without recall" in text
    assert "all inputs that settled have one limit" in text
    assert runs == 1
    text, runs = told("countable", loops=loops)
    assert "2 of 2 limits of 1 loop" in text
    assert runs == 1
    assert told("countable", loops=loops[1:]) == ("Not measured.", 0)
    assert told("no-strong-dependence", loops=loops[1:]) == ("No orbit without recall settled.", 0)


AT_ODDS = {
    "smooth": {"sensitivity": ((1.0, 2.0),)},
    "backpropagation": {"gradients": ((1.2, 0.9),)},
}
IN_LINE = {
    "smooth": {"sensitivity": ((1.0, 1.0),) * 9},
    "backpropagation": {"gradients": ((0.5, 0.5),) * 9},
}


@pytest.mark.parametrize("name", AT_ODDS)
def test_exceptions_up_to_the_share_that_the_rule_names(name):
    assert f"more than {FEW:.0%} of the limits" in BY_NAME[name].rule
    fine, odd = loop("a", **IN_LINE[name]), loop("b", **AT_ODDS[name])
    assert judge(name, loops=[fine, odd]).verdict is Judgement.HYPOTHESIS  # 1 of 10
    assert judge(name, loops=[fine, odd, odd]).verdict is Judgement.OPEN  # 2 of 11
    assert "9 of 10 limits" in told(name, loops=[fine, odd])[0]


def test_one_limit_that_moves_opens_the_statement_as_its_rule_says():
    assert "one limit" in BY_NAME["no-strong-dependence"].rule
    still = loop("a", "none/post", sensitivity=((0, 1e-12),) * 99)
    moved = loop("b", "none/post", sensitivity=((0, 1e-3),))
    slow = loop("c", "none/post", sensitivity=((0, 1e-5),))  # two limits of a slow orbit, rounded
    assert judge("no-strong-dependence", loops=[still, slow]).verdict is Judgement.HYPOTHESIS
    assert judge("no-strong-dependence", loops=[still, moved]).verdict is Judgement.OPEN


def test_a_loss_with_outer_norm_corrects_both_statements():
    """Internal recall loses with and without outer norm: the norm does not make it competitive."""
    recall = [pair("kqk", -0.3, 0.1, "peri"), pair("kqk", -0.2, 0.1)]
    assert judge("competitive", recall=recall).verdict is Judgement.CORRECTED
    found = judge("once-normalised", recall=recall)
    assert found.verdict is Judgement.CORRECTED
    assert "behind with outer norm too: kqk: -20.0" in found.because


def test_differences_name_their_norm():
    recall = [pair("kqk", -0.3, 0.1, "peri"), pair("kqk", -0.2, 0.1), pair("sudoku", 0, 0.1)]
    assert told("competitive", recall=recall)[0].startswith("With outer norm")
    assert told("sudoku", recall=recall)[0].startswith("With outer norm")
    assert told("once-normalised", recall=recall)[0].startswith("Without outer norm")


def test_reliably_names_the_levels_at_fault():
    """Half of the orbits of both levels together settle, of the hard one fewer."""
    easy = loop("a", level="easy", outcomes={"fixed-point": 100})
    hard = loop("a", level="hard", outcomes={"fixed-point": 10, "cycle": 90})
    found = judge("reliably", loops=[easy, hard])
    assert found.verdict is Judgement.CORRECTED
    assert "in 1 loop of 1 at most half of the orbits of a level" in found.because
    assert "chess: 10 of 100" in found.because
