"""What is recorded of a loop while it trains: rho(W_x), the growth of the state, and the residual
of the last iteration.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..network.transformer import LoopedTransformer


def recall_radius(model: LoopedTransformer) -> float | None:
    """The spectral radius of W_x, by LAPACK; None without recall."""
    if model.w_x is None:
        return None
    return float(torch.linalg.eigvals(model.w_x.weight.detach().double().cpu()).abs().max())


@torch.no_grad()
def diagnostics(model: LoopedTransformer, x: Tensor, loops: int) -> dict[str, float | None]:
    """Measure a loop on samples `x`, after T = `loops` iterations.

    Returns `rho_wx`, the spectral radius of W_x, and the means over the samples of `norm_ratio`,
    |h_T| / |h_0|; `residual`, |h_T - h_{T-1}| / |h_{T-1}|; and `cosine`, that of the angle between
    the last two states. A value that is not finite becomes None.
    """
    e = model.encode(x)
    first, context = model.initial(e), model.prepare(e)
    before = h = first
    for _ in range(loops):
        before, h = h, model.advance(h, context)
    first, before, h = (state.flatten(1).double() for state in (first, before, h))
    size, last = before.norm(dim=1), h.norm(dim=1)
    values = {
        "norm_ratio": (last / first.norm(dim=1)).mean(),
        "residual": ((h - before).norm(dim=1) / size).mean(),
        "cosine": ((h * before).sum(1) / (last * size)).mean(),
    }
    finite = {
        name: float(value) if bool(torch.isfinite(value)) else None
        for name, value in values.items()
    }
    return {"rho_wx": recall_radius(model), **finite}
