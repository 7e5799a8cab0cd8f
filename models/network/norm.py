"""The normalisation layer of the looped transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RMSNorm(nn.Module):
    """Normalise tokens: N(z) = gain * z / sqrt(mean z^2 + eps) over the last axis."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, z: Tensor, scale: float = 1.0) -> Tensor:
        """Normalise each token and multiply it by `scale`; shape and dtype stay the same."""
        gain = self.gain * scale if scale != 1 else self.gain
        gain = gain.to(z.dtype)  # the fused kernel is not used for a gain of another dtype
        return F.rms_norm(z, z.shape[-1:], gain, self.eps)
