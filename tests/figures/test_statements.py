"""Verdicts on the abstract follow from ledger, attacks and records: changed ones change them."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from loopstab.paper_figures.report_page.forecast_rules import forecast
from loopstab.paper_figures.report_page.grounds import Grounds
from loopstab.paper_figures.report_page.measured_loops import MeasuredLoop
from loopstab.paper_figures.report_page.recall_pairs import RecallTask
from loopstab.paper_figures.report_page.ruling import Judgement
from loopstab.paper_figures.report_page.statements import STATEMENTS, rows
from loopstab.paper_figures.report_page.trained_runs import TrainedRun
from loopstab.theory.claims import ledger

BY_NAME = {statement.name: statement for statement in STATEMENTS}
KINDS = ("identity", "decided", "cited", "deduced")


def claim(name, verdict="proved"):
    steps = [
        {"kind": kind, "machine_checked": kind in KINDS[:2], "verdict": "passed"} for kind in KINDS
    ]
    return {"id": name, "verdict": verdict, "steps": steps}


CLAIMS = {
    name: claim(name) for name in sorted({c for statement in STATEMENTS for c in statement.claims})
}


def loop(name="a", architecture="external/post", **values):
    usual = {
        "stage": "end",
        "level": "hard",
        "task": "chess",
        "outcomes": {"fixed-point": 95, "cycle": 3, "undecided": 2},
        "distinct": (40, 95),
        "rho": (0.5, 0.7),
        "sensitivity": ((1.0, 1.01), (2.0, 2.02)),
        "gradients": ((0.5, 0.5), (0.7, 0.7)),
    }
    return MeasuredLoop(checkpoint=name, architecture=architecture, **(usual | values))


def run(architecture, last, task="chess", seed=0):
    return TrainedRun(f"{task}-{architecture}-{seed}", task, architecture, seed, "{}", "hard", last)


def pair(task, difference, half, norm="post", pairs=3):
    return RecallTask(task, norm, pairs, difference, (difference - half, difference + half))


def judge(name, **values):
    return BY_NAME[name].judge(Grounds(**({"claims": CLAIMS} | values)))


def battle(task, others, good=0.5, seeds=12):
    """Runs of one task: the recommended ones are at `good`, the others as given."""
    return [
        run(architecture, last, task, seed)
        for seed in range(seeds)
        for architecture, last in {"external/post": good, "internal/post": good, **others}.items()
    ]


FROM_THE_LEDGER = [s.name for s in STATEMENTS if judge(s.name).verdict is Judgement.HYPOTHESIS]


def test_which_statements_rest_on_the_ledger():
    assert FROM_THE_LEDGER == [
        "countable",
        "no-strong-dependence",
        "any-regime",
        "reachable",
        "smooth",
        "backpropagation",
        "simultaneously",
    ]


@pytest.mark.parametrize("name", FROM_THE_LEDGER)
@pytest.mark.parametrize("verdict", ["refuted", "undecided"])
def test_each_claim_of_a_statement_decides_it(name, verdict):
    for own in BY_NAME[name].claims:
        found = judge(name, claims=CLAIMS | {own: claim(own, verdict)})
        assert found.verdict is Judgement.OPEN
        assert f"{own} is {verdict}" in found.because
        lacking = judge(name, claims={k: c for k, c in CLAIMS.items() if k != own})
        assert lacking.verdict is Judgement.OPEN


@pytest.mark.parametrize("name", FROM_THE_LEDGER)
@pytest.mark.parametrize("where", ["reports", "earlier"])
def test_a_counterexample_of_an_attack_opens_a_statement(name, where):
    def attacks(claim, error=False):
        report = SimpleNamespace(
            claim=claim,
            label=f"{claim}/limit",
            evidence=SimpleNamespace(error=error),
            tried=5,
            undecided=0,
            power=(),
        )
        return SimpleNamespace(**{"reports": (), "earlier": (), where: (report,)})

    for own in BY_NAME[name].claims:
        found = judge(name, attacks=attacks(own))
        assert found.verdict is Judgement.OPEN
        assert f"{own}/limit" in found.because
        assert judge(name, attacks=attacks(own, error=True)).verdict is Judgement.HYPOTHESIS
    assert judge(name, attacks=attacks("S2")).verdict is Judgement.HYPOTHESIS


AGAINST = {
    "no-strong-dependence": loop(architecture="none/post", sensitivity=((0.0, 1e-3),)),
    "smooth": loop(sensitivity=((1.0, 2.0),)),
    "backpropagation": loop(gradients=((1.2, 0.9),)),
}


@pytest.mark.parametrize("name", AGAINST)
def test_a_contradiction_of_trained_loops_opens_a_statement(name):
    found = judge(name, loops=[AGAINST[name]])
    assert found.verdict is Judgement.OPEN
    assert "contradicts" in found.because
    assert judge(name, loops=[replace(AGAINST[name], stage="initial")]).verdict is (
        Judgement.HYPOTHESIS
    )
    fine = loop(architecture=AGAINST[name].architecture, sensitivity=(), gradients=())
    assert judge(name, loops=[fine]).verdict is Judgement.HYPOTHESIS


ORBITS = {
    Judgement.OPEN: [
        [],
        [{"fixed-point": 89, "cycle": 11}],
        [{"fixed-point": 40, "undecided": 11, "cycle": 49}],
    ],
    Judgement.HOLDS: [[{"fixed-point": 90, "cycle": 10}], [{"fixed-point": 100}] * 3],
    Judgement.CORRECTED: [
        [{"fixed-point": 50, "cycle": 50}],
        [{"fixed-point": 2, "undecided": 14, "aperiodic": 16}],
        [{"fixed-point": 100}, {"drift": 100}],
    ],
}


@pytest.mark.parametrize(
    ("verdict", "orbits"), [(v, orbits) for v, cases in ORBITS.items() for orbits in cases]
)
def test_reliably(verdict, orbits):
    loops = [loop(str(i), "internal/post", outcomes=o) for i, o in enumerate(orbits)]
    assert judge("reliably", loops=loops).verdict is verdict
    others = [replace(x, architecture="external/peri") for x in loops]
    assert judge("reliably", loops=others).verdict is Judgement.OPEN


FORECASTS = {
    Judgement.HOLDS: ["fixed-point"] * 80,  # as many as the interval needs
    Judgement.CORRECTED: ["cycle"] * 40,
    Judgement.OPEN: ["fixed-point"] * 9 + ["cycle"],
}


@pytest.mark.parametrize("verdict", FORECASTS)
def test_forecasts(verdict):
    loops = [loop(str(i), forecast=outcome) for i, outcome in enumerate(FORECASTS[verdict])]
    assert judge("characterises", loops=loops).verdict is verdict
    short = ["fixed-point"] * 149 + ["cycle"] * 16
    missed = [loop(str(i), forecast=outcome) for i, outcome in enumerate(short)]
    assert judge("characterises", loops=missed).verdict is Judgement.CORRECTED
    assert judge("characterises", loops=[loop()]).verdict is Judgement.OPEN
    nothing = [replace(x, outcomes={"undecided": 5}) for x in loops]
    assert judge("characterises", loops=nothing).verdict is Judgement.OPEN


def test_a_longer_look_is_compared_with_the_same_cases():
    """Of four loops two were looked at longer: one forecast was mended, the other was right."""
    loops = [loop(str(i), forecast="cycle" if i < 2 else "fixed-point") for i in range(4)]
    longer = [replace(loops[0], forecast="fixed-point"), loops[3]]
    found = forecast(Grounds({}, loops=loops, looked_longer=longer))
    assert "in 2 of 4 cases" in found.text
    assert "do so in 2 of 2 cases (0.34 to 1.00), where those from 64 do in 1 of 2." in found.text
    assert "instead" not in forecast(Grounds({}, loops=loops)).text


RECALL = {
    ("competitive", Judgement.HOLDS): [pair("chess", -0.01, 0.03), pair("kqk", 0.2, 0.1)],
    ("competitive", Judgement.OPEN): [pair("chess", -0.01, 0.05), pair("kqk", 0.2, 0.1)],
    ("competitive", Judgement.CORRECTED): [pair("chess", -0.2, 0.1), pair("kqk", 0.2, 0.1)],
    ("sudoku", Judgement.HOLDS): [pair("sudoku-4x4", 0.1, 0.04), pair("chess", 0, 0.01)],
    ("sudoku", Judgement.OPEN): [pair("sudoku-4x4", 0.01, 0.05), pair("sudoku", 0, 0.01)],
    ("sudoku", Judgement.CORRECTED): [pair("sudoku-4x4", 0.01, 0.03), pair("chess", 0.2, 0.01)],
    ("once-normalised", Judgement.HOLDS): [pair("kqk", -0.2, 0.1, "peri"), pair("kqk", 0, 0.01)],
    ("once-normalised", Judgement.OPEN): [
        pair("kqk", -0.2, 0.1, "peri"),
        pair("kqk", 0, 0.01),
        pair("chess", 0, 0.01, "peri"),
        pair("chess", 0, 0.01),
    ],
    ("once-normalised", Judgement.CORRECTED): [pair("kqk", 0, 0.01, "peri"), pair("kqk", 0, 0.01)],
}


@pytest.mark.parametrize(("name", "verdict"), RECALL)
def test_internal_recall(name, verdict):
    assert judge(name, recall=RECALL[name, verdict]).verdict is verdict
    assert judge(name).verdict is Judgement.OPEN


@pytest.mark.parametrize("name", ["competitive", "sudoku", "once-normalised"])
def test_one_seed_does_not_decide(name):
    for (other, _), rows_ in RECALL.items():
        if other == name:
            few = [replace(row, pairs=2) for row in rows_]
            assert judge(name, recall=few).verdict is Judgement.OPEN
    mixed = [pair("sudoku-4x4", 0.01, 0.03), pair("sudoku", -0.2, 0.01, pairs=1)]
    assert judge("sudoku", recall=mixed).verdict is Judgement.OPEN
    assert "excluded on sudoku-4x4" in judge("sudoku", recall=mixed).because
    assert judge("competitive", recall=mixed).verdict is Judgement.HOLDS
    assert "Too few seeds to decide: sudoku." in judge("competitive", recall=mixed).because


def test_sentences_state_the_numbers_that_json_has():
    runs = battle("chess", {"none/post": 0.1})
    loops = [loop(), loop("b", "none/post", sensitivity=((0, 1e-12),), distinct=(127, 128))]
    pairs = [pair("sudoku-4x4", 0.0123, 0.03), pair("sudoku-4x4", -0.1, 0.2, "peri")]
    evidence = Grounds(CLAIMS, runs=runs, loops=loops, recall=pairs)
    found = {row.statement.name: row.to_json(evidence) for row in rows(evidence)}
    assert "12 of 12 (0.76 to 1.00)" in found["performance"]["trained"]["text"]
    assert found["performance"]["trained"]["tally"]["ahead"] == 12
    assert "chess: 95 of 100 (1 loop)" in found["reachable"]["trained"]["text"]
    assert found["reachable"]["trained"]["settled"] == {"chess": (95, 100)}
    assert "at most 1.0e-12" in found["no-strong-dependence"]["trained"]["text"]
    assert (
        "128 inputs of b (level hard) have 127 limits"
        in found["no-strong-dependence"]["trained"]["text"]
    )
    assert "2 of 2 limits of 1 loop" in found["countable"]["trained"]["text"]
    assert "at 2 of 2 limits of 1 loop" in found["smooth"]["trained"]["text"]
    assert "1 of 1 measurements of 1 loop" in found["simultaneously"]["trained"]["text"]
    assert "sudoku-4x4: 1.2 (-1.8 to 4.2). 3 pairs" in found["sudoku"]["trained"]["text"]
    for row in found.values():
        proof = row["proof"]
        assert proof["steps"] == 4 * len(row["claims"])
        if row["claims"]:
            assert f"{proof['machine_checked']} of {proof['steps']} steps" in proof["text"]
            assert f"{proof['kinds']['cited']} cited" in proof["text"]


def test_statements_are_those_of_the_ledger_and_short_quotes():
    known = {claim.id for claim in ledger()}
    for statement in STATEMENTS:
        assert set(statement.claims) <= known
        assert 1 <= len(statement.quote.split()) <= 8
        assert statement.rule.endswith(".")
    assert len(BY_NAME) == len(STATEMENTS) >= 12
