"""The progressive loss: run some loops without gradient, then some with, and judge the outputs of
the last loop or of several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..network.arithmetic import EXACT, Arithmetic
from ..network.choices import EncoderGradient, Supervision
from ..network.transformer import Context, LoopedTransformer
from ..tasks.task import Batch, Task

Advance = Callable[[Tensor, Context], Tensor]


@dataclass(frozen=True)
class Objective:
    """How one training step unrolls the loop and which outputs it judges.

    At most `loops` loops: n ~ U{0..loops - 1} without gradient, then k ~ U{1..loops - n} with
    (published); or, with `gradient_loops` = K > 0, n ~ U{0..loops - K} and k = K. The full encoder
    gradient passes through all n + k loops; the outputs judged are the same.
    """

    loops: int
    gradient_loops: int = 0
    encoder_gradient: EncoderGradient = EncoderGradient.PUBLISHED
    supervision: Supervision = Supervision.LAST

    def draw(self, generator: torch.Generator) -> tuple[int, int]:
        """n and k of one step."""
        least = max(1, min(self.gradient_loops, self.loops))
        n = int(torch.randint(0, self.loops - least + 1, (), generator=generator))
        return n, (
            least
            if self.gradient_loops
            else int(torch.randint(1, self.loops - n + 1, (), generator=generator))
        )

    def __call__(
        self,
        model: LoopedTransformer,
        task: Task,
        batch: Batch,
        n: int,
        k: int,
        *,
        advance: Advance | None = None,
        arithmetic: Arithmetic = EXACT,
    ) -> Tensor:
        """The task's loss (a scalar) for given n and k; `advance` replaces the model's own (the
        same, compiled).
        """
        advance = advance or model.advance
        full = self.encoder_gradient is EncoderGradient.FULL
        e = model.encode(batch.x)
        folded = batch.x.device.type == "cpu" and pays(0 if full else n, n + k if full else k)
        h, context = model.initial(e), model.prepare(e, folded, arithmetic)
        if full:
            for _ in range(n):
                h = advance(h, context)
        elif n:
            with torch.no_grad():
                h = h.detach()
                for _ in range(n):
                    h = advance(h, context)
            # a compiled loop tells states that need a gradient from others: this way one graph
            # serves the first loop and the rest
            h = (
                h + (e - e.detach())
                if self.encoder_gradient is EncoderGradient.STRAIGHT_THROUGH
                else h.requires_grad_()
            )
        losses = []
        for left in range(k - 1, -1, -1):
            h = advance(h, context)
            if self.supervision is Supervision.EACH or not left:
                losses.append(task.loss(model.head(h, arithmetic), batch.target))
        return torch.stack(losses).mean()


def progressive_loss(
    model: LoopedTransformer,
    task: Task,
    batch: Batch,
    loops: int,
    generator: torch.Generator,
    encoder_gradient: EncoderGradient = EncoderGradient.PUBLISHED,
    advance: Advance | None = None,
) -> Tensor:
    """The published loss (a scalar): that of the last output after n + k loops, n and k drawn with
    the generator.
    """
    objective = Objective(loops, encoder_gradient=encoder_gradient)
    return objective(model, task, batch, *objective.draw(generator), advance=advance)


def pays(n: int, k: int) -> bool:
    """Whether folding the recall mix saves more than it costs: 4 d^2 flops per token in n + 3 k
    passes against 14 d^2 in 3 (hidden = 4).

    On a GPU nothing is folded: by a count of bytes the unfolded mix reads and writes less. That was
    not timed.
    """
    return 4 * (n + 3 * k) > 14 * 3
