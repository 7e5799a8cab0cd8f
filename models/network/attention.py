"""Multi-head attention over one or two spatial axes: QK-norm, rotary embedding, full or windowed.

Written as plain products, because second and forward-mode derivatives do not pass through fused
kernels, which save nothing measurable at 81 cells on a CPU; training on a GPU takes the fused
kernel (`Arithmetic.fused`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .affine import Affine, Maps
from .choices import QKNorm
from .geometry import Geometry, rotate
from .model_config import ModelConfig
from .norm import RMSNorm


class Attention(nn.Module):
    """Softmax attention with separate q, k, v, o projections with bias.

    Windowed attention carries a learnt bias per head and offset with unit random start: rotary
    phases alone hardly tell left from right at initialisation, and without that the prefix-sums
    task is not learnt.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        d, dh = config.width, config.head_width
        self.config = config
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        self.q_norm, self.k_norm = RMSNorm(dh, config.eps), RMSNorm(dh, config.eps)
        if config.window is not None:
            self.offset_bias = nn.Parameter(torch.randn(config.heads, config.window**config.axes))

    def prepare(self, geometry: Geometry) -> Maps:
        """Queries, keys and values side by side, one product instead of three; the output; what a
        window adds to the scores.
        """
        bias = None if geometry.window is None else geometry.window.bias(self.offset_bias)
        return Maps(Affine.of_layers(self.q, self.k, self.v), Affine.narrowing(self.o), bias)

    def forward(self, x: Tensor, geometry: Geometry, maps: Maps) -> Tensor:
        """(batch, cells, width) to the same shape."""
        batch, cells, width = x.shape
        config = self.config
        qkv = maps.entry(x).view(batch, cells, 3, config.heads, -1).transpose(1, 3)
        q, k, v = qkv.unbind(2)
        scale = config.head_width**-0.5
        if config.qk_norm is QKNorm.BEFORE_ROPE:
            q, k = (
                rotate(self.q_norm(q, scale), geometry.tables),
                rotate(self.k_norm(k), geometry.tables),
            )
        else:
            q, k = (
                self.q_norm(rotate(q, geometry.tables), scale),
                self.k_norm(rotate(k, geometry.tables)),
            )
        q, k = q.to(v.dtype), k.to(v.dtype)  # the rotary tables are float32
        if geometry.window is not None and maps.bias is not None:
            out = geometry.window.attend(q, k, v, maps.bias)
        elif geometry.fused:
            out = F.scaled_dot_product_attention(q, k, v, scale=1.0)  # q carries the scale
        else:
            out = (q @ k.transpose(-1, -2)).softmax(-1) @ v
        return maps.exit(out.transpose(1, 2).reshape(batch, cells, width))
