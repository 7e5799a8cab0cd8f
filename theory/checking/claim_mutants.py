"""Wrong variants of a claim as a whole, for the mutation test.

A registered formula is altered at its one definition, a theorem of the registry loses a hypothesis,
the claim loses an assumption, and a step is said to hold for more sizes than what it uses.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ...support.errors import LoopstabError, UsageError
from .. import formulas
from ..kernel.claim import Claim, Step, Verdict
from ..kernel.dimensions import excesses
from ..theorems import THEOREMS
from .expression_mutants import EXPRESSION_MUTATIONS

PER_FORMULA = 3
"""most mutants of one formula"""
ATTEMPTS = 12
"""random places that are tried in a formula"""

Made = Iterator[tuple[str, str, str, Verdict]]
"""subject, operator, change and verdict of each mutant"""


def formula_mutants(claim: Claim, rng: random.Random) -> Made:
    """Formulas of the claim altered where they are defined; the step that guards one must fail."""
    steps = {step.name: step for step in claim.steps}
    for name in formulas.names():
        true = formulas.formula(name)
        if true.claim != claim.id or true.guard not in steps:
            continue
        for operator, change, expression in _altered(true.expression, rng):
            mutant = replace(true, expression=expression)
            with registered(name, mutant):
                verdict = verdict_of(steps[true.guard])
            yield name, operator, change, verdict


def _altered(expression: Any, rng: random.Random) -> Iterator[tuple[str, str, Any]]:
    """Different wrong variants of an expression, their operators in random order."""
    seen = {expression}
    operators = list(EXPRESSION_MUTATIONS)
    rng.shuffle(operators)
    for operator in operators:
        if len(seen) > PER_FORMULA:
            return
        for _ in range(ATTEMPTS):
            made = EXPRESSION_MUTATIONS[operator](expression, rng)
            if made is not None and made[1] not in seen:
                seen.add(made[1])
                yield operator, made[0], made[1]
                break


@contextmanager
def registered(name: str, mutant: formulas.Formula) -> Iterator[None]:
    """The mutant in the place of the formula of this name."""
    registry = formulas._REGISTRY
    true = registry[name]
    registry[name] = lambda: mutant
    try:
        yield
    finally:
        registry[name] = true


def verdict_of(step: Step) -> Verdict:
    """The verdict of a step; content that is no mathematics any more has failed."""
    try:
        return step.check().verdict
    except (LoopstabError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError):
        return Verdict.FAILED


def theorem_mutants(claim: Claim) -> Made:
    """A theorem of the registry without one of its hypotheses; the step that cites it must fail."""
    for step in claim.steps:
        if step.theorem is None:
            continue
        true = THEOREMS[step.theorem]
        for key in true.hypotheses:
            left = {name: text for name, text in true.hypotheses.items() if name != key}
            THEOREMS[step.theorem] = replace(true, hypotheses=left)
            try:
                verdict = step.check().verdict
            finally:
                THEOREMS[step.theorem] = true
            yield step.name, "hypothesis dropped", f"{key} of {true.title}", verdict


def assumption_mutants(claim: Claim) -> Made:
    """The claim without an assumption, where one of its sentences needs it.

    It dies if a falsifier refutes the sentence in a case in which all that is left holds.
    """
    for name in sorted({name for item in claim.predicates for name in item.assumptions}):
        verdict = Verdict.UNDECIDED
        for item in (item for item in claim.falsifiers if item.drops == name):
            left = {key: holds for key, holds in item.predicate.assumptions.items() if key != name}
            weaker = replace(item.predicate, assumptions=left)
            case = item.case()
            if not weaker.broken(case) and weaker.refute(case) is not None:
                verdict = Verdict.FAILED
        yield name, "assumption dropped", name, verdict


def dimension_mutants(claim: Claim) -> Made:
    """A step that says every value of a size for which something that it uses does not hold.

    A step that uses nothing of the kind has no such mutant: what its own check covers is not data.
    """
    free = tuple(replace(step, dimensions=_widened(step)) for step in claim.steps)
    for number, step in enumerate(claim.steps):
        steps = (*claim.steps[:number], free[number], *claim.steps[number + 1 :])
        bounded = any(
            size.values is not None or size.limit
            for other in claim.steps
            if other.name in step.rests_on
            for name, size in other.sizes.items()
            if name in step.sizes and str(step.sizes[name]) != f"every {name}"
        )
        if bounded and step.kind != "measured":
            try:
                refused = any(name == step.name for name, _ in excesses(steps))
            except UsageError:
                refused = True
            verdict = Verdict.FAILED if refused else Verdict.PASSED
            yield step.name, "dimensions widened", free[number].dimensions, verdict


def _widened(step: Step) -> str:
    return ", ".join(f"every {name}" for name in step.sizes) or step.dimensions
