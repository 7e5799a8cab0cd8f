"""The progressive loss: run some loops without gradient, then some with, and judge the last output only."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import torch
from torch import Tensor

from models.tasks.task import Batch, Task
from models.transformer import Context, LoopedTransformer


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
    advance: Callable[[Tensor, Context], Tensor] | None = None,
) -> Tensor:
    """The task's loss (a scalar) after n + k loops, n ~ U{0..loops-1} without gradient, k ~ U{1..loops-n} with."""
    n = int(torch.randint(0, loops, (), generator=generator))
    k = int(torch.randint(1, loops - n + 1, (), generator=generator))
    return unrolled_loss(model, task, batch, n, k, encoder_gradient, advance)


def unrolled_loss(
    model: LoopedTransformer,
    task: Task,
    batch: Batch,
    n: int,
    k: int,
    encoder_gradient: EncoderGradient = EncoderGradient.PUBLISHED,
    advance: Callable[[Tensor, Context], Tensor] | None = None,
) -> Tensor:
    """The task's loss for given n and k; `advance` replaces the model's own (the same, compiled)."""
    advance = advance or model.advance
    if encoder_gradient is EncoderGradient.FULL:
        k, n = n + k, 0
    e = model.encode(batch.x)
    h, context = model.initial(e), model.prepare(e, folded=pays(n, k))
    if n:
        with torch.no_grad():
            h = h.detach()  # a compiled loop tells states with history from others
            for _ in range(n):
                h = advance(h, context)
        if encoder_gradient is EncoderGradient.STRAIGHT_THROUGH:
            h = h + (e - e.detach())
    for _ in range(k):
        h = advance(h, context)
    return task.loss(model.head(h), batch.target)


def pays(n: int, k: int) -> bool:
    """Whether folding the recall mix saves more than it costs: 4 d^2 flops per token in n + 3 k passes against 14 d^2 in 3 (hidden = 4)."""
    return 4 * (n + 3 * k) > 14 * 3
