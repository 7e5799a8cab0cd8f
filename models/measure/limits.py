"""How many different limits a trained loop has, and how far each moves with its input (M6, A3).

Measured in float64 on `prefix-sums-16-*` of the zoo: 128 different inputs of 16 bits, 1000
iterations.

| run | settled | different limits | states of one cell | sensitivity |
|---|---|---|---|---|
| none-post-s0 | 128 | 127 | 107 to 127 | 7e-12 |
| none-post-s1 | 127 | 127 | 126 to 127 | 8e-12 |
| none-post-s2 | 12 | 12 | 12 | 9e-12 |
| external-post-s1 | 111 | 111 | 110 to 111 | 0.44 |
| internal-post-s1 | 128 | 128 | 123 to 128 | 0.27 |

Without recall the sensitivity is rounding, as A3 says, and yet the limits tell the inputs apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...support.errors import UsageError
from .trained import TrainedLoop

SETTLED = 1e-12
"""Largest last step, relative to the state, of an orbit that counts as settled."""
SAME = 1e-6
"""Two limits whose entries differ by less than this are one; limits are known to about 1e-10."""


@dataclass(frozen=True)
class Limits:
    """The limits of a loop on different inputs.

    Attributes:
        inputs: number of inputs, all different.
        settled: number of orbits that settled.
        distinct: number of different limits of those.
        per_cell: for each cell the number of its different states in those limits.
        sensitivity: the median, over orbits that settled, of |change of the limit| / |change of
            the embedding| for a small random change; None if none settled.
    """

    inputs: int
    settled: int
    distinct: int
    per_cell: tuple[int, ...]
    sensitivity: float | None


@torch.no_grad()
def limits(
    trained: TrainedLoop, inputs: int = 128, loops: int = 1000, nudge: float = 1e-3, seed: int = 0
) -> Limits:
    """Measure the limits of a trained loop on random inputs of its level.

    Args:
        trained: the loop, in float64.
        inputs: number of inputs.
        loops: iterations after which an orbit has settled or counts as not settled.
        nudge: Euclidean length of the change of the embedding.
        seed: seed of the inputs and of the directions of the change.

    Raises:
        UsageError: the level has fewer different inputs.

    Example:
        >>> from loopstab.models.measure.limits import limits
        >>> from loopstab.models.measure.trained import TrainedLoop
        >>> from loopstab.models.zoo import zoo
        >>> trained = TrainedLoop.open(zoo.load("prefix-sums-16-none-post-s1"), level="16")
        >>> found = limits(trained, inputs=8, loops=300)
        >>> found.settled == found.distinct, found.sensitivity < 1e-6
        (True, True)
    """
    generator = torch.Generator().manual_seed(seed)
    x = trained.task.batch(4 * inputs, trained.level, generator).x.double()
    x = torch.unique(x, dim=0)
    if len(x) < inputs:
        raise UsageError(
            f"level {trained.level} gave {len(x)} different inputs of {inputs}: ask for fewer"
        )
    x = x[torch.randperm(len(x), generator=generator)[:inputs]]
    e = trained.model.encode(x)
    change = torch.randn(e.shape, generator=generator, dtype=e.dtype)
    change *= nudge / change.flatten(1).norm(dim=1)[:, None, None]
    (h, settled), (moved, beside) = (_ends(trained, z, loops) for z in (e, e + change))
    both = settled & beside
    shift = (moved - h).flatten(1).norm(dim=1)[both] / nudge
    states = h[settled].numpy()
    return Limits(
        inputs=inputs,
        settled=int(settled.sum()),
        distinct=_distinct(states.reshape(len(states), -1)),
        per_cell=tuple(_distinct(states[:, cell]) for cell in range(states.shape[1])),
        sensitivity=float(shift.median()) if len(shift) else None,
    )


def _ends(trained: TrainedLoop, e: Tensor, loops: int) -> tuple[Tensor, Tensor]:
    """The last states of the orbits, and which of them settled."""
    context = trained.model.prepare(e)
    h = before = trained.model.initial(e)
    for _ in range(loops):
        before, h = h, trained.model.advance(h, context)
    step, size = ((z.flatten(1).norm(dim=1)) for z in (h - before, h))
    return h, step <= SETTLED * size


def _distinct(states: np.ndarray) -> int:
    """The number of clusters of rows: a row joins the first representative that it is near to."""
    representatives: list[np.ndarray] = []
    for row in states:
        if all(np.abs(row - other).max() > SAME for other in representatives):
            representatives.append(row)
    return len(representatives)
