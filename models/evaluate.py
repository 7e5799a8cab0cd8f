"""Accuracy against the number of loops, streamed: memory does not grow with the loops, the head runs only where asked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.transformer import LoopedTransformer
from theory.errors import UsageError


@torch.no_grad()
def accuracy_curve(
    model: LoopedTransformer, x: Tensor, target: Tensor, loops: Sequence[int], chunk: int = 256, tolerance: float = 0.0
) -> list[float]:
    """Share of samples with every cell right after each of the asked loop counts (ascending, >= 1).

    Samples whose state no longer moves (relative step <= `tolerance`; 0 means not a single bit) leave the batch and
    keep their verdict: with tolerance 0 that is exact, because the step is a function of state and input alone.
    """
    loops = list(loops)
    if not loops or loops != sorted(set(loops)) or loops[0] < 1:
        raise UsageError(f"loop counts must be ascending whole numbers from 1, not {loops}")
    right = torch.zeros(len(loops), dtype=torch.float64)
    for start in range(0, len(x), chunk):
        right += _right(model, x[start : start + chunk], target[start : start + chunk], loops, tolerance)
    return (right / len(x)).tolist()


def _right(model: LoopedTransformer, x: Tensor, target: Tensor, loops: list[int], tolerance: float) -> Tensor:
    e = model.encode(x)
    h, context = model.initial(e), model.prepare(e)
    settled = 0  # right samples among those that left the batch
    out = torch.zeros(len(loops), dtype=torch.float64)
    at = 0
    for t in range(1, loops[-1] + 1):
        new = model.advance(h, context)
        moving = (new != h).flatten(1).any(1)  # bits, because norms under- and overflow
        if tolerance:
            moving &= ~((new - h).flatten(1).norm(dim=1) <= tolerance * h.flatten(1).norm(dim=1))
        moving |= ~torch.isfinite(new).flatten(1).all(1)
        h = new
        if t == loops[at]:
            correct = (model.head(h).argmax(-1) == target).all(-1)
            out[at] = settled + int(correct.sum())
            at += 1
            if not moving.all():
                settled += int(correct[~moving].sum())
                h, e, target = h[moving], e[moving], target[moving]
                if not len(h):
                    out[at:] = settled
                    break
                context = model.prepare(e)
    return out
