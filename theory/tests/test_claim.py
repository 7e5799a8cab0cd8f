"""What a claim is, and what it is not: bad claims, bad attacks, and the verdicts of a check."""

from dataclasses import replace

import pytest
import sympy as sp

from loopstab import (
    Architecture,
    Assumption,
    Claim,
    LoopstabError,
    Outcome,
    UsageError,
    Verdict,
    Weights,
    check,
)
from loopstab.theory.kernel.algebra import Equation
from loopstab.theory.kernel.claim import Finding
from loopstab.theory.kernel.falsifier import Falsifier
from loopstab.theory.kernel.predicate import Predicate
from loopstab.theory.kernel.proof import cited, deduced, identity, measured

X, Y = sp.symbols("x y")
STEP = identity(
    "square",
    "(x + y)^2",
    "every d",
    lambda: [Equation((X + Y) ** 2, X**2 + 2 * X * Y + Y**2)],
    ("h",),
)


def predicate(**change):
    """A case is whether h holds, and so does the conclusion."""
    made = {
        "name": "toy",
        "sentence": "statement",
        "concluded_by": ("square",),
        "assumptions": {"h": lambda case: case},
        "refute": lambda case: None if case else "found",
        "example": lambda: True,
    }
    return Predicate(**{**made, **change})


TOY = predicate()
GOOD = Falsifier("attack", "h", TOY, lambda: False)
HOLDS = (Assumption("h", "h holds"),)


def claim(steps=(STEP,), falsifiers=(GOOD,), assumptions=HOLDS, **more):
    return Claim(
        "T",
        "title",
        more.pop("source", "paper"),
        "statement",
        assumptions,
        steps,
        falsifiers,
        predicates=more.pop("predicates", tuple(item.predicate for item in falsifiers) or (TOY,)),
        **more,
    )


def test_a_measured_step_is_never_proved():
    sample = measured(
        "sample", "s", "d = 100", lambda: Finding(Verdict.PASSED, "0.5 +- 0.1, 100 draws")
    )
    report = check(claim((STEP, sample)))
    assert report.steps[1].finding.verdict is Verdict.PASSED
    assert report.verdict is Verdict.UNDECIDED


def test_verdicts():
    assert check(claim()).verdict is Verdict.PROVED
    wrong = identity("wrong", "s", "every d", lambda: [Equation(X, X + 1)])
    assert check(claim((STEP, wrong))).verdict is Verdict.REFUTED
    strong = predicate(refute=lambda case: None)
    idle = Falsifier("idle", "h", strong, lambda: False)
    assert check(claim(falsifiers=(idle,))).verdict is Verdict.UNDECIDED


def test_an_undecided_step_leaves_the_claim_undecided():
    hard = replace(STEP, name="hard", check=lambda: Finding(Verdict.UNDECIDED, "too hard"))
    assert check(claim((STEP, hard))).verdict is Verdict.UNDECIDED


def test_a_case_that_satisfies_every_assumption_refutes_the_claim():
    wrong = predicate(refute=lambda case: "found" if case == 7 else None)
    report = check(claim(falsifiers=(Falsifier("breach", "h", wrong, lambda: 7),)))
    assert report.verdict is Verdict.REFUTED
    assert report.falsifiers[0].breach
    assert not report.falsifiers[0].fired


WITNESSES = {
    "nothing fails": ({}, lambda: True, "h holds in it"),
    "another assumption fails": (
        {
            "assumptions": {"h": lambda case: case > 0, "other": lambda case: case > 1},
            "example": lambda: 2,
        },
        lambda: 0,
        "other fails as well",
    ),
    "the example fails": ({"example": lambda: False}, lambda: False, "its example fails"),
}


@pytest.mark.parametrize("name", WITNESSES)
def test_a_witness_drops_one_assumption_and_no_other(name):
    change, case, message = WITNESSES[name]
    with pytest.raises(LoopstabError, match=message):
        Falsifier("f", "h", predicate(**change), case).run()


def test_a_falsifier_drops_what_the_sentence_needs():
    with pytest.raises(UsageError, match="does not evaluate 'other'"):
        Falsifier("f", "other", TOY, lambda: False)


BAD_CLAIMS = {
    "duplicate step": ({"steps": (STEP, STEP)}, "used twice"),
    "step named like an assumption": (
        {"assumptions": (Assumption("h", "h"), Assumption("square", "s"))},
        "used twice",
    ),
    "unknown earlier step": (
        {"steps": (STEP, deduced("s", "s", "every d", ("later",)))},
        "neither an assumption nor an earlier step",
    ),
    "later step": ({"steps": (deduced("s", "s", "every d", ("square",)), STEP)}, "earlier step"),
    "own name": ({"steps": (STEP, deduced("s", "s", "every d", ("s",)))}, "earlier step"),
    "unknown discharge": (
        {"steps": (STEP, cited("s", "gelfand", "s", "every d", {"radius": ("nobody",)}))},
        "nobody",
    ),
    "idle assumption": (
        {"assumptions": (Assumption("h", "h"), Assumption("idle", "i"))},
        "used by no step",
    ),
    "unknown assumption": (
        {"falsifiers": (Falsifier("f", "x", predicate(assumptions={"x": bool}), lambda: False),)},
        "'x' is not assumed",
    ),
    "foreign falsifier": ({"predicates": (predicate(name="own"),)}, "is not a predicate"),
    "no predicates": ({"predicates": ()}, "one predicate"),
    "another sentence": (
        {"falsifiers": (Falsifier("f", "h", predicate(sentence="nonsense"), lambda: False),)},
        "not in the statement, word for word",
    ),
    "no such step": (
        {"falsifiers": (Falsifier("f", "h", predicate(concluded_by=("x",)), lambda: False),)},
        "is not a step of the proof",
    ),
    "proof without the assumption": (
        {"steps": (replace(STEP, uses=()),)},
        "fails without 'h', but its proof",
    ),
    "no steps": ({"steps": ()}, "at least one step"),
    "no falsifiers": ({"falsifiers": ()}, "at least one step"),
    "unknown theorem": (
        {"steps": (STEP, cited("s", "fermat", "s", "every d", {"h": ("h",)}))},
        "claim T, step 's': unknown theorem 'fermat'",
    ),
    "no statement": (
        {"steps": (replace(STEP, statement=""),)},
        "claim T, step 'square': statement is empty",
    ),
    "unknown source": ({"source": "rumour"}, "unknown source"),
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_bad_claims_raise(name):
    change, message = BAD_CLAIMS[name]
    with pytest.raises(UsageError, match=message):
        claim(**change)


def test_a_claim_gives_access_to_its_own_prediction():
    architecture = Architecture.parse("external/post")
    assert claim().predict(architecture) is None  # no rule for T
    n3 = replace(claim(), id="N3")
    assert n3.predict(architecture) is None
    made = n3.predict(architecture, Weights(kappa=0.5))
    assert made is not None
    assert (made.expected, made.claims) == (Outcome.FIXED_POINT, ("N3",))
