"""The kernel rejects what is wrong: mutants of each kind of step, bad claims, bad attacks."""

import random
from dataclasses import replace

import flint
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import Step, UsageError, Verdict
from loopstab.theory.kernel import proof
from loopstab.theory.kernel.algebra import Equation, Words, diagonal, random_matrix
from loopstab.theory.kernel.claim import Finding
from loopstab.theory.kernel.proof import (
    Bound,
    Sentence,
    both,
    cited,
    decided,
    deduced,
    enclosed,
    identity,
)
from loopstab.theory.kernel.sentence import Decision

X, Y, Z = sp.symbols("x y z")
M, B = sp.symbols("M B", commutative=False)


def verdict(step):
    return step.check().verdict


def simple_identity(left, right, **more):
    return identity("step", "left = right", "every d", lambda: [Equation(left, right, **more)])


STEP = identity(
    "square",
    "(x + y)^2",
    "every d",
    lambda: [Equation((X + Y) ** 2, X**2 + 2 * X * Y + Y**2)],
    ("h",),
)


EQUATIONS = {
    "polynomial": ((X + Y) ** 2, X**2 + 2 * X * Y + Y**2, (X + Y) ** 2, X**2 + Y**2),
    "rational": (1 / X - 1 / Y, (Y - X) / (X * Y), 1 / X - 1 / Y, (X - Y) / (X * Y)),
    "nearly": (X / 3, X / 3, X / 3, X * sp.Rational(333333333, 10**9)),
    "constant": (sp.Integer(1), sp.Integer(1), sp.Integer(1), sp.Integer(2)),
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_identity_true_and_mutant(name):
    left, right, wrong_left, wrong_right = EQUATIONS[name]
    assert verdict(simple_identity(left, right)) is Verdict.PASSED
    assert verdict(simple_identity(wrong_left, wrong_right)) is Verdict.FAILED


@pytest.mark.parametrize("wrong", [sp.sqrt(X**2), sp.Abs(X)])
def test_identity_does_not_take_a_branch_for_granted(wrong):
    assert verdict(simple_identity(wrong, X)) is Verdict.FAILED


def test_the_points_are_drawn_on_the_relations():
    def on_circle(rng):
        q = sp.Rational(rng.randint(1, 9), 7)
        return {X: (1 - q**2) / (1 + q**2), Y: 2 * q / (1 + q**2)}

    relation = (X**2 + Y**2 - 1,)
    assert (
        verdict(simple_identity(X**4 - Y**4, X**2 - Y**2, where=relation, point=on_circle))
        is Verdict.PASSED
    )
    assert (
        verdict(simple_identity(X**4 + Y**4, sp.Integer(1), where=relation, point=on_circle))
        is Verdict.FAILED
    )
    with pytest.raises(UsageError, match="violates the relation"):
        simple_identity(
            X, X, where=relation, point=lambda rng: {X: sp.Integer(1), Y: sp.Integer(1)}
        ).check()
    with pytest.raises(UsageError, match="give a function `point`"):
        simple_identity(X, X, where=relation).check()


WORDS = {
    "order_matters": ((M + B) ** 2, M**2 + M * B + B * M + B**2, M**2 + 2 * M * B + B**2),
    "inverse": (M**-1 * (M + B), 1 + M**-1 * B, 1 + B * M**-1),
}


@pytest.mark.parametrize("name", WORDS)
def test_words_true_and_mutant(name):
    left, right, wrong = WORDS[name]
    assert Words(left, right).refute(random.Random(0)) is None
    assert "unequal for random rational matrices" in (
        Words(left, wrong).refute(random.Random(0)) or ""
    )
    assert "left over" in (Words(left, wrong)._refute_normal_form() or "")


def test_points_and_normal_form_each_refute_alone():
    """Two routes: what one of them lets pass, the other still has to catch."""
    wrong = Equation(X / 3, X * sp.Rational(333333333, 10**9))
    assert "the left side is" in (
        wrong._refute_at_points(wrong.left, wrong.right, random.Random(0)) or ""
    )
    assert "normal form" in (wrong._refute_normal_form(wrong.left, wrong.right) or "")
    blind = Equation(
        X * (X - 1), sp.Integer(0), point=lambda rng: {X: sp.Integer(1)}
    )  # every point is a root
    assert "normal form" in (blind.refute(random.Random(0)) or "")


def test_an_equation_without_regular_points_fails():
    nowhere = Equation(1 / X, 1 / X, point=lambda rng: {X: sp.Integer(0)})
    assert "only 0 regular points" in (nowhere.refute(random.Random(0)) or "")
    singular = Words(M**-1 * B, M**-1 * B, (), lambda rng, size: {M: diagonal([0] * size)})
    assert "only 0 regular matrices" in (singular.refute(random.Random(0)) or "")


def test_a_rule_that_the_model_breaks_is_reported():
    def model(rng, size):
        return {M: random_matrix(rng, size)}

    with pytest.raises(UsageError, match="violates the rule"):
        Words(M * M, M, (((M, M), M),), model).refute(random.Random(0))
    with pytest.raises(UsageError, match="need a model"):
        Words(M * M, M, (((M, M), M),)).refute(random.Random(0))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_random_points_alone_catch_a_commuted_word(seed, size):
    rng = random.Random(seed)
    values = {M: random_matrix(rng, size), B: random_matrix(rng, size)}
    from loopstab.theory.kernel.algebra import _matrix

    assert _matrix(M * B - B * M, values, size) == values[M] * values[B] - values[B] * values[M]
    assert _matrix((M * B) ** -1, values, size) == _matrix(B**-1 * M**-1, values, size)


SENTENCES = {
    "square": (Sentence((), X**2 + Y**2 >= 2 * X * Y), Sentence((), X**2 + Y**2 > 2 * X * Y)),
    "edge": (Sentence((X > 0, X < 1), X**2 < X), Sentence((X > 0, X <= 1), X**2 < X)),
    "roots": (
        Sentence((sp.Eq(X**2, 2), X > 0), both(sp.Rational(7, 5) < X, sp.Rational(3, 2) > X)),
        Sentence((sp.Eq(X**2, 2),), X > 0),
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_decided_true_and_mutant(name):
    true, false = SENTENCES[name]
    assert verdict(decided("s", "s", "d = 1", lambda: [true])) is Verdict.PASSED
    found = decided("s", "s", "d = 1", lambda: [false]).check()
    assert found.verdict is Verdict.FAILED
    assert "e.g." in found.detail


def test_contradictory_premises_prove_nothing():
    found = decided("s", "s", "d = 1", lambda: [Sentence((X > 1, X < 0), Y > 0)]).check()
    assert found.verdict is Verdict.FAILED
    assert "contradict" in found.detail


def test_unknown_is_undecided_and_not_proved():
    undecided = Decision(Finding(Verdict.UNDECIDED, "both reached their limits"))
    step = decided("hard", "s", "d = 1", lambda: [Sentence((), X**2 >= 0)], ("h",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "decision", lambda sentence, limit_ms: undecided)
        assert verdict(step) is Verdict.UNDECIDED


@pytest.mark.parametrize("bad", [sp.exp(X) > 0, sp.sqrt(X) > 0, 1 / X > 0])
def test_decided_takes_polynomials_only(bad):
    with pytest.raises(UsageError, match="polynomial"):
        decided("s", "s", "d = 1", lambda: [Sentence((), bad)]).check()


def test_decided_refuses_symbols_with_assumptions():
    with pytest.raises(UsageError, match="no assumptions"):
        decided(
            "s", "s", "d = 1", lambda: [Sentence((), sp.Symbol("q", positive=True) * X > 0)]
        ).check()


BOUNDS = {
    "inside": (lambda: flint.arb.pi(), "3.14", "3.15", Verdict.PASSED),
    "outside": (lambda: flint.arb.pi(), "3.15", "3.16", Verdict.FAILED),
    "too_wide": (lambda: flint.arb("3.145", "0.1"), "3.14", "3.15", Verdict.UNDECIDED),
    "touching": (lambda: flint.arb(3), "3", "4", Verdict.UNDECIDED),
    "nan": (lambda: flint.arb("nan"), "3", "4", Verdict.UNDECIDED),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_enclosed(name):
    value, low, high, wanted = BOUNDS[name]
    assert (
        verdict(enclosed("s", "s", "d = 1", lambda: [Bound("value", value(), low, high)])) is wanted
    )


@pytest.mark.parametrize("build", [identity, decided, enclosed])
def test_a_step_with_nothing_to_check_fails(build):
    assert verdict(build("s", "s", "d = 1", list)) is Verdict.FAILED


def test_cited_needs_every_hypothesis():
    full = {"complete": ("h",), "self_map": ("h",), "contraction": ("h",)}
    assert verdict(cited("s", "banach", "s", "every d", full)) is Verdict.PASSED
    for key in full:
        found = cited("s", "banach", "s", "every d", {**full, key: ()}).check()
        assert found.verdict is Verdict.FAILED
        assert key in found.detail
    assert (
        verdict(cited("s", "banach", "s", "every d", {**full, "compact": ("h",)})) is Verdict.FAILED
    )
    assert verdict(cited("s", "fermat", "s", "every d", {})) is Verdict.FAILED


def test_deduced_from_nothing_fails():
    assert verdict(deduced("s", "s", "every d", ())) is Verdict.FAILED


def test_only_a_cited_step_names_a_theorem():
    with pytest.raises(UsageError, match="names its theorem"):
        Step("s", STEP.kind, "s", "d = 1", STEP.check, theorem="banach")


def test_what_a_step_checks_is_shown():
    finding = STEP.check()
    assert [item.to_json() for item in finding.content] == [
        {
            "kind": "equation",
            "text": "(x + y)^2 = x^2 + 2*x*y + y^2",
            "latex": r"\left(x + y\right)^{2} = x^{2} + 2 x y + y^{2}",
            "checked": "normal form and random points",
        }
    ]
    assert [replace(item, checked="") for item in finding.content] == list(STEP.content())
    sentence = decided("s", "s", "d = 1", lambda: [Sentence((X > 1,), X**2 > X)]).check()
    assert sentence.content[0].text == "x > 1 implies x^2 > x"
    assert sentence.content[0].checked == "z3 and cvc5"
    ball = enclosed("s", "s", "no size", lambda: [Bound("pi", flint.arb.pi(), "3", "4")])
    assert ball.content()[0].text.startswith("3 < pi = [3.1415926535")
    citation = cited("s", "gelfand", "s", "every d", {"radius": ("h",)}).check()
    assert [item.kind for item in citation.content] == ["theorem", "hypothesis"]
    assert citation.content[1].checked == "by h"
    assert deduced("s", "s", "every d", ("h",)).content() == ()


def test_equations_that_hold_when_built_are_not_counted():
    equations = [Equation(X + X, 2 * X), Equation((X + 1) ** 2, X**2 + 2 * X + 1)]
    found = identity("s", "s", "no size", lambda: equations).check()
    assert found.verdict is Verdict.PASSED
    assert found.detail == (
        "1 equation(s) reduced to zero, each re-checked at random rational points; 1 equation(s)"
        " hold by evaluation when built"
    )
    assert found.checked == ("by evaluation when built", "normal form and random points")
