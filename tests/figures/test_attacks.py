"""The row of each claim from results of attacks, and their place in the report."""

import json
import re
from dataclasses import replace

import hypothesis.strategies as st
import pytest

from loopstab.numerics.attack.budget import PROFILES
from loopstab.numerics.attack.case import from_json
from loopstab.numerics.attack.journal import RESULTS, Journal
from loopstab.numerics.attack.result_line import ResultLine
from loopstab.numerics.attack.retrial import retry
from loopstab.numerics.attack.suite import Drop, Suite
from loopstab.numerics.attack.verdict import Evidence, Power, SuiteReport
from loopstab.numerics.suites import all_suites
from loopstab.paper_figures.report_page.backing import Assault
from loopstab.paper_figures.text.attack_results import SHIPPED, Attacks
from loopstab.support.errors import UsageError

LIMITS = PROFILES["quick"]
CASE = Evidence({"n": 1}, "n = 1", "1 is odd")
DROPS = {"range": -1, "modulus": -2}
"""The only case of each drop."""


def numbers(low, high):
    return st.fixed_dictionaries({"n": st.integers(low, high)})


def suite(claim, name):
    """A suite that 1 breaks, and the cases of its drops; nothing is ever drawn from it here."""
    return Suite(
        claim,
        name,
        property="it holds",
        evidence="exact orbit",
        cases=lambda: numbers(0, 9),
        judge=lambda case: None if case["n"] in (0, 2) else f"{case['n']} is odd",
        broken=lambda case: tuple(name for name, n in DROPS.items() if case["n"] == n),
        drops=tuple(
            Drop(name, cases=lambda n=n: numbers(n, n), assumption=name)
            for name, n in DROPS.items()
        ),
    )


SUITES = (suite("A1", "limit"), suite("A1", "one-limit"), suite("N3", "contraction"))
UNKNOWN = suite("A1", "no such suite")


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setattr("loopstab.paper_figures.text.attack_results.all_suites", lambda: SUITES)


def result(name="limit", claim="A1", evidence=None, fired=True, undecided=0, seed=0):
    power = tuple(
        Power(drop, 3, 0, 0.1, Evidence({"n": n}, "n", "odd") if fired or n == -2 else None)
        for drop, n in DROPS.items()
    )
    return SuiteReport(
        claim, name, "it holds", "exact orbit", "quick", seed, 20, undecided, 0.5, evidence, power
    )


@pytest.fixture
def written(tmp_path):
    def write(*reports):
        known = {s.label: s for s in (*SUITES, UNKNOWN)}
        lines = [ResultLine.of(known[r.label], LIMITS, r).to_json() for r in reports]
        (tmp_path / RESULTS).write_text("\n".join(map(json.dumps, lines)))
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
    file = folder / RESULTS
    known = Attacks.read(folder)
    rows = known.rows()
    assert rows[0] == {
        "claim": "A1",
        "verdict": "no power",
        "suites": 1,
        "cases tried": 40,
        "undecided": 1,
        "cases": f"read from {file}, not run here",
        "drops with a counterexample": "3 of 4",
        "judged by": "exact orbit",
        "profile (seeds)": "quick (0, 2)",
    }
    row, *_ = known.to_json()["claims"]
    assert (row["verdict"], row["drops fired"]) == ("powerless", "3 of 4")  # the keys of the files
    line = known.line()
    assert line.startswith(
        f"Attacks (read from {file}, not run here): 2 of 3 suites tried 60 cases"
    )
    assert "(1 undecided)" in line
    assert "Judged again here: 5 stored counterexamples; 5 of 6 dropped hypotheses have" in line
    assert "Not shown: 1 results of other sources." in line
    assert (known.to_json()["judged_again"], known.to_json()["not_shown"]) == (5, 1)
    assert "Not shown: 1 results" in known.notes[-1]
    assert all(
        "case" not in part["evidence"]
        for r in known.to_json()["results"]
        for part in r["power"]
        if part["evidence"]
    )


