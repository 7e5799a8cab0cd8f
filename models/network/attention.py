"""Multi-head attention over one or two spatial axes: QK-norm, rotary embedding, full or windowed.

Written as plain products, because second and forward-mode derivatives do not pass through fused
kernels, which save nothing measurable at 81 cells on a CPU; training on a GPU takes the fused
kernel (`Arithmetic.fused`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...support.errors import UsageError
from .arithmetic import EXACT, Arithmetic
from .choices import QKNorm
from .config import ModelConfig


@dataclass(frozen=True)
class Affine:
    """x -> x matrix + offset; the matrix is (m, n), the offset a bias (n,), or one row per token,
    (batch, cells, n).

    The result has the dtype of the matrix; a bfloat16 matrix rounds x to its own dtype.
    """

    matrix: Tensor
    offset: Tensor

    @staticmethod
    def of_layers(*layers: nn.Linear) -> Affine:
        """The outputs of the layers side by side."""
        weight, bias = (
            torch.cat(parts)
            for parts in zip(*((layer.weight, layer.bias) for layer in layers), strict=True)
        )
        return Affine(weight.t(), bias)

    @staticmethod
    def narrowing(layer: nn.Linear, offset: Tensor | None = None) -> Affine:
        """A layer with no more outputs than inputs: its three products are faster with the weight
        stored transposed, once per sequence.
        """
        return Affine(layer.weight.t().contiguous(), layer.bias if offset is None else offset)

    def __call__(self, x: Tensor) -> Tensor:
        """(batch, cells, m) to (batch, cells, n)."""
        dtype = self.matrix.dtype
        if dtype is torch.bfloat16:
            x = x.to(dtype)
        if (
            torch.compiler.is_compiling()
        ):  # the sum joins the next element-wise kernel; `addmm` would first copy the offset
            return (x @ self.matrix + self.offset).to(dtype)
        offset = self.offset.to(dtype)
        out = torch.addmm(
            offset if offset.dim() == 1 else offset.flatten(0, 1), x.flatten(0, 1), self.matrix
        )
        return out.view(*x.shape[:2], -1)

    def rounded(self, arithmetic: Arithmetic) -> Affine:
        """The map with its matrix, and a row per token, in the dtype of products; a bias stays as
        it is.
        """
        if arithmetic.products is None:
            return self
        offset = self.offset if self.offset.dim() == 1 else self.offset.to(arithmetic.products)
        return Affine(self.matrix.to(arithmetic.products), offset)

    def after(self, first: Affine) -> Affine:
        """This map applied to the outputs of `first`, as one map."""
        return Affine((self.matrix.t() @ first.matrix.t()).t(), self(first.offset))

    def of(self, keep: Tensor) -> Affine:
        """The map for the kept samples alone."""
        return self if self.offset.dim() == 1 else Affine(self.matrix, self.offset[keep])


@dataclass(frozen=True)
class Maps:
    """What an update computes from its weights and the positions once per sequence.

    First and last map, the bias of a window, and the gates of a GRU residual, each side by side: of
    the update, and of the state.
    """

    entry: Affine
    exit: Affine
    bias: Tensor | None = None
    gates: tuple[Affine, Affine] | None = None

    def after(self, first: Affine) -> Maps:
        """The update of the outputs of `first`."""
        return replace(self, entry=self.entry.after(first))

    def of(self, keep: Tensor) -> Maps:
        """The maps for the kept samples alone."""
        return replace(self, entry=self.entry.of(keep))

    def rounded(self, arithmetic: Arithmetic) -> Maps:
        """The maps in the arithmetic of a training step; the bias of a window stays float32."""
        gates = (
            None
            if self.gates is None
            else (self.gates[0].rounded(arithmetic), self.gates[1].rounded(arithmetic))
        )
        return Maps(self.entry.rounded(arithmetic), self.exit.rounded(arithmetic), self.bias, gates)


class RMSNorm(nn.Module):
    """N(z) = gain * z / sqrt(mean z^2 + eps) over the last axis."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, z: Tensor, scale: float = 1.0) -> Tensor:
        """Normalise each token and multiply by `scale`; shape and dtype are kept."""
        gain = (self.gain * scale if scale != 1 else self.gain).to(
            z.dtype
        )  # a gain of another dtype leaves the fused kernel
        return F.rms_norm(z, z.shape[-1:], gain, self.eps)


def board_side(cells: int) -> int:
    """Side of a square board of that many cells; `UsageError` when it is not a square."""
    side = round(cells**0.5)
    if side * side != cells:
        raise UsageError(
            f"{cells} cells are not a square board: a model with 2 axes takes side x side cells"
        )
    return side


def positions(cells: int, axes: int) -> Tensor:
    """Integer coordinates of every cell, shape (cells, axes)."""
    if axes == 1:
        return torch.arange(cells)[:, None]
    side = board_side(cells)
    return torch.cartesian_prod(torch.arange(side), torch.arange(side))


