"""Accuracy against the number of loops, streamed: memory does not grow with the loops, the head runs only where asked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.orbit import Orbit
from models.tasks.task import Batch, Task
from models.transformer import LoopedTransformer
from theory.errors import UsageError

CPU_CELLS, GPU_CELLS = 1024, 65536
"""cells evaluated at a time: on a CPU so few that the activations stay in its cache, on a GPU enough to fill it"""


@torch.no_grad()
def accuracy_curve(
    model: LoopedTransformer, task: Task, batch: Batch, loops: Sequence[int], chunk: int | None = None, ulps: float = 8
) -> list[float]:
    """Share of samples with every cell right after each of the asked loop counts (ascending, >= 1), `chunk` samples at a time.

    Samples whose relative step has fallen to `ulps` rounding units leave the computation and keep their verdict (`Orbit`): 500 loops
    more would move them by less than 0.05 % of their norm in float32. With 0 only states that repeat to the bit leave.
    """
    loops = list(loops)
    if not loops or loops != sorted(set(loops)) or loops[0] < 1:
        raise UsageError(f"loop counts must be ascending whole numbers from 1, not {loops}")
    chunk = chunk or max(1, (CPU_CELLS if batch.x.device.type == "cpu" else GPU_CELLS) // batch.x.shape[1])
    right = torch.zeros(len(loops), dtype=torch.float64)
    for start in range(0, len(batch.x), chunk):
        part = slice(start, start + chunk)
        right += _right(model, task, batch.x[part], batch.target[part], loops, ulps)
    return (right / len(batch.x)).tolist()


def _right(model: LoopedTransformer, task: Task, x: Tensor, target: Tensor, loops: list[int], ulps: float) -> Tensor:
    orbit = Orbit(model, x, ulps)
    correct = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    stale = torch.ones_like(correct)  # advanced since its last verdict
    out = torch.zeros(len(loops), dtype=torch.float64)
    at = 0
    for t in range(1, loops[-1] + 1):
        stale[orbit.running] = True
        orbit.advance()
        if t == loops[at]:
            correct[stale] = task.correct(model.head(orbit.h[stale]), target[stale])
            stale[:] = False
            out[at:] = int(correct.sum())
            at += 1
            if not len(orbit.running):
                break
    return out