def test_missing_damaged_and_altered_results(tmp_path, written):
    with pytest.raises(UsageError, match="write them with loopstab attack --out"):
        Attacks.read(tmp_path / "nowhere")
    (tmp_path / RESULTS).write_text("{broken")
    with pytest.raises(UsageError, match="damaged"):
        Attacks.read(tmp_path)
    text = (written(result()) / RESULTS).read_text()
    (tmp_path / RESULTS).write_text(text.replace('"tried": 20', '"tried": 5000000000000'))
    with pytest.raises(UsageError, match=r"is damaged \(line 1: tried must be"):
        Attacks.read(tmp_path)
    (tmp_path / RESULTS).write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(UsageError, match="1 of other sources or altered"):
        Attacks.read(tmp_path)


def test_a_witness_that_is_none_is_a_complaint(written):
    power = Power("range", 3, 0, 0.1, Evidence({"n": 2}, "n = 2", "2 is odd, believe me"))
    forged = replace(result(), power=(power, result().power[1]))
    found = Attacks.read(written(forged))
    assert found.rows()[0]["verdict"] == "no power"
    assert found.rows()[0]["drops with a counterexample"] == "1 of 2"
    assert any("does not count" in line for line in found.complaints)


def test_shipped_results_of_changed_sources_are_told_apart(written):
    folder = written(result(), result("one-limit"), result("no such suite"))
    file = folder / RESULTS
    first, second, third = file.read_text().splitlines()
    # another seed in the line is another key, as after a change of the sources
    file.write_text("\n".join([first, second.replace('"seed": 0', '"seed": 1'), third]))
    found = Attacks.read_shipped(folder)
    assert [r.label for r in found.reports] == ["A1/limit"]
    assert [r.label for r in found.earlier] == ["A1/one-limit"]
    assert (found.others, found.judged_again, found.origin) == (1, 0, "shipped, not run here")
    assert "Made by an earlier version" in found.notes[2]
    assert "They are A1/one-limit." in found.notes[2]
    assert found.to_json()["by_an_earlier_version"] == ["A1/one-limit"]
    assert "1 suites were attacked by an earlier version" in found.line()
    assert str(folder) not in " ".join([found.line(), *found.notes])


def test_shipped_results_that_are_impossible_are_refused(written):
    folder = written(result())
    file = folder / RESULTS
    file.write_text(file.read_text().replace('"fired": true', '"fired": false'))
    with pytest.raises(UsageError, match="does not follow from its evidence"):
        Attacks.read_shipped(folder)


def test_counted_attacks_of_a_statement(written):
    folder = written(result(undecided=1), result("one-limit", evidence=CASE), result(seed=2))
    found = Assault.of(Attacks.read(folder), ["A1"])
    assert (found.cases, found.undecided, found.fired, found.drops) == (60, 1, 6, 6)
    assert (found.suites, found.counterexamples) == (2, ("A1/one-limit",))
    assert "60 cases (1 undecided) of 2 suites: counterexamples in A1/one-limit" in found.text
    assert "6 of 6 have one" in found.text
    nothing = Assault.of(Attacks.read(folder), ["N3"])
    assert (nothing.cases, nothing.text) == (0, "")
    assert Assault.of(None, ["A1"]).suites == 0


@pytest.mark.parametrize(
    ("change", "command"),
    [
        ({}, "loopstab attack --profile quick --seed 3"),
        ({"examples": 300}, "loopstab attack --profile quick --examples 300 --seed 3"),
    ],
)
def test_the_command_that_made_results(change, command, tmp_path):
    limits = LIMITS.limited(**change)
    line = ResultLine.of(SUITES[0], limits, result(seed=3)).to_json()
    (tmp_path / RESULTS).write_text(json.dumps(line))
    assert Attacks.read_shipped(tmp_path).commands == (command,)


def test_shipped_file_is_whole_and_names_no_path(monkeypatch):
    monkeypatch.setattr("loopstab.paper_figures.text.attack_results.all_suites", all_suites)
    text = (SHIPPED / RESULTS).read_text()
    assert not re.search(r'"(?:/|[A-Z]:\\\\|\.\./)\w|/home/|/root/|/tmp/', text)
    found = Attacks.read_shipped()
    assert len({r.label for r in (*found.reports, *found.earlier)}) >= 0.9 * found.suites
    assert found.commands
    # witnesses of every twentieth suite still hold up, if the suite is as it was
    for line in list(Journal(SHIPPED).lines.values())[::20]:
        suite = next(s for s in all_suites() if s.label == line.report.label)
        for power in line.report.power if line.belongs_to(suite) else ():
            assert retry(suite, power.hypothesis, from_json(power.evidence.case)).words
