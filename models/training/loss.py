"""The progressive loss: some iterations without gradient, then some with, whose outputs are
judged.
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
    """How a training step unrolls the loop, and which outputs it judges.

    A step runs n iterations without gradient and then k with. As published, n ~ U{0..loops - 1} and
    k ~ U{1..loops - n}; with `gradient_loops` = K > 0, n ~ U{0..loops - K} and k = K. The full
    encoder gradient passes through all n + k iterations, and the same outputs are judged.

    Attributes:
        loops: most iterations of the step.
        gradient_loops: K; default 0, as published.
        encoder_gradient: how the encoder learns from the first n iterations.
        supervision: whether the last output is judged, or each of the k last ones.
    """

    loops: int
    gradient_loops: int = 0
    encoder_gradient: EncoderGradient = EncoderGradient.PUBLISHED
    supervision: Supervision = Supervision.LAST

    def draw(self, generator: torch.Generator) -> tuple[int, int]:
        """Draw n and k of one step."""
        least = max(1, min(self.gradient_loops, self.loops))
        n = int(torch.randint(0, self.loops - least + 1, (), generator=generator))
        if self.gradient_loops:
            return n, least
        return n, int(torch.randint(1, self.loops - n + 1, (), generator=generator))

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
        """The loss of the task, a scalar, for given n and k.

        `advance` replaces that of the model, by the same one compiled.
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
            # the state requires a gradient in either case, so that one compiled graph serves the
            # first iteration and the others
            straight = self.encoder_gradient is EncoderGradient.STRAIGHT_THROUGH
            h = h + (e - e.detach()) if straight else h.requires_grad_()
        losses = []
        for left in range(k - 1, -1, -1):
            h = advance(h, context)
            if self.supervision is Supervision.EACH or not left:
                losses.append(task.loss(model.head(h, arithmetic), batch.target))
        return torch.stack(losses).mean()


def pays(n: int, k: int) -> bool:
    """Whether folding the recall mix saves more operations than it costs, on a CPU.

    It saves 4 d^2 per token in n + 3 k passes (a backward pass counts as two), and costs 14 d^2 in
    3 passes, with hidden = 4. On a GPU nothing is folded, because the unfolded mix reads and writes
    fewer bytes; that was counted and not timed.
    """
    return 4 * (n + 3 * k) > 14 * 3
