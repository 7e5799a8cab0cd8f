"""Loss and accuracy of a trained loop whose weights are disturbed at random."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..network.transformer import LoopedTransformer
from ..tasks.task import Batch, Task

SIZES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
"""Length of the change of every weight tensor, relative to its norm."""
LOOPS = 100
"""Iterations after which loss and accuracy are measured."""


@torch.no_grad()
def disturbed(
    model: LoopedTransformer,
    task: Task,
    batch: Batch,
    draws: int,
    sizes: Sequence[float] = SIZES,
    loops: int = LOOPS,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Measure a loop with random weights near its own.

    To every tensor of weights a normal random one is added, scaled to `size` times its norm. The
    directions are the same for all sizes.

    Args:
        model: the network, in float32.
        task: the task.
        batch: the inputs.
        draws: number of disturbances of each size.
        sizes: the relative sizes.
        loops: iterations of the loop.
        seed: seed of the disturbances.

    Returns:
        For size 0 and then each size the medians over the disturbances of loss and accuracy, and
        the least and the largest accuracy; a loss that is not finite is None.
    """
    other, out = copy.deepcopy(model), []
    for size in (0.0, *sizes):
        losses, shares = [], []
        for draw in range(draws if size else 1):
            generator = torch.Generator().manual_seed(seed * 1000 + draw)
            for weight, own in zip(other.parameters(), model.parameters(), strict=True):
                noise = torch.randn(own.shape, generator=generator)
                weight.copy_(own + size * own.norm() / noise.norm() * noise)
            logits = other(batch.x, loops)
            losses.append(float(task.loss(logits, batch.target)))
            shares.append(float(task.correct(logits, batch.target).double().mean()))
        loss = float(np.median(losses))
        out.append(
            {
                "size": size,
                "loss": loss if np.isfinite(loss) else None,
                "accuracy": float(np.median(shares)),
                "least": min(shares),
                "largest": max(shares),
            }
        )
    return out
