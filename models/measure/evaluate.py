"""Exact-match accuracy against the number of iterations, in the dtype of the weights.

The number of iterations to report is chosen on samples of its own.
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
"""Cells evaluated at a time: on a CPU so few that the activations stay in its cache, on a GPU
enough to fill it.
"""
CHOICE = 1024
"""Most samples on which the number of iterations is chosen; the reported accuracy is measured on
others.
"""


@torch.no_grad()
def accuracy_curve(
    model: LoopedTransformer,
    task: Task,
    batch: Batch,
    loops: Sequence[int],
    chunk: int | None = None,
    ulps: float = 8,
) -> list[float]:
    """Exact-match accuracy of a loop after several numbers of iterations.

    Autocast is switched off: rounded to bfloat16, states seem to stop that still move by 6 % in an
    iteration.

    Args:
        model: the network.
        task: the task, which decides whether an output is right.
        batch: the samples.
        loops: numbers of iterations, ascending, from 1.
        chunk: samples to compute at a time; by default as many as `CPU_CELLS` or `GPU_CELLS` allow.
        ulps: samples whose relative step has fallen to that many rounding units leave the
            computation and keep their verdict (see `Orbit`). At the default, 500 more iterations
            would move them by less than 0.05 % of their norm in float32; with 0, only states that
            repeat to the bit leave.

    Returns:
        The share of samples with every cell right, for each of `loops`.

    Raises:
        UsageError: `loops` are not ascending whole numbers from 1.
    """
    return verdicts(model, task, batch, loops, chunk, ulps).double().mean(1).tolist()


@torch.no_grad()
def verdicts(
    model: LoopedTransformer,
    task: Task,
    batch: Batch,
    loops: Sequence[int],
    chunk: int | None = None,
    ulps: float = 8,
) -> Tensor:
    """For each number of iterations and sample, whether the answer is right in every cell.

    The arguments are those of `accuracy_curve`.

    Returns:
        Booleans (numbers of iterations, samples), on the CPU.

    Raises:
        UsageError: `loops` are not ascending whole numbers from 1.
    """
    loops = list(loops)
    if not loops or loops != sorted(set(loops)) or loops[0] < 1:
        raise UsageError(
            f"numbers of iterations must be ascending whole numbers from 1, not {loops}"
        )
    cells = CPU_CELLS if batch.x.device.type == "cpu" else GPU_CELLS
    chunk = chunk or max(1, cells // batch.x.shape[1])
    with without_autocast(batch.x.device):
        parts = [
            _right(model, task, batch.x[part], batch.target[part], loops, ulps)
            for part in (slice(i, i + chunk) for i in range(0, len(batch.x), chunk))
        ]
    return torch.cat(parts, 1).cpu()


def _right(
    model: LoopedTransformer, task: Task, x: Tensor, target: Tensor, loops: list[int], ulps: float
) -> Tensor:
    orbit = Orbit(model, x, ulps)
    correct = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    stale = torch.ones_like(correct)  # samples that have advanced since their last verdict
    out = torch.zeros(len(loops), len(x), dtype=torch.bool, device=x.device)
    at = 0
    for t in range(1, loops[-1] + 1):
        stale[orbit.running] = True
        orbit.advance()
        if t == loops[at]:
            correct[stale] = task.correct(model.head(orbit.h[stale]), target[stale])
            stale[:] = False
            out[at:] = correct
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
    """Exact-match accuracy on every held-out level, and the number of iterations to report.

    Args:
        model: the network.
        task: its task.
        loops: numbers of iterations, ascending, from 1.
        size: most samples per level.
        device: a torch device.
        stop: called between levels; the evaluation ends when it returns true.

    Returns:
        None when `stop` ended the evaluation, or else a JSON object: `loops`; `accuracy`, level to
        curve; `samples`, level to their number; `choice`, with a level, other samples of it, their
        curve and the number of iterations that was chosen, the fewest at which that curve is
        highest.
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
