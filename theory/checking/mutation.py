"""The mutation test of the ledger: wrong variants of every step, made automatically, each of which
the kernel must reject.

Identities lose a term, a factor or a sign, change a coefficient or an exponent, or swap two letters
that do not commute. Decided sentences lose a premise or have it relaxed, and get a conclusion that
is negated, strict or tightened. Balls leave their bounds, citations lose a discharge or their
theorem, deductions their ground. A mutant that happens to be true is accepted, rightly: it survives
and is listed.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import flint

from ...support.errors import UsageError
from ..kernel.algebra import Equation, Words
from ..kernel.claim import Claim, Finding, Kind, Step, Verdict
from ..kernel.proof import PRECISION, Bound, Sentence, cited, decide, deduced
from ..theorems import THEOREMS
from .cache import ProofCache
from .expression_mutants import EXPRESSION_MUTATIONS, shorten
from .sentence_mutants import SENTENCE_MUTATIONS

PER_STEP = 6
"""mutants of one step, at most"""
EFFORT = 400_000
"""z3's resources for one mutant; a count, so that the outcome is the same on a busy machine"""
ATTEMPTS = 12
"""random choices of a place before a kind of mutation is given up in a step"""


@dataclass(frozen=True)
class Mutant:
    """A wrong variant of a step: what was changed (`operator`, `change`) and what the kernel said
    about it.
    """

    claim: str
    step: str
    kind: Kind
    operator: str
    change: str
    verdict: Verdict

    @property
    def killed(self) -> bool:
        """Whether the kernel found it false; an undecided mutant is not accepted, but does not
        count as killed either.
        """
        return self.verdict is Verdict.FAILED

    def __str__(self) -> str:
        fate = "accepted" if self.verdict is Verdict.PASSED else str(self.verdict)
        return (
            f"{self.claim} step {self.step} ({self.kind}), {self.operator}: {self.change}: {fate}"
        )


@dataclass(frozen=True)
class MutationReport:
    """Mutants of some claims and how many of them died."""

    mutants: tuple[Mutant, ...]

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """Those that the kernel did not refute."""
        return tuple(mutant for mutant in self.mutants if not mutant.killed)

    @property
    def rate(self) -> float:
        """Killed over total; 1 when there is none."""
        return 1 - len(self.survivors) / len(self.mutants) if self.mutants else 1.0

    def by_kind(self) -> dict[Kind, tuple[int, int]]:
        """Killed and total of each kind of step."""
        total, killed = (
            Counter(m.kind for m in self.mutants),
            Counter(m.kind for m in self.mutants if m.killed),
        )
        return {kind: (killed[kind], total[kind]) for kind in Kind if total[kind]}

    def to_json(self) -> dict[str, Any]:
        """Plain data: rate, killed and total by kind, survivors."""
        return {
            "killed": len(self.mutants) - len(self.survivors),
            "total": len(self.mutants),
            "rate": round(self.rate, 4),
            "kinds": {
                str(kind): {"killed": killed, "total": total}
                for kind, (killed, total) in self.by_kind().items()
            },
            "survivors": [
                {
                    name: str(getattr(m, name))
                    for name in ("claim", "step", "kind", "operator", "change", "verdict")
                }
                for m in self.survivors
            ],
        }


def mutate(
    claims: Iterable[Claim], seed: int = 0, cache: ProofCache | None = None
) -> MutationReport:
    """Mutate every step of the claims; deterministic in `seed`. The cache keeps the mutants of
    steps of which none survived.
    """
    return MutationReport(
        tuple(
            m
            for claim in claims
            for step in claim.steps
            for m in _remembered(claim.id, step, seed, cache)
        )
    )


def _remembered(claim: str, step: Step, seed: int, cache: ProofCache | None) -> tuple[Mutant, ...]:
    name = f"mutants-{seed}-{step.name}"
    kept = cache.find(claim, name) if cache else None
    if kept:
        return tuple(
            Mutant(claim, step.name, step.kind, operator, change, Verdict.FAILED)
            for operator, change in kept["killed"]
        )
    start = time.perf_counter()
    mutants = tuple(mutants_of(claim, step, seed))
    if cache and all(mutant.killed for mutant in mutants):
        cache.keep(
            claim,
            name,
            {"killed": [(m.operator, m.change) for m in mutants]},
            time.perf_counter() - start,
        )
    return mutants


