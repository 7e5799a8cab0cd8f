"""Multi-head attention over one or two spatial axes, with QK-norm and rotary embedding.

It is written as plain products, because fused kernels have no second and no forward-mode
derivatives, and save nothing measurable at 81 cells on a CPU. Training on a GPU uses the fused
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
    """Softmax attention, full or within a window; q, k, v and o are layers with bias.

    Within a window, a learnt bias for every head and offset is added to the scores; it starts at
    random with unit variance. Rotary phases alone hardly tell left from right at initialisation,
    and without that difference prefix sums are not learnt.
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
        """The maps of queries, keys and values as one product, the map of the output, and the bias
        of a window.
        """
        bias = None if geometry.window is None else geometry.window.bias(self.offset_bias)
        return Maps(Affine.of_layers(self.q, self.k, self.v), Affine.narrowing(self.o), bias)

    def forward(self, x: Tensor, geometry: Geometry, maps: Maps) -> Tensor:
        """Update tokens (batch, cells, width), with the maps that `prepare` made."""
        batch, cells, width = x.shape
        config = self.config
        qkv = maps.entry(x).view(batch, cells, 3, config.heads, -1).transpose(1, 3)
        q, k, v = qkv.unbind(2)
        scale = config.head_width**-0.5
        tables = geometry.tables
        if config.qk_norm is QKNorm.BEFORE_ROPE:
            q, k = rotate(self.q_norm(q, scale), tables), rotate(self.k_norm(k), tables)
        else:
            q, k = self.q_norm(rotate(q, tables), scale), self.k_norm(rotate(k, tables))
        q, k = q.to(v.dtype), k.to(v.dtype)  # the rotary tables are float32
        if geometry.window is not None and maps.bias is not None:
            out = geometry.window.attend(q, k, v, maps.bias)
        elif geometry.fused:
            out = F.scaled_dot_product_attention(q, k, v, scale=1.0)  # q carries the scale
        else:
            out = (q @ k.transpose(-1, -2)).softmax(-1) @ v
        return maps.exit(out.transpose(1, 2).reshape(batch, cells, width))
