"""One test for each step and each falsifier of every claim, then the ledger as a whole."""

import json
import sys
from dataclasses import replace

import pytest
import sympy as sp

from loopstab import (
    Architecture,
    Kind,
    UsageError,
    Verdict,
    Weights,
    check,
    formula,
    ledger,
    predict,
)
from loopstab.theory import claims
from loopstab.theory.checking.cache import default_cache
from loopstab.theory.checking.check import check_step
from loopstab.theory.claims import families
from loopstab.theory.formulas import names
from loopstab.theory.prediction import rules
from loopstab.theory.table import paper_table
from loopstab.theory.theorems import THEOREMS

CACHE = default_cache()  # LOOPSTAB_CACHE=off checks everything
MEASURED = {"N7"}
"""claims that may rest on measured steps: they are never proved"""

STEPS = [
    pytest.param(claim.id, step, id=f"{claim.id}-step-{step.name}")
    for claim in ledger()
    for step in claim.steps
]
ATTACKS = [
    pytest.param(claim.id, attack, id=f"{claim.id}-falsifier-{attack.name}")
    for claim in ledger()
    for attack in claim.falsifiers
]
CLAIMS = [pytest.param(claim, id=claim.id) for claim in ledger()]


@pytest.mark.parametrize(("claim_id", "step"), STEPS)
def test_step(claim_id, step):
    found = check_step(step, claim_id, CACHE).finding
    assert found.verdict is Verdict.PASSED, f"claim {claim_id}, step {step.name}: {found.detail}"
    assert found.detail


@pytest.mark.parametrize(("claim_id", "attack"), ATTACKS)
def test_falsifier(claim_id, attack):
    report = attack.run()
    assert not report.breach, report.counterexample
    assert report.fired, (
        f"claim {claim_id}, falsifier {attack.name}: no counterexample without {attack.drops}"
    )
    assert report.counterexample


def test_the_ledger_holds_the_claims_of_the_first_version():
    assert {claim.id for claim in ledger()} >= {"A1", "R1", "R4", "N1", "N3", "N6", "M1"}


TOY = """
from ..kernel.claim import Assumption, Claim
from ..kernel.falsifier import Falsifier
from ..kernel.predicate import Predicate
from ..kernel.proof import deduced

TRUE = Predicate("p", "s", ("s",), {{"h": bool}}, lambda case: None, lambda: True)
ATTACK = Falsifier("a", "h", TRUE, lambda: False)
STEPS = (deduced("s", "s", "every d", ("h",)),)
HOLDS = (Assumption("h", "h"),)
TOY = Claim("{id}", "t", "paper", "s", HOLDS, STEPS, (ATTACK,), predicates=(TRUE,))
AGAIN = TOY
"""


@pytest.fixture
def add_module(tmp_path, monkeypatch):
    """Adds a module with one claim to the family `recall`, as a new file in its folder does."""
    from loopstab.theory import recall

    cached = claims._claims_of, ledger, families
    monkeypatch.setattr(recall, "__path__", [*recall.__path__, str(tmp_path)])

    def forget():
        for function in cached:
            function.cache_clear()

    def add(name, claim):
        (tmp_path / f"{name}.py").write_text(TOY.format(id=claim))
        forget()

    yield add
    forget()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"{recall.__name__}.{path.stem}", None)


def test_a_claim_in_a_new_module_is_found(add_module):
    add_module("toy_claim", "R9")
    assert [claim.id for claim in ledger()].count("R9") == 1  # its two names are one claim
    assert families()["R9"] == "recall"
    assert claims.find_claims(["R9"])[0].title == "t"


def test_two_claims_with_one_id_are_refused(add_module):
    add_module("toy_claim", "R1")
    with pytest.raises(UsageError, match="ledger: the name 'R1' is used twice"):
        ledger()


def test_unknown_claims_are_named_with_the_known_ones():
    with pytest.raises(UsageError, match=r"unknown claim X7, X8: the ledger has A1, .*, M6"):
        claims.find_claims(["N3", "X7", "X8"])


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_claim_rests_on_prose_alone(claim):
    kinds = [step.kind for step in claim.steps]
    assert sum(kind.machine_checked for kind in kinds) >= len(kinds) / 2, (
        f"claim {claim.id}: machine-check more of its steps"
    )
    assert claim.id in MEASURED or Kind.MEASURED not in kinds, (
        f"claim {claim.id}: it has a measured step, so it cannot be proved"
    )


def test_every_claim_has_its_exact_statement_and_its_consequences():
    bare = {claim.id for claim in ledger() if not claim.latex or not claim.consequences}
    assert not bare, f"claims without latex or consequences: {', '.join(sorted(bare))}"


def test_every_rule_of_prediction_belongs_to_a_claim():
    orphans = set(rules) - {claim.id for claim in ledger()}
    assert not orphans, f"rules of prediction without claim: {', '.join(sorted(orphans))}"


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize(
    "weights", [Weights(), Weights(rho_wx=0.5), Weights(rho_wx=2.0), Weights(kappa=0.5)], ids=str
)
def test_a_claim_predicts_under_its_own_name(claim, weights):
    for architecture in Architecture.all():
        made = claim.predict(architecture, weights)
        if made is not None:
            assert made.claims == (claim.id,)
            assert made.architecture == architecture
            assert predict(architecture, weights).allowed <= made.allowed


def test_no_two_claims_contradict_each_other():
    cells = paper_table(ledger())
    assert len(cells) == 3 * 2 * 4 * 3 * 3


@pytest.mark.parametrize("name", names())
def test_a_mutant_of_a_formula_is_caught_by_its_claim(name, monkeypatch):
    from loopstab.theory import formulas

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
    assert set(data) >= {
        "id",
        "title",
        "source",
        "hypotheses",
        "steps",
        "falsifiers",
        "verdict",
        "seconds",
        "consequences",
        "notes",
    }
    assert data["steps"][0]["content"]
    assert set(data["steps"][0]) >= {
        "name",
        "kind",
        "verdict",
        "dimensions",
        "statement",
        "detail",
        "seconds",
        "uses",
    }
    assert set(data["falsifiers"][0]) >= {"name", "drops", "conclusion", "fired", "counterexample"}
    cited = next(step for step in data["steps"] if step["kind"] == "cited")
    assert cited["theorem"]["reference"]
    assert all(hypothesis["discharged_by"] for hypothesis in cited["theorem"]["hypotheses"])
    assert data["verdict"] == "proved"
    assert all(step["verdict"] == "passed" for step in data["steps"])


def test_theorems_are_stated_and_used():
    cited = {step.theorem for claim in ledger() for step in claim.steps if step.theorem}
    assert cited == set(THEOREMS)
    for theorem in THEOREMS.values():
        assert theorem.statement
        assert theorem.reference
        assert theorem.hypotheses
