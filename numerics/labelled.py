"""Orbits whose outcome is a theorem, to measure the classifier: seeded, disguised by a change of basis, with transients.

Every family is a normal form f(y) with known long-run behaviour. `_disguise` adds two contracting coordinates (half of the
orbits: slow ones that start large, a long transient), a basis of condition up to about 10, and an offset: conjugate maps
have the same outcome. The held-out set has another seed, another dimension and other parameter ranges.

`python -m numerics.labelled [--count N] [--json]` prints both confusion matrices.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import tyro

from numerics.families import FAMILIES, Draw, Map
from numerics.loop import Array
from numerics.regime import classify
from numerics.trajectory import Recorder, Trajectory
from theory.outcome import Outcome

LOOPS = 2000
COSINE = 0.99
"""What a cosine test asks of two successive states to call a loop converged."""


@dataclass(frozen=True)
class Labelled:
    """An orbit, what it does (with its period) and which family it comes from."""

    family: str
    truth: Outcome
    period: int | None
    trajectory: Trajectory


def labelled(count: int = 504, *, held_out: bool = False, seed: int = 0, loops: int = LOOPS) -> Iterator[Labelled]:
    """At least `count` orbits of every outcome, shared evenly by its families."""
    for index, (name, (truth, family)) in enumerate(FAMILIES.items()):
        share = -(-count // sum(t is truth for t, _ in FAMILIES.values()))
        draw = Draw(np.random.default_rng([seed, index, held_out]), held_out, share)
        f, y, *periods = family(draw)
        single = name.endswith("float32")
        step, h = _disguise(draw, f, y, moving=truth.bounded, single=single)
        recorder = Recorder(share, tail=80)
        recorder.observe(h)
        with np.errstate(all="ignore"):
            for _ in range(loops):
                h = step(h)
                recorder.observe(h)
        for i, t in enumerate(recorder.trajectories()):
            yield Labelled(name, truth, int(periods[0][i]) if periods else None, t)


def _disguise(draw: Draw, f: Map, y0: Array, *, moving: bool, single: bool) -> tuple[Map, Array]:
    """The map in other coordinates, h = V (y, rest) + offset, with rest' = rate rest; the offset only for bounded orbits."""
    extra = 3 if draw.held_out else 2
    b, k = y0.shape
    slow = draw.rng.random(b) < 0.5
    rate = np.where(slow, draw.u(0.95, 0.99, 0.96, 0.985), draw.u(0.1, 0.8, 0.0, 0.7))[:, None]
    rest = draw.normal(extra) * np.where(slow, draw.u(1, 30, 3, 20), 1.0)[:, None]
    q1, q2 = (np.linalg.qr(draw.rng.standard_normal((b, k + extra, k + extra)))[0] for _ in range(2))
    v = q1 * draw.rng.uniform(0.3, 3, (b, 1, k + extra)) @ q2
    w = np.linalg.inv(v)
    offset = draw.normal(k + extra) * (3 if moving else 0)
    dtype = np.float32 if single else np.float64
    v, w, offset, rate = (a.astype(dtype) for a in (v, w, offset, rate))

    def step(h: Array) -> Array:
        y = np.einsum("bij,bj->bi", w, h - offset)
        new = np.concatenate((f(y[:, :k]), rate * y[:, k:]), axis=1).astype(dtype)
        return np.einsum("bij,bj->bi", v, new) + offset

    start = np.concatenate((y0, rest), axis=1).astype(dtype)
    return step, np.einsum("bij,bj->bi", v, start) + offset


