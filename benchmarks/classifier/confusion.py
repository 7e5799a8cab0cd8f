"""How often the outcome of an orbit is classified correctly, where the truth is a theorem.

`python -m classifier.confusion [--count N] [--json]`, in the folder `benchmarks`, prints the
confusion matrices of the three sets of `classifier.labelled`.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import tyro

from loopstab.numerics.orbits.follow import LOOPS
from loopstab.numerics.orbits.trajectory import Trajectory
from loopstab.numerics.proportion import wilson
from loopstab.theory.outcome import Outcome

from .labelled import Labelled, Source, labelled

COSINE = 0.99
"""The cosine of two successive states from which a cosine test calls a loop converged."""


@dataclass(frozen=True)
class Confusion:
    """How the outcomes of a set of orbits were classified.

    A cycle is right only with the right period; an undecided orbit is neither right nor wrong.

    Args:
        counts: the number of orbits of every (truth, found).
        errors: the number of wrong answers, by "family: found"; wrong periods under "period".
        open: the number of undecided orbits, by family.
        cosine: the number of orbits that a cosine test calls converged, by truth.
        looks: the number of orbits, by the iterations that they needed.
    """

    counts: dict[tuple[Outcome, Outcome], int]
    errors: dict[str, int]
    open: dict[str, int]
    cosine: dict[Outcome, int]
    looks: dict[int, int]

    @property
    def orbits(self) -> int:
        """The number of all orbits."""
        return sum(self.counts.values())

    @property
    def undecided(self) -> int:
        """The number of orbits left undecided at the limit."""
        return sum(n for (_, found), n in self.counts.items() if found is Outcome.UNDECIDED)

    @property
    def right(self) -> int:
        """The number of orbits classified as their truth."""
        agreed = sum(n for (truth, found), n in self.counts.items() if truth is found)
        return agreed - self.errors.get("period", 0)

    @property
    def false_fixed_points(self) -> int:
        """The number of orbits that do not converge and were called fixed-point."""
        converge = (Outcome.FIXED_POINT, Outcome.CRITICAL)
        return sum(
            n
            for (truth, found), n in self.counts.items()
            if found is Outcome.FIXED_POINT and truth not in converge
        )

    def total(self, truth: Outcome) -> int:
        """The number of orbits of that truth."""
        return sum(n for (other, _), n in self.counts.items() if other is truth)

    def share(self, *, decided: bool) -> float:
        """The share of right answers among the decided orbits, or among all."""
        return self.right / (self.orbits - decided * self.undecided)

    def median_loops(self) -> int:
        """The iterations after which half of the orbits were decided or had ended."""
        return int(np.median(np.repeat(list(self.looks), list(self.looks.values()))))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        matrix = {
            str(truth): {
                str(found): self.counts[truth, found]
                for found in Outcome
                if (truth, found) in self.counts
            }
            for truth in Outcome
            if self.total(truth)
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
        of_all = _share(self.right, self.orbits)
        of_decided = _share(self.right, self.orbits - self.undecided)
        median = self.median_loops()
        beyond = sum(n for loops, n in self.looks.items() if loops > median)
        return "\n".join(
            (
                *lines,
                f"right: {of_all} of all, {of_decided} of the decided",
                f"false fixed points {self.false_fixed_points}; errors {self.errors or 'none'};"
                f" undecided {self.open or 'none'}",
                f"iterations: median {median}, at most {max(self.looks)};"
                f" {beyond / self.orbits:.1%} needed more than the median",
            )
        )


def _share(hits: int, n: int) -> str:
    low, high = wilson(hits, n)
    return f"{hits / n:.2%} [{low:.2%}, {high:.2%}] ({hits}/{n})"


def confusion(orbits: Iterable[Labelled]) -> Confusion:
    """Compare the outcome found for every orbit with its truth."""
    counts = Counter[tuple[Outcome, Outcome]]()
    cosine = Counter[Outcome]()
    errors, undecided, looks = Counter[str](), Counter[str](), Counter[int]()
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
    return Confusion(
        counts=dict(counts),
        errors=dict(errors),
        open={family: n for family, n in undecided.items() if n},
        cosine={truth: cosine[truth] for truth in Outcome if truth in cosine},
        looks=dict(looks),
    )


def cosine_converged(t: Trajectory) -> bool:
    """Whether a cosine test calls the orbit converged: its last two states are nearly parallel."""
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
        count: Least number of orbits of every outcome.
        seed: Seed of the sets.
        loops: Iterations before the first look.
        limit: Most iterations of an orbit that stays undecided (default 16 times the first look).
        sources: Sets to measure.
        json_: Print JSON.
    """
    results = {}
    for source in sources:
        began = time.process_time()
        orbits = labelled(count, source, seed=seed, loops=loops, limit=limit, progress=True)
        result = confusion(orbits)
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
