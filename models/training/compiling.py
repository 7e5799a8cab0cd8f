"""The compiled loop: one graph with gradient and one without, for every number of cells."""

from __future__ import annotations

import torch
from torch import Tensor

from ...support.errors import UsageError
from ..network.transformer import Block, Context, LoopedTransformer
from .loss import Advance

GRAPHS = 32
"""Most graphs of one function. A loop needs two for each number of cells, with and without
gradient, and four where the recall mix may be folded; this leaves room for several numbers.
"""


def compiled_advance(model: LoopedTransformer) -> Advance:
    """Compile the loop of a model; of several distinct blocks, one compiled block serves them all.

    Whatever was compiled before in this process is dropped, and the number of graphs beyond which
    torch runs a function uncompiled is raised to `GRAPHS`. A trial function is compiled first:
    `UsageError` when there is no compiler.
    """
    torch.compiler.reset()
    torch._dynamo.config.recompile_limit = max(GRAPHS, torch._dynamo.config.recompile_limit)
    try:
        device = next(model.parameters()).device
        torch.compile(lambda x: x.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # inductor wraps every error in classes of its own
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