def rotary_tables(cells: int, config: ModelConfig, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles, each (cells, head_width / 2).

    Every axis turns an equal share of the pairs, with frequencies base^(-2i/n) over its own share
    of n channels.
    """
    pairs = config.head_width // (2 * config.axes)
    frequency = config.rope_base ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
    angle = (positions(cells, config.axes)[:, :, None].double() * frequency).reshape(cells, -1)
    return angle.cos().to(like), angle.sin().to(like)


def rotate(z: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Turn the channel pairs (i, i + n/2) of z, (..., cells, head_width), by the angles of the
    tables.
    """
    cos, sin = tables
    a, b = z.chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


class Window:
    """The window as a band of score matrices: short runs of cells against their neighbourhoods, as
    plain products.

    Products of a few rows more than the window needs cost less than element-wise work over its
    offsets. Cells stand in `blocks` runs of `size`, each with its keys in `keys` consecutive cells;
    a board is one run.
    """

    LONGEST = 32
    """cells in a run"""

    @classmethod
    def runs(cls, cells: int, axes: int, window: int) -> tuple[int, int, int]:
        """Number of runs, cells in each, and keys of each."""
        blocks = -(-cells // cls.LONGEST) if axes == 1 else 1
        size = -(-cells // blocks)
        return blocks, size, size + 2 * (window // 2) * (blocks > 1)

    def __init__(self, cells: int, axes: int, window: int, like: Tensor):
        self.cells, reach = cells, window // 2
        self.blocks, self.size, self.keys = self.runs(cells, axes, window)
        self.reach = (self.keys - self.size) // 2
        place = positions(cells, axes)
        start = self.size * torch.arange(self.blocks)[:, None]
        query, key = start + torch.arange(self.size), start + torch.arange(self.keys) - self.reach
        offset = (
            place[key.clamp(0, cells - 1)][:, None]
            - place[query.clamp(max=cells - 1)][:, :, None]
            + reach
        )
        within = ((offset >= 0) & (offset < window)).all(-1) & ((key >= 0) & (key < cells))[:, None]
        within |= (query >= cells)[
            :, :, None
        ]  # filling, cut off later: its softmax must be finite all the same
        column = offset[..., 0] if axes == 1 else offset[..., 0] * window + offset[..., 1]
        self.column = torch.where(within, column, 0).clamp(0, window**axes - 1).to(like.device)
        self.mask = like.new_zeros(within.shape).masked_fill(~within.to(like.device), -torch.inf)

    def bias(self, by_offset: Tensor) -> Tensor:
        """(heads, window^axes) to (heads, blocks, size, keys), minus infinity outside the
        window.
        """
        return (
            by_offset.gather(1, self.column.flatten().expand(len(by_offset), -1)).unflatten(
                1, self.column.shape
            )
            + self.mask
        )

    def queries(self, z: Tensor) -> Tensor:
        """(..., cells, n) to (..., blocks, size, n)."""
        return F.pad(z, (0, 0, 0, self.blocks * self.size - self.cells)).unflatten(
            -2, (self.blocks, self.size)
        )

    def neighbours(self, z: Tensor) -> Tensor:
        """(..., cells, n) to (..., blocks, n, keys)."""
        if self.blocks == 1:
            return z.unsqueeze(-3).transpose(-1, -2)
        filled = F.pad(z, (0, 0, self.reach, self.blocks * self.size - self.cells + self.reach))
        return filled.unfold(-2, self.keys, self.size)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        """Softmax attention within the window; q, k, v and the result are (batch, heads, cells,
        n).
        """
        weight = (self.queries(q) @ self.neighbours(k) + bias).softmax(-1).to(v.dtype)
        return (weight @ self.neighbours(v).transpose(-1, -2)).flatten(-3, -2)[..., : self.cells, :]


class Geometry:
    """What attention needs to know about the positions only: computed once per sequence length, not
    once per loop.
    """

    def __init__(
        self, cells: int, config: ModelConfig, like: Tensor, arithmetic: Arithmetic = EXACT
    ):
        self.fused = arithmetic.fused
        self.tables = rotary_tables(cells, config, like)
        self.window = (
            None if config.window is None else Window(cells, config.axes, config.window, like)
        )


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


class MLP(nn.Module):
    """Token-wise Linear, GELU, Linear with `hidden` times the width inside."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.up = nn.Linear(config.width, config.hidden * config.width)
        self.down = nn.Linear(config.hidden * config.width, config.width)

    def prepare(self, _: Geometry) -> Maps:
        """The two layers."""
        return Maps(Affine(self.up.weight.t(), self.up.bias), Affine.narrowing(self.down))

    def forward(self, x: Tensor, _: Geometry, maps: Maps) -> Tensor:
        """(batch, cells, width) to the same shape."""
        return maps.exit(F.gelu(maps.entry(x)))
