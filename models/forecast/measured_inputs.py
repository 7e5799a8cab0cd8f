"""Which inputs a measurement of the zoo draws, and how many of everything it takes by its sizes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..measure.crossvalidate import INPUT_SEED
from ..tasks.task import Batch, Task

WIDE, WIDEST = 128, 256
"""Widths from which fewer inputs are measured."""
DENSE = 1024
"""Largest number of entries of a state for which S is assembled as a matrix."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured; what costs more is measured less often.

    Attributes:
        inputs: different inputs whose orbits are followed.
        loops: iterations before the first look at an orbit.
        limit: iterations before the last look at an orbit that is undecided.
        points: inputs whose limits are computed in float64.
        longest: iterations after which an orbit in float64 counts as not settled.
        starts: start states for each of these inputs.
        gradients: limits at which gradients and the Kreiss constant are measured.
        noise_inputs: inputs on which disturbed weights are evaluated.
        noise_draws: disturbances of each size.
    """

    inputs: int = 512
    loops: int = 500
    limit: int = 2000
    points: int = 4
    longest: int = 2000
    starts: int = 16
    gradients: int = 2
    noise_inputs: int = 32
    noise_draws: int = 8

    @classmethod
    def of(cls, width: int, cells: int) -> Sizes:
        """The sizes for a network of that width on inputs of that many cells.

        Example:
            >>> from loopstab.models.forecast.measured_inputs import Sizes
            >>> [Sizes.of(*at).inputs for at in ((64, 16), (64, 64), (256, 81))]
            [512, 256, 64]
        """
        if width >= WIDE:
            return cls(
                inputs=128 if width < WIDEST else 64,
                limit=500,
                points=2,
                longest=1000,
                starts=8,
                gradients=1,
                noise_inputs=8 if width < WIDEST else 4,
                noise_draws=4,
            )
        if cells > 32:
            return cls(inputs=256, noise_inputs=8)
        return cls(noise_inputs=32 if cells <= 16 else 16)


def different_inputs(task: Task, level: str, most: int, seed: int = 0) -> Batch:
    """Random samples of a level without repetitions, at most that many, in the order of drawing.

    Twice as many are drawn, so that a level with few samples gives fewer.

    Args:
        task: the task.
        level: the level.
        most: number of inputs that are wanted.
        seed: seed of the inputs; default 0.
    """
    generator = torch.Generator().manual_seed(seed + INPUT_SEED)
    batch = task.batch(2 * most, level, generator)
    _, places = torch.unique(batch.x.flatten(1), dim=0, return_inverse=True)
    first = torch.full((int(places.max()) + 1,), len(places))
    first.scatter_reduce_(0, places, torch.arange(len(places)), "amin")
    kept = first.sort().values[:most]
    return Batch(batch.x[kept], batch.target[kept])
