"""The compiled loop: one graph with gradient and one without for every number of cells."""

from __future__ import annotations

import torch
from torch import Tensor

from ...support.errors import UsageError
from ..network.transformer import Block, Context, LoopedTransformer
from .loss import Advance

GRAPHS = 32
"""most graphs of one function: a loop needs two (with and without gradient) for each number of
cells, four where it may be folded
"""


def compiled_advance(model: LoopedTransformer) -> Advance:
    """The loop of the model, compiled; with several distinct blocks one compiled block serves them
    all.

    `UsageError` where there is no compiler, found out on a trial product. What was compiled before
    in this process is dropped, and the limit beyond which torch runs everything uncompiled is
    raised to `GRAPHS`.
    """
    torch.compiler.reset()
    torch._dynamo.config.recompile_limit = max(GRAPHS, torch._dynamo.config.recompile_limit)
    try:
        device = next(model.parameters()).device
        torch.compile(lambda x: x.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # inductor wraps what it meets in classes of its own
        reason = " ".join(str(error).split())[:120]
        raise UsageError(
            f"the loop cannot be compiled here ({reason}): install a C++ compiler, or leave"
            " --compile out"
        ) from None
    if model.config.blocks == 1:
        return torch.compile(model.advance, dynamic=False)
    run = torch.compile(Block.forward, dynamic=False)

    def advance(h: Tensor, context: Context) -> Tensor:
        return model.advance(h, context, run)

    return advance
