"""The progressive loss: run some loops without gradient, then some with, and judge the last output only."""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor

from models.tasks.task import Batch, Task
from models.transformer import LoopedTransformer


class EncoderGradient(StrEnum):
    """How the encoder learns when the first loops carry no gradient.

    With recall none the state is the encoder's only way into the loss, so the published form trains the encoder only
    when n = 0, one step in `loops`; the two others make the comparison of recall with none fair.
    """

    PUBLISHED = "published"
    """none through the first n loops"""
    STRAIGHT_THROUGH = "straight-through"
    """the n loops count as the identity: h_n + (e - stop(e))"""
    FULL = "full"
    """backpropagation through all loops"""


def progressive_loss(
    model: LoopedTransformer,
    task: Task,
    batch: Batch,
    loops: int,
    generator: torch.Generator,
    encoder_gradient: EncoderGradient = EncoderGradient.PUBLISHED,
) -> Tensor:
    """The task's loss (a scalar) after n + k loops, n ~ U{0..loops-1} without gradient, k ~ U{1..loops-n} with."""
    n = int(torch.randint(0, loops, (), generator=generator))
    k = int(torch.randint(1, loops - n + 1, (), generator=generator))
    e = model.encode(batch.x)
    h, context = model.initial(e), model.prepare(e)
    if encoder_gradient is EncoderGradient.FULL:
        k, n = n + k, 0
    if n:
        with torch.no_grad():
            for _ in range(n):
                h = model.advance(h, context)
        if encoder_gradient is EncoderGradient.STRAIGHT_THROUGH:
            h = h + (e - e.detach())
    for _ in range(k):
        h = model.advance(h, context)
    return task.loss(model.head(h), batch.target)
