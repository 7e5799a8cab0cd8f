"""The nonsense trick: a statement that its proof and its attacks are not about is refused.

A proof of the kernel checks equations and sentences, and does not read English. What ties the
statement to them are predicates: sentences of the statement that are evaluated as programs.
"""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp

from loopstab import Assumption, Claim, LoopstabError, UsageError, Verdict, check, ledger
from loopstab.theory.kernel.algebra import Equation
from loopstab.theory.kernel.falsifier import Falsifier
from loopstab.theory.kernel.predicate import Predicate
from loopstab.theory.kernel.proof import EVALUATED, cited, deduced, identity

NONSENSE = "Colourless green ideas sleep furiously."


@pytest.mark.parametrize("claim", ledger(), ids=lambda claim: claim.id)
def test_a_claim_with_a_nonsense_statement_is_refused(claim):
    with pytest.raises(UsageError, match="its sentence is not in the statement, word for word"):
        replace(claim, statement=NONSENSE)


@pytest.mark.parametrize("claim", ledger(), ids=lambda claim: claim.id)
def test_every_sentence_that_is_a_program_has_to_stay(claim):
    for item in claim.predicates:
        with pytest.raises(UsageError, match="word for word"):
            replace(claim, statement=claim.statement.replace(item.sentence, NONSENSE))


X, Y = sp.symbols("x y")
SENTENCE = "Every matrix has spectral radius below 1."
STEPS = (
    identity(
        "bound",
        "the norm of M is below 1",
        "every d",
        lambda: [Equation(X + X, 2 * X)],
        ("square",),
    ),
    identity(
        "contraction",
        "so M is a contraction",
        "every d",
        lambda: [Equation((X + Y) ** 2, X**2 + 2 * X * Y + Y**2)],
        ("bound",),
    ),
    cited(
        "banach",
        "banach",
        "M has one fixed point",
        "every d",
        {"complete": ("square",), "self_map": ("bound",), "contraction": ("contraction",)},
    ),
    deduced("conclusion", SENTENCE, "every d", ("banach",)),
)


def radius_below_one(**change):
    """The sentence for the 1 x 1 matrix (m)."""
    made = {
        "name": "radius",
        "sentence": SENTENCE,
        "concluded_by": ("conclusion",),
        "assumptions": {"square": lambda m: True},
        "refute": lambda m: None if abs(m) < 1 else f"M = ({m}) has spectral radius {abs(m)}",
        "example": lambda: Fraction(1, 2),
    }
    return Predicate(**{**made, **change})


def false_claim(predicate, drops="square", case=2, statement=SENTENCE, assumed=("square",)):
    return Claim(
        "T",
        "t",
        "paper",
        statement,
        tuple(Assumption(name, name) for name in assumed),
        STEPS,
        (Falsifier("witness", drops, predicate, lambda: Fraction(case)),),
        predicates=(predicate,),
    )


def test_the_steps_of_the_false_claim_pass():
    """Equations about something else are true: the kernel does not know what they are to mean."""
    found = [step.check() for step in STEPS]
    assert {finding.verdict for finding in found} == {Verdict.PASSED}
    assert found[0].checked == (EVALUATED,)


def test_the_false_claim_is_refuted_by_its_own_sentence():
    assert check(false_claim(radius_below_one())).verdict is Verdict.REFUTED


def test_the_false_claim_has_no_witness_within_its_assumptions():
    with pytest.raises(LoopstabError, match="its case must satisfy every assumption but square"):
        check(false_claim(radius_below_one(), case=Fraction(1, 3)))


def test_an_added_assumption_must_be_used_by_the_proof():
    small = {"square": lambda m: True, "small": lambda m: abs(m) < 1}
    with pytest.raises(UsageError, match="fails without 'small', but its proof"):
        false_claim(radius_below_one(assumptions=small), "small", assumed=("square", "small"))


def test_the_false_claim_needs_a_predicate():
    predicate = radius_below_one()
    claim = false_claim(predicate)
    with pytest.raises(UsageError, match="one predicate"):
        replace(claim, predicates=())
    with pytest.raises(UsageError, match="is not a predicate of the claim"):
        replace(claim, predicates=(replace(predicate, name="another"),))


def test_a_wrong_example_is_an_error():
    with pytest.raises(LoopstabError, match="its example fails"):
        check(false_claim(radius_below_one(example=lambda: Fraction(3))))
