"""The builders that proofs are written with: one for each kind of step, with its check.

The builder of a machine-checked step takes a function that returns the mathematics; it is called
only when the step is checked.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import flint
import sympy as sp

from ..theorems import THEOREMS
from . import content
from .algebra import Equation, Words
from .claim import Finding, Kind, Step, Verdict
from .content import Item
from .sentence import TIME_LIMIT_MS, Sentence, decision
from .sentence import decide as decide

REDUCED = "normal form and random points"
EVALUATED = "by evaluation when built"
"""how an equation was checked whose sides SymPy made one expression before the kernel saw them"""
PRECISION = 160
"""bits of ball arithmetic"""

Names = Sequence[str]
Induction = tuple[str, str] | tuple[()]
"""names of the base case and the induction step, both earlier steps; empty without induction"""


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
        marks = [EVALUATED if item.holds_when_built else REDUCED for item in equations]
        reduced, evaluated = marks.count(REDUCED), marks.count(EVALUATED)
        texts = [
            f"{reduced} equation(s) reduced to zero, each re-checked at random rational points"
            if reduced
            else "",
            f"{evaluated} equation(s) hold by evaluation when built" if evaluated else "",
        ]
        return _all_of(marks, "; ".join(text for text in texts if text))

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
    """A step for whose sentences z3 or cvc5 must refute the negation, and neither contradict it.

    The premises of each sentence must be satisfiable, so that no sentence is empty.
    """

    def judge(sentences: Sequence[Any]) -> Finding:
        marks: list[str] = []
        for number, sentence in enumerate(sentences, 1):
            made = decision(sentence, limit_ms)
            if made.finding is not None:
                return Finding(
                    made.finding.verdict,
                    f"sentence {number} of {len(sentences)}: {made.finding.detail}",
                )
            marks.append(" and ".join(made.by))
        by = ", ".join(f"{count} by {solvers}" for solvers, count in Counter(marks).items())
        return _all_of(
            marks, f"{len(marks)} sentence(s): premises satisfiable, negation unsatisfiable ({by})"
        )

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
            return _all_of(
                [f"a ball of {PRECISION} bits"] * len(bounds),
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

    def check() -> Finding:
        items = build()
        finding = judge(items)
        shown = [_shown(item) for item in items]
        marks = finding.checked or ("",) * len(shown)
        content = [replace(item, checked=mark) for item, mark in zip(shown, marks, strict=True)]
        return replace(finding, content=tuple(content))

    return Step(
        name,
        kind,
        statement,
        dimensions,
        check,
        tuple(uses),
        build=build,
        judge=judge,
        induction=induction,
        show=lambda: tuple(_shown(item) for item in build()),
    )


def _shown(item: Any) -> Item:
    """A part of the content of a machine-checked step, for a reader."""
    if isinstance(item, Sentence):
        return content.sentence(item.given, item.then)
    if isinstance(item, Bound):
        return content.bound(item.label, item.value, item.low, item.high)
    return content.equation(item)


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
            content=show(),
        )

    def show() -> tuple[Item, ...]:
        if theorem not in THEOREMS:
            return ()
        found = THEOREMS[theorem]
        met = [(f"{key}: {text}", given.get(key, ())) for key, text in found.hypotheses.items()]
        return content.theorem(found.title, found.statement, met)

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
        show=show,
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


def _all_of(marks: Sequence[str], text: str) -> Finding:
    """All parts passed, each as its mark says; it takes at least one."""
    if not marks:
        return Finding(Verdict.FAILED, "nothing to check")
    return Finding(Verdict.PASSED, text, tuple(marks))