@dataclass(frozen=True)
class Confusion:
    """Counts of (truth, found), of families misread or left open, and of orbits per truth that a cosine test calls converged.

    A right cycle has the right period too; `undecided` is neither right nor wrong.
    """

    counts: dict[tuple[Outcome, Outcome], int]
    errors: dict[str, int]
    open: dict[str, int]
    cosine: dict[Outcome, int]

    def total(self, truth: Outcome) -> int:
        """Orbits of that truth."""
        return sum(n for (t, _), n in self.counts.items() if t is truth)

    def share(self, *, decided: bool) -> float:
        """Share of right answers among all orbits, or among the decided ones."""
        right = sum(n for (t, f), n in self.counts.items() if t is f) - self.errors.get("period", 0)
        undecided = sum(n for (_, f), n in self.counts.items() if f is Outcome.UNDECIDED)
        return right / (sum(self.counts.values()) - decided * undecided)

    @property
    def false_fixed_points(self) -> int:
        """Orbits that do not converge and were called fixed-point."""
        return sum(n for (t, f), n in self.counts.items() if f is Outcome.FIXED_POINT and t not in (f, Outcome.CRITICAL))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        matrix = {str(t): {str(f): self.counts[t, f] for f in Outcome if (t, f) in self.counts} for t in Outcome if self.total(t)}
        return {
            "matrix": matrix, "right": self.share(decided=False), "right_of_decided": self.share(decided=True),
            "false_fixed_points": self.false_fixed_points, "errors": self.errors, "undecided": self.open,
            "cosine_converged": {str(t): n / self.total(t) for t, n in self.cosine.items()},
        }  # fmt: skip

    def __str__(self) -> str:
        columns = [f for f in Outcome if any((t, f) in self.counts for t in Outcome)]
        lines = [" " * 14 + "".join(f"{f[:11]:>12}" for f in columns) + f"{'cosine':>10}"]
        for truth in (t for t in Outcome if self.total(t)):
            cells = "".join(f"{self.counts.get((truth, f), 0):12d}" for f in columns)
            lines.append(f"{truth:<14}{cells}{self.cosine[truth] / self.total(truth):10.1%}")
        lines.append(
            f"right {self.share(decided=False):.2%} of all, {self.share(decided=True):.2%} of the decided; "
            f"false fixed points {self.false_fixed_points}; errors {self.errors or 'none'}; "
            f"undecided {self.open or 'none'}"
        )
        return "\n".join(lines)


def confusion(orbits: Iterable[Labelled]) -> Confusion:
    """Classify every orbit and hold it against its truth."""
    counts, cosine, errors, undecided = Counter[tuple[Outcome, Outcome]](), Counter[Outcome](), Counter[str](), Counter[str]()
    for orbit in orbits:
        found = classify(orbit.trajectory)
        counts[orbit.truth, found.outcome] += 1
        cosine[orbit.truth] += cosine_converged(orbit.trajectory)
        undecided[orbit.family] += found.outcome is Outcome.UNDECIDED
        if found.outcome not in (orbit.truth, Outcome.UNDECIDED):
            errors[f"{orbit.family}: {found.outcome}"] += 1
        if found.outcome is Outcome.CYCLE and orbit.period not in (None, found.period):
            errors["period"] += 1
    return Confusion(dict(counts), dict(errors), {k: n for k, n in undecided.items() if n}, {t: cosine[t] for t in Outcome if t in cosine})


def cosine_converged(t: Trajectory) -> bool:
    """What a cosine test says: the last two states point almost the same way."""
    a, b = t.tail[-2:].astype(np.float64) if len(t.tail) > 1 else np.zeros((2, 1))
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return size > 0 and float(a @ b) / size > COSINE


def main(count: int = 504, seed: int = 0, loops: int = LOOPS, json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> None:
    """Confusion matrix of the classifier on orbits of known outcome, on the set it was built with and on a held-out one.

    Args:
        count: Orbits of every outcome.
        seed: Seed of the set; the held-out set differs in seed, dimension and ranges.
        loops: Horizon.
        json_: Print JSON.
    """
    both = {
        name: confusion(labelled(count, held_out=held, seed=seed, loops=loops))
        for name, held in (("built with", False), ("held out", True))
    }
    print(json.dumps({k: v.to_json() for k, v in both.items()}, indent=1) if json_ else "\n\n".join(f"{k}\n{v}" for k, v in both.items()))


if __name__ == "__main__":
    tyro.cli(main)
