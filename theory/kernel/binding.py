"""What ties the sentences of a claim, their proof and the attacks on them together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...support.errors import UsageError

if TYPE_CHECKING:
    from .claim import Claim, Step
    from .predicate import Predicate


def require_bound(claim: Claim) -> None:
    """Refuse a claim whose sentences, proof and attacks are about different things.

    Raises:
        UsageError: the sentence of a predicate is not in the statement, word for word; a step or
            an assumption of it is unknown; a falsifier attacks a sentence of another claim, or
            shows that a sentence needs an assumption that its proof does not use.
    """
    assumed = [item.name for item in claim.assumptions]
    for predicate in claim.predicates:
        _require_predicate(claim, predicate, assumed)
    for item in claim.falsifiers:
        where = f"claim {claim.id}, falsifier {item.name}"
        if item.predicate not in claim.predicates:
            raise UsageError(f"{where}: {item.predicate.name!r} is not a predicate of the claim")
        if item.drops not in assumed:
            raise UsageError(
                f"{where}: it drops {item.drops!r}, which is not assumed; name one of the claim's"
                " assumptions"
            )
        proof = grounds(claim.steps, item.predicate.concluded_by)
        if item.drops not in proof:
            raise UsageError(
                f"{where}: the sentence {item.predicate.name!r} fails without {item.drops!r}, but"
                f" its proof ({', '.join(item.predicate.concluded_by)}) does not use it"
            )


def grounds(steps: Iterable[Step], names: Iterable[str]) -> set[str]:
    """These steps, and all steps and assumptions that they rest on, directly or not."""
    by_name = {step.name: step for step in steps}
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += by_name[name].rests_on if name in by_name else ()
    return found


def _require_predicate(claim: Claim, predicate: Predicate[Any], assumed: list[str]) -> None:
    where = f"claim {claim.id}, predicate {predicate.name!r}"
    if predicate.sentence not in claim.statement:
        raise UsageError(f"{where}: its sentence is not in the statement, word for word")
    steps = [step.name for step in claim.steps]
    for name in predicate.concluded_by:
        if name not in steps:
            raise UsageError(f"{where}: {name!r} is not a step of the proof")
    for name in predicate.assumptions:
        if name not in assumed:
            raise UsageError(f"{where}: {name!r} is not assumed")
