"""One test per step and per falsifier of every claim, then the verdict of the whole."""

import json
from dataclasses import replace

import pytest
import sympy as sp

from theory import Kind, UsageError, Verdict, check, formula, ledger
from theory.claims import require_distinct
from theory.formulas import names
from theory.report import check_step
from theory.theorems import THEOREMS

STEPS = [pytest.param(step, id=f"{claim.id}-step-{step.name}") for claim in ledger() for step in claim.steps]
ATTACKS = [pytest.param(claim.id, attack, id=f"{claim.id}-falsifier-{attack.name}") for claim in ledger() for attack in claim.falsifiers]
CLAIMS = [pytest.param(claim, id=claim.id) for claim in ledger()]


@pytest.mark.parametrize("step", STEPS)
def test_step(step):
    found = check_step(step).finding
    assert found.verdict is Verdict.PASSED, found.detail
    assert found.detail


@pytest.mark.parametrize(("claim_id", "attack"), ATTACKS)
def test_falsifier(claim_id, attack):
    report = attack.run(claim_id)
    assert not report.breach, report.counterexample
    assert report.fired, f"no counterexample without {attack.drops} in {report.trials} trials"
    assert report.counterexample


@pytest.mark.parametrize("attack", [pytest.param(p.values[1], id=p.id) for p in ATTACKS])
def test_no_breach_under_another_seed(attack):
    report = attack.run("another")
    assert not report.breach, report.counterexample
    assert report.fired


def test_the_ledger_holds_the_claims_of_the_first_version():
    assert {claim.id for claim in ledger()} >= {"A1", "R1", "R4", "N1", "N3", "N6", "M1"}
    require_distinct("ledger", (claim.id for claim in ledger()))


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_claim_rests_on_prose_alone(claim):
    kinds = {step.kind for step in claim.steps}
    assert Kind.IDENTITY in kinds
    assert Kind.DECIDED in kinds
    assert Kind.MEASURED not in kinds
    assert sum(step.kind.machine_checked for step in claim.steps) >= len(claim.steps) / 2


def test_every_formula_names_its_claim():
    known = {c.id for c in ledger()} | {"R3"}  # R3 is not in the first version
    assert {formula(name).claim for name in names()} <= known


GUARDED = [name for name in names() if formula(name).claim in {c.id for c in ledger()}]


@pytest.mark.parametrize("name", GUARDED)
def test_a_mutant_of_a_formula_is_caught_by_its_claim(name, monkeypatch):
    from theory import formulas

    true = formula(name)
    mutant = replace(true, expression=sp.piecewise_fold(true.expression * sp.Rational(11, 10)))
    monkeypatch.setitem(formulas._REGISTRY, name, lambda: mutant)
    claim = next(c for c in ledger() if c.id == true.claim)
    step = next(s for s in claim.steps if s.name == true.guard)
    assert check_step(step).finding.verdict is Verdict.FAILED


def test_report_is_plain_json():
    claim = next(c for c in ledger() if c.id == "R1")
    data = check(claim).to_json()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert set(data) == {"id", "title", "source", "hypotheses", "steps", "falsifiers", "verdict", "seconds"}
    assert set(data["steps"][0]) == {"name", "kind", "verdict", "dimensions", "statement", "detail", "seconds"}
    assert set(data["falsifiers"][0]) == {"name", "drops", "fired", "counterexample", "trials"}
    assert data["verdict"] == "proved"
    assert all(step["verdict"] == "passed" for step in data["steps"])


def test_theorems_are_stated_and_used():
    cited = {step.theorem for claim in ledger() for step in claim.steps if step.theorem}
    assert cited == set(THEOREMS)
    for theorem in THEOREMS.values():
        assert theorem.statement
        assert theorem.reference
        assert theorem.hypotheses


def test_unknown_formula_lists_the_known_ones():
    with pytest.raises(UsageError, match="mean_field_rho"):
        formula("mean_field")
    with pytest.raises(UsageError, match="takes 3 values"):
        formula("mean_field_rho")(1, 2)
