"""Sentences about all reals, and their decision by two solvers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from ...support.errors import UsageError
from .claim import Finding, Verdict
from .solvers import Z3, Cvc5, Solver, SolverAnswer, ask

TIME_LIMIT_MS = 20_000
"""z3's time limit for one sentence; the sentences of the ledger take well under a second"""
SECOND_LIMIT_MS = 5_000
"""cvc5's time limit for one sentence"""


@dataclass(frozen=True)
class Sentence:
    """For all reals, `given` implies `then`: polynomials in symbols that carry no assumptions."""

    given: tuple[Any, ...]
    then: Any


@dataclass(frozen=True)
class Decision:
    """What the solvers say of a sentence.

    Args:
        finding: None if the sentence is true, otherwise what was found.
        by: the names of the solvers that refuted its negation.
    """

    finding: Finding | None
    by: tuple[str, ...] = ()


def decide(
    sentence: Sentence, limit_ms: int = TIME_LIMIT_MS, effort: int | None = None
) -> Finding | None:
    """Decide a sentence with z3, and with cvc5 where z3 reaches its limit.

    Args:
        sentence: the sentence.
        limit_ms: z3's time limit, in milliseconds.
        effort: limit of z3's resource count, which unlike time does not depend on the machine's
            load; None for no limit. With a limit z3 is asked alone.

    Returns:
        None when the sentence is true, otherwise what was found.

    Raises:
        UsageError: a symbol carries assumptions, the conclusion is constant, or something is not
            polynomial.

    Example:
        >>> import sympy as sp
        >>> from loopstab.theory.kernel.sentence import Sentence, decide
        >>> x = sp.Symbol("x")
        >>> decide(Sentence((x > 1,), x**2 > x)) is None
        True
        >>> decide(Sentence((x >= 1,), x**2 > x)).detail
        'false, e.g. [x = 1]'
    """
    second = None if effort is not None else SECOND_LIMIT_MS
    return decision(sentence, limit_ms, effort, second, confirm=False).finding


def decision(
    sentence: Sentence,
    limit_ms: int = TIME_LIMIT_MS,
    effort: int | None = None,
    second_ms: int | None = SECOND_LIMIT_MS,
    confirm: bool = True,
) -> Decision:
    """Decide a sentence with both solvers.

    Its premises must hold together somewhere, so that the sentence is not empty; its premises with
    the negated conclusion must hold nowhere.

    Args:
        sentence: the sentence.
        limit_ms: z3's time limit, in milliseconds.
        effort: limit of z3's resource count; None for no limit.
        second_ms: cvc5's time limit, in milliseconds; None to leave cvc5 out.
        confirm: whether cvc5 is asked also where z3 has refuted the negation.

    Returns:
        What they say. A sentence on which they contradict each other has failed.

    Raises:
        UsageError: a symbol carries assumptions, the conclusion is constant, or something is not
            polynomial.
    """
    _require_plain(sentence)

    def solvers() -> list[Solver]:
        second: list[Solver] = [] if second_ms is None else [Cvc5(second_ms)]
        return [Z3(limit_ms, effort), *second]

    premises = _first_answer(solvers(), sentence.given)
    if premises is SolverAnswer.UNSATISFIABLE:
        text = "the premises contradict each other: the sentence is empty"
        return Decision(Finding(Verdict.FAILED, text))
    negation = (*sentence.given, sp.Not(sentence.then))
    first, *others = solvers()
    answer, model = ask(first, negation)
    if answer is SolverAnswer.SATISFIABLE:
        return Decision(Finding(Verdict.FAILED, f"false, e.g. {model}"))
    by = [first.name] if answer is SolverAnswer.UNSATISFIABLE else []
    for other in others if confirm or not by else []:
        said, _ = ask(other, negation)
        if said is SolverAnswer.SATISFIABLE:
            text = f"{other.name} says that it is false" + (", z3 that it is true" if by else "")
            return Decision(Finding(Verdict.FAILED, text))
        by += [other.name] if said is SolverAnswer.UNSATISFIABLE else []
    limits = f"z3 does not decide it within its limit ({limit_ms / 1000:g} s)"
    if premises is SolverAnswer.UNKNOWN or not by:
        return Decision(Finding(Verdict.UNDECIDED, limits))
    return Decision(None, tuple(by))


def _first_answer(solvers: list[Solver], formulas: tuple[Any, ...]) -> SolverAnswer:
    """The answer of the first solver that gives one."""
    answers = (ask(solver, formulas)[0] for solver in solvers)
    return next(
        (answer for answer in answers if answer is not SolverAnswer.UNKNOWN), SolverAnswer.UNKNOWN
    )


def _require_plain(sentence: Sentence) -> None:
    """Refuse symbols that carry assumptions, and a conclusion without symbols."""
    letters = set().union(
        *(sp.sympify(part).free_symbols for part in (*sentence.given, sentence.then))
    )
    if any(x.assumptions0 != {"commutative": True} for x in letters):
        raise UsageError(
            "symbols of a decided sentence carry no assumptions (SymPy would simplify with them);"
            " use plain sp.symbols"
        )
    if not sp.sympify(sentence.then).free_symbols:
        raise UsageError(
            f"the conclusion is constant: SymPy evaluated it to {sentence.then} before a solver saw"
            " it; write it so that it keeps its symbols, or leave it out"
        )
