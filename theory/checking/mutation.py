"""The mutation test of the ledger: the kernel must reject wrong variants of steps and claims.

The variants, called mutants, are made automatically. An identity loses a term, a factor or a sign,
has a coefficient or an exponent changed, or two letters swapped that do not commute; equations that
hold by evaluation when built are left out, as any change of them would show. A decided sentence has
a premise dropped or relaxed, or its conclusion negated, made strict or tightened. A bound moves
beyond its ball. The module `claim_mutants` alters formulas, theorems, assumptions and dimensions. A
mutant that happens to be true is rightly accepted: it survives and is listed.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import flint

from ...support.errors import UsageError
from ...support.schema import ListOf, ObjectOf, Text
from ..kernel.algebra import Equation, Words
from ..kernel.claim import Claim, Finding, Kind, Step, Verdict
from ..kernel.proof import PRECISION, Bound, Sentence
from ..kernel.sentence import decide
from .cache import TEXT, ProofCache
from .claim_mutants import assumption_mutants, dimension_mutants, formula_mutants, theorem_mutants
from .expression_mutants import EXPRESSION_MUTATIONS
from .sentence_mutants import SENTENCE_MUTATIONS

PER_STEP = 6
"""most mutants of one step"""
EFFORT = 400_000
"""z3's resource limit for one mutant: a count, so that the outcome is the same on a busy machine"""
ATTEMPTS = 12
"""random places that are tried before an operator is given up in a step"""
OUTSIDE = 1000
"""a mutated bound lies beyond the ball by its distance to the true bound, divided by this"""


KINDS = (
    str(Kind.IDENTITY),
    str(Kind.DECIDED),
    str(Kind.ENCLOSED),
    "formula",
    "theorem",
    "assumption",
    "dimensions",
)
"""kinds of mutants: those of the content of a step, and those of a claim as a whole"""


@dataclass(frozen=True)
class Mutant:
    """A wrong variant of a step or of a claim.

    Args:
        claim: id of the claim.
        step: name of the step, the formula or the assumption that was altered.
        kind: the kind of step, or `formula`, `theorem`, `assumption` or `dimensions`.
        operator: how it was altered.
        change: what was changed.
        verdict: the verdict about the mutant.
    """

    claim: str
    step: str
    kind: str
    operator: str
    change: str
    verdict: Verdict

    @property
    def killed(self) -> bool:
        """Whether the kernel found it false; an undecided mutant does not count as killed."""
        return self.verdict is Verdict.FAILED

    def __str__(self) -> str:
        fate = "accepted" if self.verdict is Verdict.PASSED else str(self.verdict)
        return f"{self.claim} {self.step} ({self.kind}), {self.operator}: {self.change}: {fate}"


@dataclass(frozen=True)
class MutationReport:
    """The mutants of some claims, how many of them were killed, and how many the cache told of."""

    mutants: tuple[Mutant, ...]
    cached: int = 0

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """The mutants that the kernel did not refute."""
        return tuple(mutant for mutant in self.mutants if not mutant.killed)

    @property
    def rate(self) -> float:
        """The share of killed mutants; 1 if there is none."""
        return 1 - len(self.survivors) / len(self.mutants) if self.mutants else 1.0

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """The numbers of killed and of all mutants, for each kind of mutant."""
        total = Counter(m.kind for m in self.mutants)
        killed = Counter(m.kind for m in self.mutants if m.killed)
        return {kind: (killed[kind], total[kind]) for kind in KINDS if total[kind]}

    def to_json(self) -> dict[str, Any]:
        """Rate, killed and total by kind, and survivors, as JSON data."""
        fields = ("claim", "step", "kind", "operator", "change", "verdict")
        return {
            "killed": len(self.mutants) - len(self.survivors),
            "total": len(self.mutants),
            "cached": self.cached,
            "rate": round(self.rate, 4),
            "kinds": {
                kind: {"killed": killed, "total": total}
                for kind, (killed, total) in self.by_kind().items()
            },
            "survivors": [{name: str(getattr(m, name)) for name in fields} for m in self.survivors],
        }


def mutate(
    claims: Iterable[Claim], seed: int = 0, cache: ProofCache | None = None
) -> MutationReport:
    """Mutate the claims and every step of them.

    Args:
        claims: the claims.
        seed: seeds the choice of the mutants.
        cache: where the mutants of a step or a claim are stored if none of them survived.
    """
    made: list[Mutant] = []
    stored = 0
    for claim in claims:
        parts = [
            (f"mutants-{seed}-{step.name}", partial(mutants_of, claim.id, step, seed))
            for step in claim.steps
        ]
        for name, make in [*parts, (f"mutants-{seed}", partial(mutants_of_claim, claim, seed))]:
            mutants, kept = _stored_or_made(claim.id, name, make, cache)
            made += mutants
            stored += len(mutants) if kept else 0
    return MutationReport(tuple(made), stored)


_KEPT = ObjectOf({"killed": ListOf(ListOf(Text(TEXT), longest=4, shortest=4))})
"""What the cache holds of mutants: step, kind, operator and change of each."""


def _stored_or_made(
    claim: str, name: str, make: Callable[[], Iterator[Mutant]], cache: ProofCache | None
) -> tuple[tuple[Mutant, ...], bool]:
    """The mutants, and whether they were found in the cache."""
    kept = cache.find(claim, name, _KEPT) if cache else None
    if kept:
        killed = (
            Mutant(claim, step, kind, operator, change, Verdict.FAILED)
            for step, kind, operator, change in kept["killed"]
        )
        return tuple(killed), True
    start = time.perf_counter()
    mutants = tuple(make())
    if cache and all(mutant.killed for mutant in mutants):
        killed = [(item.step, item.kind, item.operator, item.change) for item in mutants]
        cache.keep(claim, name, {"killed": killed}, time.perf_counter() - start)
    return mutants, False


