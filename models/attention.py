"""Multi-head attention over one or two spatial axes: QK-norm, rotary embedding, full or windowed.

Written as plain products (no fused kernel): second and forward-mode derivatives do not pass through the fused ones, which
save nothing measurable at 81 cells on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.config import ModelConfig, QKNorm
from theory.errors import UsageError


@dataclass(frozen=True)
class Affine:
    """x -> x weight^T + offset; the offset is a bias (n,), or one row per token, (batch, cells, n)."""

    weight: Tensor
    offset: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """(batch, cells, m) to (batch, cells, n)."""
        if self.offset.dim() == 1:
            return F.linear(x, self.weight, self.offset)
        return torch.addmm(self.offset.flatten(0, 1), x.flatten(0, 1), self.weight.t()).view_as(self.offset)

    def after(self, weight: Tensor, offset: Tensor) -> Affine:
        """This map applied to x weight^T + offset (one row per token), as one map."""
        return Affine(self.weight @ weight, self(offset))

    def of(self, keep: Tensor) -> Affine:
        """The map for the kept samples alone."""
        return self if self.offset.dim() == 1 else Affine(self.weight, self.offset[keep])


class RMSNorm(nn.Module):
    """N(z) = gain * z / sqrt(mean z^2 + eps) over the last axis (THEORY.md section 1)."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, z: Tensor, scale: float = 1.0) -> Tensor:
        """Normalise each token and multiply by `scale`; shape and dtype are kept."""
        return F.rms_norm(z, z.shape[-1:], self.gain * scale if scale != 1 else self.gain, self.eps)


def board_side(cells: int) -> int:
    """Side of a square board of that many cells; `UsageError` when it is not a square."""
    side = round(cells**0.5)
    if side * side != cells:
        raise UsageError(f"{cells} cells are not a square board: a model with 2 axes takes side x side cells")
    return side


def positions(cells: int, axes: int) -> Tensor:
    """Integer coordinates of every cell, shape (cells, axes)."""
    if axes == 1:
        return torch.arange(cells)[:, None]
    side = board_side(cells)
    return torch.cartesian_prod(torch.arange(side), torch.arange(side))


def rotary_tables(cells: int, config: ModelConfig, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles, each (cells, head_width / 2).

    Every axis turns an equal share of the pairs, with frequencies base^(-2i/n) over its own share of n channels.
    """
    pairs = config.head_width // (2 * config.axes)
    frequency = config.rope_base ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
    angle = (positions(cells, config.axes)[:, :, None].double() * frequency).reshape(cells, -1)
    return angle.cos().to(like), angle.sin().to(like)


def rotate(z: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Turn the channel pairs (i, i + n/2) of z, (..., cells, head_width), by the angles of the tables."""
    cos, sin = tables
    a, b = z.chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


class Shifts:
    """The window as shifted views of a padded tensor: no index tensor, no gather, and a cheap backward pass."""

    def __init__(self, cells: int, axes: int, window: int):
        self.side = cells if axes == 1 else board_side(cells)
        self.axes, self.reach = axes, window // 2
        steps = range(window)
        self.starts = [(i,) for i in steps] if axes == 1 else [(i, j) for i in steps for j in steps]

    def views(self, z: Tensor) -> list[Tensor]:
        """For every offset of the window, z at that neighbour; z and each view are (..., cells, n), zero off the board."""
        board = z.unflatten(-2, (self.side,) * self.axes)
        padded = F.pad(board, (0, 0) + (self.reach, self.reach) * self.axes)
        out = []
        for start in self.starts:
            view = padded
            for axis, i in enumerate(start):
                view = view.narrow(axis - self.axes - 1, i, self.side)
            out.append(view if self.axes == 1 else view.flatten(-3, -2))
        return out


class Geometry:
    """What attention needs to know about the positions only: computed once per sequence length, not once per loop."""

    def __init__(self, cells: int, config: ModelConfig, like: Tensor):
        self.tables = rotary_tables(cells, config, like)
        self.shifts: Shifts | None = None
        self.mask = like.new_zeros(())
        if config.window is not None:
            self.shifts = Shifts(cells, config.axes, config.window)
            inside = torch.cat(self.shifts.views(like.new_ones(cells, 1)), -1)
            self.mask = torch.zeros_like(inside).masked_fill(inside == 0, -torch.inf)


class Attention(nn.Module):
    """Softmax attention with separate q, k, v, o projections with bias.

    Windowed attention carries a learnt bias per head and offset with unit random start: rotary phases alone hardly tell
    left from right at initialisation, and without that the prefix-sums task is not learnt.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        d, dh = config.width, config.head_width
        self.config = config
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        self.q_norm, self.k_norm = RMSNorm(dh, config.eps), RMSNorm(dh, config.eps)
        if config.window is not None:
            self.offset_bias = nn.Parameter(torch.randn(config.heads, config.window**config.axes))

    def entry(self) -> Affine:
        """The map from the input to queries, keys and values side by side: one product instead of three."""
        layers = (self.q, self.k, self.v)
        return Affine(torch.cat([layer.weight for layer in layers]), torch.cat([layer.bias for layer in layers]))

    def forward(self, x: Tensor, geometry: Geometry, entry: Affine | None = None) -> Tensor:
        """(batch, cells, width) to the same shape; `entry` replaces the map that `entry()` gives."""
        batch, cells, width = x.shape
        config = self.config
        qkv = (entry or self.entry())(x).view(batch, cells, 3, config.heads, -1).transpose(1, 3)
        q, k, v = qkv.unbind(2)
        scale = config.head_width**-0.5
        if config.qk_norm is QKNorm.BEFORE_ROPE:
            q, k = rotate(self.q_norm(q, scale), geometry.tables), rotate(self.k_norm(k), geometry.tables)
        else:
            q, k = self.q_norm(rotate(q, geometry.tables), scale), self.k_norm(rotate(k, geometry.tables))
        if geometry.shifts is None:
            out = (q @ k.transpose(-1, -2)).softmax(-1) @ v
        else:
            score = torch.stack([(q * near).sum(-1) for near in geometry.shifts.views(k)], -1)
            weight = (score + self.offset_bias[:, None, :] + geometry.mask).softmax(-1)
            out = torch.zeros_like(v)
            for w, near in zip(weight.split(1, -1), geometry.shifts.views(v), strict=True):
                out = out + w * near
        return self.o(out.transpose(1, 2).reshape(batch, cells, width))


class MLP(nn.Module):
    """Token-wise Linear, GELU, Linear with `hidden` times the width inside."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.up = nn.Linear(config.width, config.hidden * config.width)
        self.down = nn.Linear(config.hidden * config.width, config.width)

    def entry(self) -> Affine:
        """The first layer."""
        return Affine(self.up.weight, self.up.bias)

    def forward(self, x: Tensor, geometry: Geometry, entry: Affine | None = None) -> Tensor:
        """(batch, cells, width) to the same shape; `entry` replaces the first layer; the geometry is not used."""
        return self.down(F.gelu((entry or self.entry())(x)))
