"""The builders that proofs are written with: one for each kind of step, with its check.

The builder of a machine-checked step takes a function that returns the mathematics; it is called
only when the step is checked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import flint
import sympy as sp
import z3

from ...support.errors import UsageError
from ..theorems import THEOREMS
from .algebra import Equation, Words
from .claim import Finding, Kind, Step, Verdict

TIME_LIMIT_MS = 20_000
"""z3's time limit for one sentence; the sentences of the ledger take well under a second"""
PRECISION = 160
"""bits of ball arithmetic"""

Names = Sequence[str]
Induction = tuple[str, str] | tuple[()]
"""names of the base case and the induction step, both earlier steps; empty without induction"""


@dataclass(frozen=True)
class Sentence:
    """For all reals, `given` implies `then`: polynomials in symbols that carry no assumptions."""

    given: tuple[Any, ...]
    then: Any


@dataclass(frozen=True)
class Bound:
    """low < value < high; `value` is a ball (flint.arb), the ends are decimal strings."""

    label: str
    value: flint.arb
    low: str
    high: str


def identity(
    name: str,
    statement: str,
    dimensions: str,
    build: Callable[[], Sequence[Equation | Words]],
    uses: Names = (),
    induction: Induction = (),
) -> Step:
    """A step whose equations must reduce to zero and agree at random rational points."""

    def judge(equations: Sequence[Any]) -> Finding:
        rng = random.Random(name)
        for number, equation in enumerate(equations, 1):
            reason = equation.refute(rng)
            if reason is not None:
                return Finding(Verdict.FAILED, f"equation {number} of {len(equations)}: {reason}")
        return _all_of(
            equations, "equation(s) reduced to zero, each re-checked at random rational points"
        )

    return _checked(name, Kind.IDENTITY, statement, dimensions, build, judge, uses, induction)


def decided(
    name: str,
    statement: str,
    dimensions: str,
    build: Callable[[], Sequence[Sentence]],
    uses: Names = (),
    limit_ms: int = TIME_LIMIT_MS,
    induction: Induction = (),
) -> Step:
    """A step for whose sentences z3 must refute the negation.

    The premises of each sentence must be satisfiable, so that no sentence is empty.
    """

    def judge(sentences: Sequence[Any]) -> Finding:
        for number, sentence in enumerate(sentences, 1):
            finding = decide(sentence, limit_ms)
            if finding is not None:
                return Finding(
                    finding.verdict, f"sentence {number} of {len(sentences)}: {finding.detail}"
                )
        return _all_of(sentences, "sentence(s): premises satisfiable, negation unsatisfiable")

    return _checked(name, Kind.DECIDED, statement, dimensions, build, judge, uses, induction)


def enclosed(
    name: str,
    statement: str,
    dimensions: str,
    build: Callable[[], Sequence[Bound]],
    uses: Names = (),
    induction: Induction = (),
) -> Step:
    """A step whose balls must lie strictly between their bounds."""

    @wraps(build)
    def in_precision() -> Sequence[Bound]:
        with flint.ctx.workprec(PRECISION):
            return build()

    def judge(bounds: Sequence[Any]) -> Finding:
        with flint.ctx.workprec(PRECISION):
            for bound in bounds:
                low, high = flint.arb(bound.low), flint.arb(bound.high)
                if not (low < bound.value and bound.value < high):
                    outside = bound.value < low or bound.value > high
                    verdict = Verdict.FAILED if outside else Verdict.UNDECIDED
                    return Finding(
                        verdict,
                        f"{bound.label} is in {bound.value.str(12)}, wanted between {bound.low} and"
                        f" {bound.high}",
                    )
            if not bounds:
                return Finding(Verdict.FAILED, "nothing to check")
            return Finding(
                Verdict.PASSED,
                "; ".join(f"{bound.label} = {bound.value.str(12)}" for bound in bounds),
            )

    return _checked(
        name, Kind.ENCLOSED, statement, dimensions, in_precision, judge, uses, induction
    )


def _checked(
    name: str,
    kind: Kind,
    statement: str,
    dimensions: str,
    build: Callable[[], Sequence[Any]],
    judge: Callable[[Sequence[Any]], Finding],
    uses: Names,
    induction: Induction,
) -> Step:
    """A machine-checked step; `judge` decides what `build` returns, and mutants of it."""
    return Step(
        name,
        kind,
        statement,
        dimensions,
        lambda: judge(build()),
        tuple(uses),
        build=build,
        judge=judge,
        induction=induction,
    )


def cited(
    name: str,
    theorem: str,
    statement: str,
    dimensions: str,
    discharges: Mapping[str, Names],
    uses: Names = (),
    induction: Induction = (),
) -> Step:
    """A step that applies a named theorem; it fails unless each hypothesis is discharged."""
    given = {key: tuple(names) for key, names in discharges.items()}

    def check() -> Finding:
        if theorem not in THEOREMS:
            return Finding(
                Verdict.FAILED,
                f"unknown theorem {theorem!r}; the registry has {', '.join(THEOREMS)}",
            )
        wanted = THEOREMS[theorem].hypotheses
        for key, text in wanted.items():
            if not given.get(key):
                return Finding(
                    Verdict.FAILED,
                    f"hypothesis {key!r} of {THEOREMS[theorem].title} is not discharged: {text}",
                )
        extra = [key for key in given if key not in wanted]
        if extra:
            return Finding(
                Verdict.FAILED,
                f"{THEOREMS[theorem].title} has no hypothesis {extra[0]!r}; it has"
                f" {', '.join(wanted)}",
            )
        by = "; ".join(f"{key} by {', '.join(given[key])}" for key in wanted)
        return Finding(
            Verdict.PASSED,
            f"{THEOREMS[theorem].title} ({by}); the theorem itself is not machine-checked",
        )

    return Step(
        name,
        Kind.CITED,
        statement,
        dimensions,
        check,
        tuple(uses),
        theorem,
        given,
        induction=induction,
    )