def mutants_of(claim: str, step: Step, seed: int = 0) -> Iterator[Mutant]:
    """At most `PER_STEP` different mutants of one step; its operators take turns.

    Only machine-checked steps have any.
    """
    rng = random.Random(f"{seed}/{claim}/{step.name}")
    make = _MAKERS.get(step.kind)
    for operator, change, verdict in make(step, rng) if make else ():
        yield Mutant(claim, step.name, str(step.kind), operator, change, verdict)


def mutants_of_claim(claim: Claim, seed: int = 0) -> Iterator[Mutant]:
    """The mutants of formulas, theorems, assumptions and dimensions of one claim."""
    rng = random.Random(f"{seed}/{claim.id}")
    for kind, found in (
        ("formula", formula_mutants(claim, rng)),
        ("theorem", theorem_mutants(claim)),
        ("assumption", assumption_mutants(claim)),
        ("dimensions", dimension_mutants(claim)),
    ):
        for subject, operator, change, verdict in found:
            yield Mutant(claim.id, subject, kind, operator, change, verdict)


Judged = Iterator[tuple[str, str, Verdict]]
"""operator, change and verdict of each mutant"""
Mutation = Callable[[Any, random.Random], "tuple[str, Any] | None"]
"""what was changed and the changed item, or None where the item does not allow the change"""


def _in_turn(
    items: Sequence[Any], mutations: dict[str, Mutation], rng: random.Random
) -> Iterator[tuple[str, str, Any]]:
    """Operator, text and mutated item, all different, until no operator finds another."""
    seen: set[str] = set()
    operators = list(mutations)
    while operators:
        for operator in tuple(operators):
            for _ in range(ATTEMPTS):
                number = rng.randrange(len(items))
                made = mutations[operator](items[number], rng)
                if made is not None and (key := f"{number}: {made[1]}") not in seen:
                    seen.add(key)
                    yield operator, f"{number + 1} of {len(items)}, {made[0]}", made[1]
                    break
            else:
                operators.remove(operator)


def _judged(
    step: Step,
    rng: random.Random,
    mutations: dict[str, Mutation],
    judge: Callable[[Any], Finding | None],
) -> Judged:
    """Judge mutants of the content of a step; skip those that are not content of that kind."""
    assert step.build is not None
    items = [item for item in step.build() if not getattr(item, "holds_when_built", False)]
    if not items:
        return
    made = 0
    for operator, change, item in _in_turn(items, mutations, rng):
        try:
            finding = judge(item)
        except UsageError:
            continue
        yield operator, change, Verdict.PASSED if finding is None else finding.verdict
        made += 1
        if made == PER_STEP:
            return


def _identity(step: Step, rng: random.Random) -> Judged:
    assert step.judge is not None
    judge = step.judge

    def on_a_side(mutation: Mutation) -> Mutation:
        def apply(item: Equation | Words, rng: random.Random) -> tuple[str, Any] | None:
            side = rng.choice(("left", "right"))
            made = mutation(getattr(item, side), rng)
            if made is None:
                return None
            return f"{side} side: {made[0]}", replace(item, **{side: made[1]})

        return apply

    mutations = {name: on_a_side(change) for name, change in EXPRESSION_MUTATIONS.items()}
    return _judged(step, rng, mutations, lambda item: judge([item]))


def _decided(step: Step, rng: random.Random) -> Judged:
    def on_a_sentence(mutation: Callable[..., Any]) -> Mutation:
        def apply(item: Sentence, rng: random.Random) -> tuple[str, Any] | None:
            made = mutation(item.given, item.then, rng)
            return None if made is None else (made[0], Sentence(tuple(made[1]), made[2]))

        return apply

    mutations = {name: on_a_sentence(change) for name, change in SENTENCE_MUTATIONS.items()}
    return _judged(step, rng, mutations, lambda item: decide(item, effort=EFFORT))


def _beyond(bound: Bound, end: str) -> str:
    """A number just outside the ball, on the side of that end ("high" or "low")."""
    edge = flint.arb(getattr(bound, end))
    near = bound.value + (edge - bound.value) / OUTSIDE
    return (near.upper() if end == "high" else near.lower()).str(40, radius=False)


def _enclosed(step: Step, rng: random.Random) -> Judged:
    assert step.judge is not None
    judge = step.judge

    def with_low_end_above(item: Bound, rng: random.Random) -> tuple[str, Bound]:
        return item.label, replace(item, low=_beyond(item, "high"))

    def with_high_end_below(item: Bound, rng: random.Random) -> tuple[str, Bound]:
        return item.label, replace(item, high=_beyond(item, "low"))

    def negated(item: Bound, rng: random.Random) -> tuple[str, Bound] | None:
        return None if item.value == 0 else (item.label, replace(item, value=-item.value))

    mutations: dict[str, Mutation] = {
        "lower end above the ball": with_low_end_above,
        "upper end below the ball": with_high_end_below,
        "value negated": negated,
    }
    with flint.ctx.workprec(PRECISION):
        yield from list(_judged(step, rng, mutations, lambda item: judge([item])))


_MAKERS: dict[Kind, Callable[[Step, random.Random], Judged]] = {
    Kind.IDENTITY: _identity,
    Kind.DECIDED: _decided,
    Kind.ENCLOSED: _enclosed,
}
