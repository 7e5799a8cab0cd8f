"""Orbits whose outcome is a theorem, to measure the classifier: seeded, disguised by a change of
basis, with transients.

Every family is a normal form f(y) with known long-run behaviour. `_disguise` adds two contracting
coordinates (half of the orbits: slow ones that start large, a long transient), a basis of condition
up to about 10, and an offset: conjugate maps have the same outcome. Three sets: the one the
classifier was built with; the same families in other ranges, dimension and seed (looked at while
building, so held out in name only); and `classifier.fresh`, which it was never tuned on.

`python -m classifier.confusion [--count N] [--json]` prints the three confusion matrices.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
import tyro
from tqdm import tqdm

from loopstab.numerics.arrays import Array
from loopstab.numerics.orbits.follow import LOOPS, Followed, follow
from loopstab.numerics.orbits.trajectory import Trajectory
from loopstab.numerics.proportion import wilson
from loopstab.theory.outcome import Outcome

from .family import Draw, Map
from .fresh import FRESH
from .known import FAMILIES

COSINE = 0.99
"""What a cosine test asks of two successive states to call a loop converged."""


class Source(StrEnum):
    """The three sets."""

    BUILT = "built with"
    HELD_OUT = "other ranges"
    FRESH = "fresh families"


@dataclass(frozen=True)
class Labelled:
    """An orbit, what it does (with its period), which family it comes from, and what the classifier
    makes of it.
    """

    family: str
    truth: Outcome
    period: int | None
    orbit: Followed


def labelled(
    count: int = 504,
    source: Source = Source.BUILT,
    *,
    seed: int = 0,
    loops: int = LOOPS,
    limit: int | None = None,
    progress: bool = False,
) -> Iterator[Labelled]:
    """At least `count` orbits of every outcome, shared evenly by its families, each followed until
    decided or to the limit.
    """
    families = FRESH if source is Source.FRESH else FAMILIES
    held_out = source is not Source.BUILT
    for index, (name, (truth, family)) in enumerate(
        tqdm(families.items(), desc=source, disable=not progress)
    ):
        share = -(-count // sum(t is truth for t, _ in families.values()))
        draw = Draw(
            np.random.default_rng([seed, index, list(Source).index(source)]), held_out, share
        )
        f, y, *periods = family(draw)
        single = name.endswith("float32")
        step, h, view = _disguise(
            draw,
            f,
            y,
            truth,
            single=single,
            slow=(0.95, 0.9995) if source is Source.FRESH else None,
        )
        for i, orbit in enumerate(follow(step, h, loops, limit, view=view)):
            yield Labelled(name, truth, int(periods[0][i]) if periods else None, orbit)


def _disguise(
    draw: Draw,
    f: Map,
    y0: Array,
    truth: Outcome,
    *,
    single: bool,
    slow: tuple[float, float] | None = None,
) -> tuple[Map, Array, Map | None]:
    """The map in other coordinates, h = V (y, rest) + offset, with rest' = rate rest; the offset
    only for bounded orbits.

    Returns step, start and view (`follow`). Polynomial growth is iterated in its own coordinates
    and seen in the others: rounding in a skew basis moves the eigenvalues of a Jordan block of size
    k by about eps^(1/k), and the floating-point map explodes. `slow`: range of the slow rates,
    uniform in log(1 - rate).
    """
    extra = 3 if draw.held_out else 2
    b, k = y0.shape
    long = draw.rng.random(b) < 0.5
    gentle = draw.u(0.95, 0.99, 0.96, 0.985)
    if slow is not None:
        gentle = 1 - np.exp(draw.rng.uniform(np.log1p(-slow[1]), np.log1p(-slow[0]), b))
    rate = np.where(long, gentle, draw.u(0.1, 0.8, 0.0, 0.7))[:, None]
    rest = draw.normal(extra) * np.where(long, draw.u(1, 30, 3, 20), 1.0)[:, None]
    q1, q2 = (
        np.linalg.qr(draw.rng.standard_normal((b, k + extra, k + extra)))[0] for _ in range(2)
    )
    v = q1 * draw.rng.uniform(0.3, 3, (b, 1, k + extra)) @ q2
    w = np.linalg.inv(v)
    offset = draw.normal(k + extra) * (3 if truth.bounded else 0)
    dtype = np.float32 if single else np.float64
    v, w, offset, rate = (a.astype(dtype) for a in (v, w, offset, rate))

    def inner(y: Array) -> Array:
        return np.concatenate((f(y[:, :k]), rate * y[:, k:]), axis=1).astype(dtype)

    def outside(y: Array) -> Array:
        return np.einsum("bij,bj->bi", v, y) + offset

    start = np.concatenate((y0, rest), axis=1).astype(dtype)
    if truth is Outcome.GROWTH:
        return inner, start, outside
    return (lambda h: outside(inner(np.einsum("bij,bj->bi", w, h - offset)))), outside(start), None


@dataclass(frozen=True)
class Confusion:
    """Counts of (truth, found), of families misread or left open, and of orbits per truth that a
    cosine test calls converged.

    A right cycle has the right period too; `undecided` is neither right nor wrong. `looks`: orbits
    by the loops they needed.
    """

    counts: dict[tuple[Outcome, Outcome], int]
    errors: dict[str, int]
    open: dict[str, int]
    cosine: dict[Outcome, int]
    looks: dict[int, int]

    @property
    def orbits(self) -> int:
        """All orbits."""
        return sum(self.counts.values())

    @property
    def undecided(self) -> int:
        """Orbits left undecided at the limit."""
        return sum(n for (_, f), n in self.counts.items() if f is Outcome.UNDECIDED)

    @property
    def right(self) -> int:
        """Orbits given their truth."""
        return sum(n for (t, f), n in self.counts.items() if t is f) - self.errors.get("period", 0)

    @property
    def false_fixed_points(self) -> int:
        """Orbits that do not converge and were called fixed-point."""
        return sum(
            n
            for (t, f), n in self.counts.items()
            if f is Outcome.FIXED_POINT and t not in (f, Outcome.CRITICAL)
        )

    def total(self, truth: Outcome) -> int:
        """Orbits of that truth."""
        return sum(n for (t, _), n in self.counts.items() if t is truth)

    def share(self, *, decided: bool) -> float:
        """Share of right answers among all orbits, or among the decided ones."""
        return self.right / (self.orbits - decided * self.undecided)

    def median_loops(self) -> int:
        """Loops after which half of the orbits were decided or had ended."""
        return int(np.median(np.repeat(list(self.looks), list(self.looks.values()))))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        matrix = {
            str(t): {str(f): self.counts[t, f] for f in Outcome if (t, f) in self.counts}
            for t in Outcome
            if self.total(t)
        }
        return {
            "matrix": matrix,
            "right": self.share(decided=False),
            "right_interval": wilson(self.right, self.orbits),
            "right_of_decided": self.share(decided=True),
            "right_of_decided_interval": wilson(self.right, self.orbits - self.undecided),
            "false_fixed_points": self.false_fixed_points,
            "errors": self.errors,
            "undecided": self.open,
            "cosine_converged": {str(t): n / self.total(t) for t, n in self.cosine.items()},
            "median_loops": self.median_loops(),
            "max_loops": max(self.looks),
        }

    def __str__(self) -> str:
        columns = [f for f in Outcome if any((t, f) in self.counts for t in Outcome)]
        lines = [" " * 14 + "".join(f"{f[:11]:>12}" for f in columns) + f"{'cosine':>10}"]
        for truth in (t for t in Outcome if self.total(t)):
            cells = "".join(f"{self.counts.get((truth, f), 0):12d}" for f in columns)
            lines.append(f"{truth:<14}{cells}{self.cosine[truth] / self.total(truth):10.1%}")
        beyond = sum(n for loops, n in self.looks.items() if loops > self.median_loops())
        lines += [
            (
                f"right: {_share(self.right, self.orbits)} of all,"
                f" {_share(self.right, self.orbits - self.undecided)} of the decided"
            ),
            (
                f"false fixed points {self.false_fixed_points}; errors {self.errors or 'none'};"
                f" undecided {self.open or 'none'}"
            ),
            (
                f"loops: median {self.median_loops()}, at most {max(self.looks)};"
                f" {beyond / self.orbits:.1%} needed more than the median"
            ),
        ]
        return "\n".join(lines)


def _share(hits: int, n: int) -> str:
    low, high = wilson(hits, n)
    return f"{hits / n:.2%} [{low:.2%}, {high:.2%}] ({hits}/{n})"


def confusion(orbits: Iterable[Labelled]) -> Confusion:
    """Hold what the classifier says of every orbit against its truth."""
    counts, cosine, errors, undecided = (
        Counter[tuple[Outcome, Outcome]](),
        Counter[Outcome](),
        Counter[str](),
        Counter[str](),
    )
    looks = Counter[int]()
    for one in orbits:
        found = one.orbit.diagnosis
        counts[one.truth, found.outcome] += 1
        cosine[one.truth] += cosine_converged(one.orbit.trajectory)
        looks[found.loops] += 1
        undecided[one.family] += found.outcome is Outcome.UNDECIDED
        if found.outcome not in (one.truth, Outcome.UNDECIDED):
            errors[f"{one.family}: {found.outcome}"] += 1
        if found.outcome is Outcome.CYCLE and one.period not in (None, found.period):
            errors["period"] += 1
    left_open = {k: n for k, n in undecided.items() if n}
    return Confusion(
        dict(counts),
        dict(errors),
        left_open,
        {t: cosine[t] for t in Outcome if t in cosine},
        dict(looks),
    )


def cosine_converged(t: Trajectory) -> bool:
    """What a cosine test says: the last two states point almost the same way."""
    a, b = t.tail[-2:].astype(np.float64) if len(t.tail) > 1 else np.zeros((2, 1))
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return size > 0 and float(a @ b) / size > COSINE


def main(
    count: int = 504,
    seed: int = 0,
    loops: int = LOOPS,
    limit: int | None = None,
    sources: tuple[Source, ...] = tuple(Source),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Confusion matrices of the classifier on orbits of known outcome.

    Example: python -m classifier.confusion --count 504 --seed 23

    Args:
        count: Orbits of every outcome.
        seed: Seed of the sets.
        loops: Loops before the first look.
        limit: Loops at most for an orbit that stays undecided (default 16 times the first look).
        sources: Sets to measure.
        json_: Print JSON.
    """
    results = {}
    for source in sources:
        began = time.process_time()
        result = confusion(
            labelled(count, source, seed=seed, loops=loops, limit=limit, progress=True)
        )
        results[str(source)] = result.to_json()
        if not json_:
            spent = (time.process_time() - began) / result.orbits
            print(
                f"{source}\n{result}\nprocessor time per orbit {spent * 1e3:.0f} ms\n", flush=True
            )
    if json_:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    tyro.cli(main)
