"""The row of each claim from results of attacks, and their place in the report."""

import json

import pytest

from loopstab.numerics.attack.journal import RESULTS
from loopstab.numerics.attack.verdict import Evidence, Power, SuiteReport
from loopstab.paper_figures.text.attack_results import Attacks
from loopstab.support.errors import UsageError

CASE = Evidence({"n": 1}, "n = 1", "1 is odd")


def result(suite="limit", claim="A1", evidence=None, fired=True, undecided=0, seed=0):
    power = (Power("range", 3, 0, 0.1, CASE if fired else None), Power("modulus", 2, 0, 0.1, CASE))
    return SuiteReport(
        claim, suite, "it holds", "exact orbit", "quick", seed, 20, undecided, 0.5, evidence, power
    )


@pytest.fixture
def written(tmp_path):
    def write(*reports):
        lines = [json.dumps({"key": str(i), **r.to_json()}) for i, r in enumerate(reports)]
        (tmp_path / RESULTS).write_text("\n".join(lines))
        return tmp_path

    return write


VERDICTS = {
    "survived": [result(), result(seed=1)],
    "undecided": [result(), result(undecided=3, seed=1)],
    "no power": [result(undecided=3), result(fired=False, seed=1)],
    "broken": [
        result(fired=False),
        result(evidence=Evidence({}, "", "raised", error=True), seed=1),
    ],
    "falsified": [result(evidence=CASE), result(fired=False, seed=1)],
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_gravest_fate_is_the_verdict_on_the_claim(verdict, written):
    found = Attacks.read(written(*VERDICTS[verdict]))
    (row,) = found.rows()
    assert row["verdict"] == verdict
    assert found.falsified == (["A1"] if verdict == "falsified" else [])
    assert bool(found.complaints) == (verdict != "survived")
    assert ("no counterexample" in found.line()) == (verdict != "falsified")


def test_sums_of_a_row_and_order_of_the_ledger(written):
    folder = written(
        result("contraction", claim="N3"),
        result(undecided=1),
        result(seed=2, fired=False),
        result("no such suite"),
    )
    known = Attacks.read(folder)
    rows = known.rows()
    assert rows[0] == {
        "claim": "A1",
        "verdict": "no power",
        "suites": 1,
        "cases tried": 40,
        "undecided": 1,
        "drops with a counterexample": "3 of 4",
        "judged by": "exact orbit",
        "profile (seeds)": "quick (0, 2)",
    }
    row, *_ = known.to_json()["claims"]
    assert (row["verdict"], row["drops fired"]) == ("powerless", "3 of 4")  # the keys of the files
    assert f"1 of {known.suites} suites tried 40 cases (1 undecided)" in known.line()
    assert all(
        "case" not in part["evidence"]
        for r in known.to_json()["results"]
        for part in r["power"]
        if part["evidence"]
    )


def test_missing_and_damaged_results(tmp_path):
    with pytest.raises(UsageError, match="write them with loopstab attack --out"):
        Attacks.read(tmp_path / "nowhere")
    (tmp_path / RESULTS).write_text("{broken")
    with pytest.raises(UsageError, match="damaged"):
        Attacks.read(tmp_path)
