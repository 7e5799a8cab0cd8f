"""Floating-point operations of a looped transformer in closed form; multiplying and adding count
one each.

Only sums of products are counted, as torch's `FlopCounterMode` does, which sees matrix products and
no element-wise operation: norms, softmax, GELU, rotations, the gates of a GRU cell and the decay of
the stream are left out.
Of windowed attention only the products within the window count as work; those that fill its blocks
stand apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...theory.architecture import Recall, Residual
from .geometry import Window
from .model_config import ModelConfig, mixes


@dataclass(frozen=True)
class Flops:
    """Forward flops. `iteration`: per token and loop; `mix`: the part of it that folding saves
    (internal recall); `filling`: outside the window, per sequence and loop, which torch's counter
    sees too (negative where a sequence is shorter than the window); `once`: per token and sequence
    (encoder and W_e e); `head`: per token whenever the head is run; `fold_token` and `fold`: cost
    of folding, per token and per batch.
    """

    iteration: int
    filling: int
    mix: int
    once: int
    head: int
    fold_token: int
    fold: int

    def forward(self, tokens: int, loops: int, heads: int = 1, folded: bool = False) -> int:
        """Matrix products of a run of that many loops with `heads` runs of the head."""
        per_token = (
            self.once
            + loops * (self.iteration - folded * self.mix)
            + heads * self.head
            + folded * self.fold_token
        )
        return tokens * per_token + folded * self.fold

    def training(self, tokens: int, n: int, k: int, folded: bool = False) -> int:
        """Progressive loss with n loops without gradient and k with: a backward pass costs two
        forward passes.

        Exact but for the encoder and, when n > 0, the first loop with gradient, whose input needs
        none: at most 2 (d + channels) d per token less, or 2 d^2 more products in that loop.
        """
        first = self.forward(tokens, n, 0, folded) - self.forward(tokens, 0, 0, folded)
        return first + 3 * self.forward(tokens, k, 1, folded)


def folds(recall: Recall) -> bool:
    """Whether W_x can be folded into the updates' first layers: it is applied there alone."""
    return recall.in_update and not recall.in_stream


def flops(config: ModelConfig, cells: int) -> Flops:
    """Flops on sequences (or boards) of that many cells."""
    arch, d, blocks = config.architecture, config.width, config.blocks
    square = 2 * d * d
    mix = 2 * blocks * square if arch.recall.in_update else 0
    external = square if mixes(arch) and arch.recall.in_stream else 0
    gru = 12 * square if arch.residual is Residual.GRU else 0
    if config.window is None:
        seen, filling = cells, 0
    else:
        seen = config.window**config.axes
        runs, size, keys = Window.runs(cells, config.axes, config.window)
        filling = blocks * 4 * d * (runs * size * keys - cells * seen)
    block = (4 + 2 * config.hidden) * square + 4 * d * seen + gru
    entries = blocks * (3 + config.hidden) * square if folds(arch.recall) else 0
    return Flops(
        iteration=blocks * block + mix + external,
        filling=filling,
        mix=mix if folds(arch.recall) else 0,
        once=2 * config.channels * d + (square if arch.recall.present else 0),
        head=square + 2 * d * config.classes,
        fold_token=entries,
        fold=entries * d,
    )
