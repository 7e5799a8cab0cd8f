"""Accuracy against the number of loops, in the dtype of the weights whatever the training did; the
loops to report are chosen apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...support.errors import UsageError
from ..network.arithmetic import without_autocast
from ..network.transformer import LoopedTransformer
from ..tasks.task import EVALUATION_SEED, Batch, Task
from .orbit import Orbit

CPU_CELLS, GPU_CELLS = 1024, 1 << 18
"""cells evaluated at a time: on a CPU so few that the activations stay in its cache, on a GPU
enough to fill it
"""
CHOICE = 1024
"""samples at most on which the number of loops is chosen; they are not reported on"""


@torch.no_grad()
def accuracy_curve(
    model: LoopedTransformer,
    task: Task,
    batch: Batch,
    loops: Sequence[int],
    chunk: int | None = None,
    ulps: float = 8,
) -> list[float]:
    """Share of samples with every cell right after each of the asked loop counts (ascending, >= 1),
    `chunk` samples at a time.

    Samples whose relative step has fallen to `ulps` rounding units leave the computation and keep
    their verdict (`Orbit`): 500 loops more would move them by less than 0.05 % of their norm in
    float32. With 0 only states that repeat to the bit leave. Autocast is switched off: rounded to
    bfloat16, states seem to stop that still move by 6 % a loop.
    """
    loops = list(loops)
    if not loops or loops != sorted(set(loops)) or loops[0] < 1:
        raise UsageError(f"loop counts must be ascending whole numbers from 1, not {loops}")
    chunk = chunk or max(
        1, (CPU_CELLS if batch.x.device.type == "cpu" else GPU_CELLS) // batch.x.shape[1]
    )
    right = torch.zeros(len(loops), dtype=torch.int64, device=batch.x.device)
    with without_autocast(batch.x.device):
        for start in range(0, len(batch.x), chunk):
            part = slice(start, start + chunk)
            right += _right(model, task, batch.x[part], batch.target[part], loops, ulps)
    return (right.cpu().double() / len(batch.x)).tolist()


def _right(
    model: LoopedTransformer, task: Task, x: Tensor, target: Tensor, loops: list[int], ulps: float
) -> Tensor:
    orbit = Orbit(model, x, ulps)
    correct = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    stale = torch.ones_like(correct)  # advanced since its last verdict
    out = torch.zeros(len(loops), dtype=torch.int64, device=x.device)
    at = 0
    for t in range(1, loops[-1] + 1):
        stale[orbit.running] = True
        orbit.advance()
        if t == loops[at]:
            correct[stale] = task.correct(model.head(orbit.h[stale]), target[stale])
            stale[:] = False
            out[at:] = correct.sum()
            at += 1
            if not len(orbit.running):
                break
    return out


def evaluate(
    model: LoopedTransformer,
    task: Task,
    loops: Sequence[int],
    size: int,
    device: str = "cpu",
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:
    """Curves of every held-out level on `size` samples at most, and the number of loops to report,
    chosen on other samples of the easiest.

    Plain JSON: `loops`; `accuracy`, level to curve; `samples`, level to their number; `choice` with
    its level, its samples, their curve and the loops chosen, the fewest at which that curve is
    highest. None when `stop` said so.
    """
    accuracy, samples, choice = {}, {}, {}
    for level in task.held_out:
        first = level == task.held_out[0]
        batch, apart = task.evaluation(size, level, min(CHOICE, size) if first else 0, device)
        if first:
            chosen = apart or batch  # too few samples to set any apart
            curve = accuracy_curve(model, task, chosen, loops)
            choice = {
                "level": level,
                "samples": len(chosen.x),
                "apart": apart is not None,
                "accuracy": curve,
                "loops": loops[curve.index(max(curve))],
            }
        if stop():
            return None
        accuracy[level], samples[level] = accuracy_curve(model, task, batch, loops), len(batch.x)
    return {"loops": list(loops), "accuracy": accuracy, "samples": samples, "choice": choice}


def recorded_samples(run: Mapping[str, Any], task: Task, level: str) -> Batch:
    """The samples on which the accuracies of a record were measured.

    Older records, which hold no `choice`, were measured on samples drawn with replacement.
    """
    size = run["config"]["eval_size"]
    if "choice" in run:
        first = level == task.held_out[0]
        return task.evaluation(size, level, min(CHOICE, size) if first else 0)[0]
    seed = EVALUATION_SEED + task.levels.index(level)
    return task.batch(size, level, torch.Generator().manual_seed(seed))
