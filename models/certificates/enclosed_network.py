"""A trained looped transformer as a function of enclosures instead of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ...numerics.arrays import Array
from ...numerics.enclosures.operations import E, rms_norm, softmax
from ...theory.architecture import Residual
from ..network.choices import QKNorm
from ..network.geometry import Geometry, coordinates
from ..network.norm import RMSNorm
from ..network.transformer import Block, LoopedTransformer, SubBlock


class EnclosedNetwork:
    """The map of a `LoopedTransformer`, as it stands in its weights, on enclosures.

    The weights are doubles and taken as exact, as are the tables of the rotary embedding. States
    and embeddings have the shape (cells, width).

    Args:
        model: the network, in float64.
        cells: number of cells of its inputs.

    Example:
        >>> import numpy as np
        >>> from loopstab.models.certificates.enclosed_network import EnclosedNetwork
        >>> from loopstab.models.network.model_config import ModelConfig
        >>> from loopstab.models.network.transformer import LoopedTransformer
        >>> from loopstab.numerics.enclosures.jet import Jet
        >>> model = LoopedTransformer(ModelConfig(width=8, heads=2)).double()
        >>> network = EnclosedNetwork(model, cells=3)
        >>> e = network.encode(Jet.constant(np.ones((3, 1))))
        >>> network.step(e, e).shape
        (3, 8)
    """

    def __init__(self, model: LoopedTransformer, cells: int):
        self.model, self.cells = model, cells
        like = next(model.parameters())
        cos, sin = Geometry(cells, model.config, like).tables
        self._tables = cos.detach().numpy(), sin.detach().numpy()
        self._window = _dense_window(cells, model)
        self._arrays: dict[int, tuple[torch.Tensor, Array]] = {}

    def encode(self, x: E) -> E:
        """The embedding e of an input (cells, channels)."""
        return self._layer(self.model.encoder, x)

    @property
    def recall(self) -> bool:
        """Whether the input enters the loop."""
        return self.model.config.architecture.recall.present

    def rank(self, size: int) -> int:
        """The outer norm removes one direction of each cell."""
        outer = self.model.config.architecture.outer_norm
        return size - self.cells if outer else size

    def start(self, e: E) -> E:
        """The initial state, which is the embedding."""
        return e

    def offset(self, e: E) -> E | None:
        """What recall adds to the mix, W_e e + b; None without recall."""
        return None if self.model.w_e is None else self._layer(self.model.w_e, e)

    def step(self, h: E, e: E) -> E:
        """One iteration from the state h with the embedding e."""
        return self.advance(h, self.offset(e))

    def advance(self, h: E, offset: E | None) -> E:
        """One iteration with a prepared offset."""
        arch, source, mix = self.model.config.architecture, h, offset
        if self.model.decay is not None:
            h = h * self._share(self.model.decay, h)
            if arch.recall.in_stream and offset is not None:
                h = h + offset
            source, mix = h, offset if arch.recall.in_update else None
        elif arch.recall.in_stream and mix is not None:
            source = self._mixed(h, mix)
            mix = mix if arch.recall.in_update else None
            if arch.residual is not Residual.GRU:
                h = source
        for i, block in enumerate(self.model.blocks):
            assert isinstance(block, Block)
            h = self._sub_block(block.attention, h, source if i == 0 else h, mix)
            h = self._sub_block(block.mlp, h, h, mix)
        return h

    def head(self, h: E) -> E:
        """The logits (cells, classes) of a state."""
        hidden = self._layer(self.model.head_hidden, self._norm(self.model.head_norm, h))
        return self._layer(self.model.head_out, hidden.map("gelu"))

    def _sub_block(self, sub: SubBlock, h: E, source: E, mix: E | None) -> E:
        x = source if sub.inner is None else self._norm(sub.inner, source)
        x = x if mix is None else self._mixed(x, mix)
        u = self._attention(sub.update, x) if hasattr(sub.update, "q") else self._mlp(sub.update, x)
        if sub.norms_update:
            u = self._norm(sub.outer if sub.middle is None else sub.middle, u)
        if sub.strength is not None:
            h = h + (u - h) * self._share(sub.strength, h)
        else:
            h = h + u if sub.gru is None else self._gated(sub.gru, u, h)
        return self._norm(sub.outer, h) if sub.norms_sum else h

    def _share(self, weight: torch.Tensor, h: E) -> E:
        """The sigmoid of a weight, in the shape of the state."""
        return (h * 0.0 + np.broadcast_to(self._array(weight), h.shape)).map("sigmoid")

    def _mixed(self, x: E, offset: E) -> E:
        assert self.model.w_x is not None
        return x.affine(self._array(self.model.w_x.weight)) + offset

    def _mlp(self, mlp: Any, x: E) -> E:
        return self._layer(mlp.down, self._layer(mlp.up, x).map("gelu"))

    def _attention(self, attention: Any, x: E) -> E:
        config = self.model.config
        heads, width = config.heads, config.head_width
        q, k, v = (
            self._layer(layer, x).reshape(self.cells, heads, width).transpose(1, 0, 2)
            for layer in (attention.q, attention.k, attention.v)
        )
        if config.qk_norm is QKNorm.BEFORE_ROPE:
            q = self._rotate(self._norm(attention.q_norm, q))
            k = self._rotate(self._norm(attention.k_norm, k))
        else:
            q = self._norm(attention.q_norm, self._rotate(q))
            k = self._norm(attention.k_norm, self._rotate(k))
        scores = (q * width**-0.5).inner(k)
        mask = None
        if self._window is not None:
            column, mask = self._window
            scores = scores + self._array(attention.offset_bias)[:, column]
        out = softmax(scores, mask).matmul(v)
        return self._layer(attention.o, out.transpose(1, 0, 2).reshape(self.cells, -1))

    def _rotate(self, z: E) -> E:
        cos, sin = self._tables
        half = z.shape[-1] // 2
        a, b = z[..., :half], z[..., half:]
        return z.concatenate((a * cos - b * sin, a * sin + b * cos), 2)

    def _gated(self, cell: nn.GRUCell, u: E, h: E) -> E:
        d = h.shape[-1]
        given = u.affine(self._array(cell.weight_ih), self._array(cell.bias_ih))
        hidden = h.affine(self._array(cell.weight_hh), self._array(cell.bias_hh))
        parts = (slice(0, d), slice(d, 2 * d), slice(2 * d, 3 * d))
        (r, z, n), (rh, zh, nh) = ([g[..., part] for part in parts] for g in (given, hidden))
        candidate = (n + (r + rh).map("sigmoid") * nh).map("tanh")
        return candidate + (z + zh).map("sigmoid") * (h - candidate)

    def _norm(self, norm: RMSNorm | None, z: E) -> E:
        assert norm is not None
        return rms_norm(z, self._array(norm.gain), norm.eps)

    def _layer(self, layer: nn.Linear, x: E) -> E:
        return x.affine(self._array(layer.weight), self._array(layer.bias))

    def _array(self, weight: torch.Tensor) -> Array:
        """The weight as one array, the same at every call."""
        key = id(weight)
        if key not in self._arrays:  # the weight is kept, so that no other one gets its id
            self._arrays[key] = weight, weight.detach().double().numpy()
        return self._arrays[key][1]


def _dense_window(cells: int, model: LoopedTransformer) -> tuple[Array, Array] | None:
    """For each pair of cells the column of the bias, and whether the window has the pair."""
    size = model.config.window
    if size is None:
        return None
    place = coordinates(cells, model.config.axes).numpy()
    offset = place[None, :] - place[:, None] + size // 2
    mask = ((offset >= 0) & (offset < size)).all(-1)
    column = offset[..., 0] if model.config.axes == 1 else offset[..., 0] * size + offset[..., 1]
    return np.where(mask, column, 0), mask.astype(float)
