"""Two solvers decide a sentence; variables are told apart by identity; constants are refused."""

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import UsageError, Verdict
from loopstab.theory.kernel import sentence as sentences
from loopstab.theory.kernel.sentence import Sentence, decide, decision
from loopstab.theory.kernel.solvers import Z3, Cvc5, SolverAnswer, ask

X, Y = sp.symbols("x y")
FIRST, SECOND = sp.Dummy("x"), sp.Dummy("x")
LIMIT = 5_000
HARD = sum(x**4 for x in sp.symbols("p:12")) < sum(
    a**3 * b * (a - b) ** 2 for a, b in zip(sp.symbols("p:12"), sp.symbols("q:12"), strict=True)
)

FORMULAS = [
    ((X**2 < 0,), SolverAnswer.UNSATISFIABLE),
    ((X**2 <= 0, X >= 0), SolverAnswer.SATISFIABLE),
    ((sp.Eq(X**2, 2), sp.Rational(3, 2) < X), SolverAnswer.UNSATISFIABLE),
    ((sp.Eq(X, sp.Rational(-3, 2)), sp.Ne(2 * X, -3)), SolverAnswer.UNSATISFIABLE),
    ((sp.Implies(X > 0, Y > 0), X > 1, Y < 1), SolverAnswer.SATISFIABLE),
    ((sp.Equivalent(X > 0, Y > 0), X > 1, sp.Not(Y > 0)), SolverAnswer.UNSATISFIABLE),
    ((sp.Or(X > 1, X < -1), X**2 <= 1), SolverAnswer.UNSATISFIABLE),
    ((sp.true, X > Y, Y > X), SolverAnswer.UNSATISFIABLE),
    ((sp.false,), SolverAnswer.UNSATISFIABLE),
    ((FIRST > 0, SECOND < 0), SolverAnswer.SATISFIABLE),
    ((FIRST > 0, FIRST < 0), SolverAnswer.UNSATISFIABLE),
]


@pytest.mark.parametrize(("formulas", "wanted"), FORMULAS)
def test_both_solvers_know_the_answer(formulas, wanted):
    assert ask(Z3(LIMIT), formulas)[0] is wanted
    assert ask(Cvc5(LIMIT), formulas)[0] is wanted


@settings(deadline=None, max_examples=15)
@given(st.fractions(-3, 3), st.fractions(-3, 3), st.fractions(-3, 3))
def test_both_solvers_agree_with_the_discriminant(a, b, c):
    a, b, c = (sp.Rational(v.numerator, v.denominator) for v in (a, b, c))
    equation = [sp.Eq(a * X**2 + b * X + c, 0)] if (a, b) != (0, 0) else [sp.Eq(c + 0 * X, 0)]
    root = b**2 - 4 * a * c >= 0 if a != 0 else b != 0 or c == 0
    wanted = SolverAnswer.SATISFIABLE if root else SolverAnswer.UNSATISFIABLE
    assert {ask(solver, equation)[0] for solver in (Z3(LIMIT), Cvc5(LIMIT))} == {wanted}


def test_a_sentence_says_who_decided_it():
    made = decision(Sentence((X > 1,), X**2 > X))
    assert (made.finding, made.by) == (None, ("z3", "cvc5"))
    alone = decision(Sentence((X > 1,), X**2 > X), second_ms=None)
    assert (alone.finding, alone.by) == (None, ("z3",))


def test_cvc5_decides_where_z3_does_not(monkeypatch):
    monkeypatch.setattr(Z3, "check", lambda self, formulas: (SolverAnswer.UNKNOWN, ""))
    assert decision(Sentence((X > 1,), X**2 > X)).by == ("cvc5",)
    false = decision(Sentence((X > 0,), X**2 > X)).finding
    assert false is not None
    assert false.verdict is Verdict.FAILED
    monkeypatch.setattr(Cvc5, "check", lambda self, formulas: (SolverAnswer.UNKNOWN, ""))
    neither = decide(Sentence((X > 1,), X**2 > X))
    assert neither is not None
    assert neither.verdict is Verdict.UNDECIDED


def test_a_contradiction_between_the_solvers_fails(monkeypatch):
    monkeypatch.setattr(Cvc5, "check", lambda self, formulas: (SolverAnswer.SATISFIABLE, ""))
    found = decision(Sentence((X > 1,), X**2 > X)).finding
    assert found is not None
    assert found.verdict is Verdict.FAILED
    assert "z3 that it is true" in found.detail


def test_the_child_process_is_stopped_at_its_limit_and_started_again():
    assert ask(Cvc5(100), (HARD,))[0] in (SolverAnswer.UNKNOWN, SolverAnswer.SATISFIABLE)
    assert ask(Cvc5(1), (X**2 < 0,))[0] in (SolverAnswer.UNKNOWN, SolverAnswer.UNSATISFIABLE)
    assert ask(Cvc5(LIMIT), (X**2 < 0,))[0] is SolverAnswer.UNSATISFIABLE


def test_symbols_of_one_name_are_different_variables():
    """From x > 0 nothing follows for another symbol that is written x as well."""
    found = decide(Sentence((FIRST > 0,), SECOND > 0))
    assert found is not None
    assert found.verdict is Verdict.FAILED
    assert decide(Sentence((FIRST > 0,), 2 * FIRST > 0)) is None


@pytest.mark.parametrize("constant", [sp.true, sp.false, X / X > 0, sp.Max(X, 0) >= 0, sp.Eq(X, X)])
def test_a_constant_conclusion_is_refused(constant):
    with pytest.raises(UsageError, match="the conclusion is constant"):
        decide(Sentence((X > 0,), constant))


@pytest.mark.parametrize("more", [{"positive": True}, {"real": True}, {"complex": True}])
def test_symbols_with_assumptions_are_refused(more):
    with pytest.raises(UsageError, match="no assumptions"):
        decide(Sentence((X > 0,), X + sp.Symbol("x", **more) ** 2 > 0))


def test_a_sentence_without_cases_is_empty():
    found = decide(Sentence((X > 1, X < 0), Y > 0))
    assert found is not None
    assert "contradict" in found.detail


def test_the_limits_are_those_that_the_documentation_names():
    assert (sentences.TIME_LIMIT_MS, sentences.SECOND_LIMIT_MS) == (20_000, 5_000)
