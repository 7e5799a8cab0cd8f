"""Certified branches h*(e) of the fixed points of random recall maps over an interval of inputs.

The maps are those of `counts`, with recall: the drive is c + beta e(t), and the input runs along
e(t) = t v, 0 <= t <= 1, where v has a given length and a random direction.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.worker_processes import tied
from .branch import Branch, certify_branch
from .certify import certify
from .counts import ENSEMBLES, random_map
from .relu import ReluMap


@dataclass(frozen=True)
class RandomBranch:
    """The branch that starts at one proved fixed point of one network.

    `stable` says whether that fixed point attracts, as in its certificate (None: not proved).
    """

    network: int
    stable: bool | None
    branch: Branch


@dataclass(frozen=True)
class BranchCounts:
    """The branches of `networks` random maps with recall strength beta = `recall`.

    The inputs run along a line of length `length`. `undecided` counts the networks with a box in
    which a fixed point at t = 0 is neither proved nor excluded; their proved points are followed
    all the same.
    """

    ensemble: str
    size: int
    gain: float
    recall: float
    length: float
    seed: int
    networks: int
    undecided: int
    branches: tuple[RandomBranch, ...]
    seconds: float

    @property
    def complete(self) -> int:
        """Number of branches proved over the whole interval."""
        return sum(b.branch.complete for b in self.branches)

    @property
    def input_dependent(self) -> int:
        """Number of complete branches whose derivative is proved to differ from 0 everywhere."""
        return sum(b.branch.input_dependent for b in self.branches)

    @property
    def least_slope(self) -> float | None:
        """A proved lower bound of max_i abs(dh*_i/dt) over the input-dependent branches."""
        return min(
            (b.branch.least_slope for b in self.branches if b.branch.input_dependent), default=None
        )

    @property
    def falsified(self) -> bool:
        """Whether a law is violated: without recall (A3), a branch is proved to move."""
        return self.recall == 0 and any(
            piece.moves for b in self.branches for piece in b.branch.pieces
        )

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, with the pieces of every branch.

        `undecided_parts` lists the parts of branches that are not proved.
        """
        parts = [
            {"network": b.network, "from": b.branch.reached, "to": 1.0, "stable": b.stable}
            for b in self.branches
            if not b.branch.complete
        ]
        return {
            "ensemble": self.ensemble,
            "size": self.size,
            "gain": self.gain,
            "recall": self.recall,
            "length": self.length,
            "seed": self.seed,
            "networks": self.networks,
            "undecided_networks": self.undecided,
            "found": len(self.branches),
            "complete": self.complete,
            "input_dependent": self.input_dependent,
            "least_slope": self.least_slope,
            "undecided_parts": parts,
            "seconds": round(self.seconds, 3),
            "branches": [
                {"network": b.network, "stable": b.stable, **b.branch.to_json()}
                for b in self.branches
            ],
        }


def count_branches(
    ensemble: str,
    size: int,
    gain: float,
    networks: int,
    *,
    recall: float = 1.0,
    length: float = 1.0,
    seed: int = 0,
    jobs: int = 1,
    max_boxes: int = 200_000,
) -> BranchCounts:
    """Follow every proved fixed point of random maps along the inputs.

    Args:
        ensemble: Name of the ensemble, one of `ENSEMBLES` except relu.
        size: Dimension d.
        gain: Scale of the matrices.
        networks: Number of random maps.
        recall: Recall strength beta.
        length: Length of the line of inputs.
        seed: Seed of the maps and of the directions.
        jobs: Processes; the result does not depend on it.
        max_boxes: Limit of the search for the fixed points at t = 0, as in `certify`.

    Raises:
        UsageError: If a number is out of range, or the ensemble is relu: its branches have corners.
    """
    if networks < 1:
        raise UsageError(f"branches need at least 1 network, not {networks}")
    check_seed_and_jobs(seed, jobs)
    if not (np.isfinite(length) and length > 0 and np.isfinite(recall)):
        raise UsageError(
            f"a branch needs a finite length > 0 and a finite recall, not {length} and {recall}"
        )
    if isinstance(random_map(ensemble, size, gain, (seed, 0)), ReluMap):
        smooth = ", ".join(name for name in ENSEMBLES if name != "relu")
        raise UsageError(
            f"the branches of {ensemble} have corners, where no derivative excludes 0: use {smooth}"
        )
    begin = time.perf_counter()
    work = (
        tied(_branches)(ensemble, size, gain, recall, length, seed, number, max_boxes)
        for number in range(networks)
    )
    found: list[Any] = Parallel(n_jobs=jobs)(work)  # type: ignore[assignment]
    branches = tuple(b for _, of_network in found for b in of_network)
    undecided = sum(open_ for open_, _ in found)
    return BranchCounts(
        ensemble,
        size,
        gain,
        recall,
        length,
        seed,
        networks,
        undecided,
        branches,
        time.perf_counter() - begin,
    )


def _branches(
    ensemble: str,
    size: int,
    gain: float,
    recall: float,
    length: float,
    seed: int,
    number: int,
    max_boxes: int,
) -> tuple[bool, list[RandomBranch]]:
    """Whether a box at t = 0 is undecided, and the branches of one network."""
    f: Any = random_map(ensemble, size, gain, (seed, number))
    direction = np.random.default_rng((seed, number, 1)).standard_normal(size)
    direction *= length / np.linalg.norm(direction)
    certificate = certify(f, max_boxes=max_boxes)
    b = recall * np.eye(size)
    branches = [
        RandomBranch(
            number, point.stable, certify_branch(f, b, np.zeros(size), direction, point.center)
        )
        for point in certificate.points
    ]
    return certificate.count is None, branches