def mutants_of(claim: str, step: Step, seed: int = 0) -> Iterator[Mutant]:
    """At most `PER_STEP` different mutants of one step, its kinds of mutation taken in turn; a
    measured step has none.
    """
    rng = random.Random(f"{seed}/{claim}/{step.name}")
    for operator, change, verdict in _MAKERS[step.kind](step, rng):
        yield Mutant(claim, step.name, step.kind, operator, change, verdict)


Judged = Iterator[tuple[str, str, Verdict]]
Mutation = Callable[[Any, random.Random], "tuple[str, Any] | None"]


def _in_turn(
    items: Sequence[Any], mutations: dict[str, Mutation], rng: random.Random
) -> Iterator[tuple[str, str, Any]]:
    """Operator, text and mutated item, all different, until none is found."""
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
    """Mutants of the content of a step, judged; those that are no content of that kind at all
    (`UsageError`) are passed over.
    """
    assert step.build is not None
    items = step.build()
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

    def on_a_side(mutation: Callable[[Any, random.Random], tuple[str, Any] | None]) -> Mutation:
        def change(item: Equation | Words, rng: random.Random) -> tuple[str, Any] | None:
            side = rng.choice(("left", "right"))
            made = mutation(getattr(item, side), rng)
            return (
                None
                if made is None
                else (f"{side} side: {made[0]}", replace(item, **{side: made[1]}))
            )

        return change

    return _judged(
        step,
        rng,
        {name: on_a_side(m) for name, m in EXPRESSION_MUTATIONS.items()},
        lambda item: judge([item]),
    )


def _decided(step: Step, rng: random.Random) -> Judged:
    def change(mutation: Callable[..., Any]) -> Mutation:
        def apply(item: Sentence, rng: random.Random) -> tuple[str, Any] | None:
            made = mutation(item.given, item.then, rng)
            return None if made is None else (made[0], Sentence(tuple(made[1]), made[2]))

        return apply

    return _judged(
        step,
        rng,
        {name: change(m) for name, m in SENTENCE_MUTATIONS.items()},
        lambda item: decide(item, effort=EFFORT),
    )


def _beyond(bound: Bound, end: str) -> str:
    """A number just outside the ball, on the side of that end."""
    edge = flint.arb(getattr(bound, end))
    near = bound.value + (edge - bound.value) / 1000
    return (near.upper() if end == "high" else near.lower()).str(40, radius=False)


def _enclosed(step: Step, rng: random.Random) -> Judged:
    assert step.judge is not None
    judge = step.judge
    mutations: dict[str, Mutation] = {
        "lower end above the ball": lambda item, _: (
            item.label,
            replace(item, low=_beyond(item, "high")),
        ),
        "upper end below the ball": lambda item, _: (
            item.label,
            replace(item, high=_beyond(item, "low")),
        ),
        "value negated": lambda item, _: (
            None if item.value == 0 else (item.label, replace(item, value=-item.value))
        ),
    }
    with flint.ctx.workprec(PRECISION):
        yield from list(_judged(step, rng, mutations, lambda item: judge([item])))


def _cited(step: Step, rng: random.Random) -> Judged:
    assert step.theorem is not None

    def citing(theorem: str, discharges: dict[str, tuple[str, ...]]) -> Verdict:
        return (
            cited(step.name, theorem, step.statement, step.dimensions, discharges, step.uses)
            .check()
            .verdict
        )

    given = dict(step.discharges)
    for key in given:
        yield (
            "discharge dropped",
            key,
            citing(step.theorem, {k: v for k, v in given.items() if k != key}),
        )
    other = rng.choice([theorem for theorem in THEOREMS if theorem != step.theorem])
    yield "wrong theorem", other, citing(other, given)


def _deduced(step: Step, rng: random.Random) -> Judged:
    yield (
        "ground dropped",
        shorten(", ".join(step.uses)),
        deduced(step.name, step.statement, step.dimensions, ()).check().verdict,
    )


_MAKERS: dict[Kind, Callable[[Step, random.Random], Judged]] = {
    Kind.IDENTITY: _identity,
    Kind.DECIDED: _decided,
    Kind.ENCLOSED: _enclosed,
    Kind.CITED: _cited,
    Kind.DEDUCED: _deduced,
    Kind.MEASURED: lambda step, rng: iter(()),
}