def deduced(
    name: str, statement: str, dimensions: str, uses: Names, induction: Induction = ()
) -> Step:
    """A step written for a reader; it fails when it names nothing that it rests on."""

    def check() -> Finding:
        if not uses and not induction:
            return Finding(
                Verdict.FAILED, "a deduced step names the steps or assumptions that it uses"
            )
        return Finding(
            Verdict.PASSED,
            f"from {', '.join((*uses, *induction))}; written for a reader, not machine-checked",
        )

    return Step(name, Kind.DEDUCED, statement, dimensions, check, tuple(uses), induction=induction)


def measured(
    name: str,
    statement: str,
    dimensions: str,
    sample: Callable[[], Finding],
    uses: Names = (),
    induction: Induction = (),
) -> Step:
    """A step that rests on Monte Carlo; a claim that has one is never proved."""
    return Step(
        name, Kind.MEASURED, statement, dimensions, sample, tuple(uses), induction=induction
    )


def both(*parts: Any) -> Any:
    """The conjunction, for premises and conclusions of sentences."""
    return sp.And(*parts)


def _all_of(items: Sequence[object], text: str) -> Finding:
    return (
        Finding(Verdict.PASSED, f"{len(items)} {text}")
        if items
        else Finding(Verdict.FAILED, "nothing to check")
    )


def decide(
    sentence: Sentence, limit_ms: int = TIME_LIMIT_MS, effort: int | None = None
) -> Finding | None:
    """Decide a sentence with z3.

    Args:
        sentence: the sentence.
        limit_ms: time limit, in milliseconds.
        effort: limit of z3's resource count, which unlike time does not depend on the machine's
            load; None for no limit.

    Returns:
        None when the sentence is true, otherwise what was found.

    Raises:
        UsageError: a symbol carries assumptions, or something is not polynomial.
    """
    letters = set().union(
        *(sp.sympify(part).free_symbols for part in (*sentence.given, sentence.then))
    )
    if any(x.is_positive is not None or x.is_real is not None for x in letters):
        raise UsageError(
            "symbols of a decided sentence carry no assumptions (SymPy would simplify with them);"
            " use plain sp.symbols"
        )
    given = [_to_z3(item) for item in sentence.given]
    for extra, wanted, otherwise in (
        ([], z3.sat, "the premises contradict each other: the sentence is empty"),
        ([z3.Not(_to_z3(sentence.then))], z3.unsat, "false"),
    ):
        solver = z3.SolverFor("QF_NRA")
        solver.set("timeout", limit_ms)
        if effort is not None:
            solver.set("rlimit", effort)
        solver.add(*given, *extra)
        answer = solver.check()
        if answer == z3.unknown:
            return Finding(
                Verdict.UNDECIDED, f"z3 does not decide it within its limit ({limit_ms / 1000:g} s)"
            )
        if answer != wanted:
            model = f", e.g. {solver.model()}".replace("\n", "") if answer == z3.sat else ""
            return Finding(Verdict.FAILED, otherwise + model)
    return None


def _to_z3(node: Any) -> Any:
    """A polynomial formula of SymPy as a z3 term; `UsageError` if it is not polynomial."""
    if node is True or node is sp.true:
        return z3.BoolVal(True)
    if node is False or node is sp.false:
        return z3.BoolVal(False)
    if isinstance(node, sp.Symbol):
        return z3.Real(node.name)
    if isinstance(node, sp.Rational):
        return z3.Q(int(node.p), int(node.q))
    if isinstance(node, sp.Pow) and node.exp.is_Integer and node.exp > 0:
        base = _to_z3(node.base)
        return z3.Product(*[base] * int(node.exp))
    if isinstance(node, sp.Add):
        return z3.Sum(*map(_to_z3, node.args))
    if isinstance(node, sp.Mul):
        return z3.Product(*map(_to_z3, node.args))
    table: dict[Any, Callable[..., Any]] = {
        sp.And: z3.And,
        sp.Or: z3.Or,
        sp.Not: z3.Not,
        sp.Implies: z3.Implies,
        sp.Equivalent: lambda a, b: a == b,
        sp.StrictLessThan: lambda a, b: a < b,
        sp.LessThan: lambda a, b: a <= b,
        sp.StrictGreaterThan: lambda a, b: a > b,
        sp.GreaterThan: lambda a, b: a >= b,
        sp.Equality: lambda a, b: a == b,
        sp.Unequality: lambda a, b: a != b,
    }
    build = table.get(node.func) if isinstance(node, sp.Basic) else None
    if build is None:
        raise UsageError(
            f"z3 takes polynomial sentences only, not {node}: clear denominators and name roots by"
            " symbols with relations"
        )
    return build(*map(_to_z3, node.args))
