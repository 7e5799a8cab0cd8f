"""Where cells stand, and what follows for attention: coordinates, rotary tables, and windows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ...support.errors import UsageError
from .arithmetic import EXACT, Arithmetic
from .model_config import ModelConfig


def board_side(cells: int) -> int:
    """The side of a square board of that many cells; `UsageError` when there is no such board."""
    side = round(cells**0.5)
    if side * side != cells:
        raise UsageError(
            f"{cells} cells do not make a square board: a model with 2 axes takes side x side cells"
        )
    return side


def coordinates(cells: int, axes: int) -> Tensor:
    """Whole coordinates of every cell, (cells, axes)."""
    if axes == 1:
        return torch.arange(cells)[:, None]
    side = board_side(cells)
    return torch.cartesian_prod(torch.arange(side), torch.arange(side))


def rotary_tables(cells: int, config: ModelConfig, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles, each (cells, head_width / 2).

    Every axis turns an equal share of the pairs of channels; the frequencies of an axis with n
    channels are base^(-2i/n).
    """
    pairs = config.head_width // (2 * config.axes)
    frequency = config.rope_base ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
    angle = (coordinates(cells, config.axes)[:, :, None].double() * frequency).reshape(cells, -1)
    return angle.cos().to(like), angle.sin().to(like)


def rotate(z: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Turn the pairs of channels (i, i + n/2) of z, (..., cells, head_width), by the angles of the
    tables.
    """
    cos, sin = tables
    a, b = z.chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


class Window:
    """Attention within a window, as plain products of short runs of cells with their
    neighbourhoods.

    Such products cover a few cells more than the window has, and still cost less than element-wise
    work over its offsets. The cells form `blocks` runs of `size` cells, and the keys of a run are
    `keys` consecutive cells. A board is a single run.
    """

    LONGEST = 32
    """Most cells in a run of a sequence: with a window of five, 32 cells have 36 keys."""

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
        place = coordinates(cells, axes)
        start = self.size * torch.arange(self.blocks)[:, None]
        query, key = start + torch.arange(self.size), start + torch.arange(self.keys) - self.reach
        offset = (
            place[key.clamp(0, cells - 1)][:, None]
            - place[query.clamp(max=cells - 1)][:, :, None]
            + reach
        )
        within = ((offset >= 0) & (offset < window)).all(-1) & ((key >= 0) & (key < cells))[:, None]
        # the last run is filled up with cells that are cut off later: their softmax must be finite
        within |= (query >= cells)[:, :, None]
        column = offset[..., 0] if axes == 1 else offset[..., 0] * window + offset[..., 1]
        self.column = torch.where(within, column, 0).clamp(0, window**axes - 1).to(like.device)
        self.mask = like.new_zeros(within.shape).masked_fill(~within.to(like.device), -torch.inf)

    def bias(self, by_offset: Tensor) -> Tensor:
        """Spread a bias by offset, (heads, window^axes), over the scores, (heads, blocks, size,
        keys); it is minus infinity outside the window.
        """
        column = self.column.flatten().expand(len(by_offset), -1)
        return by_offset.gather(1, column).unflatten(1, self.column.shape) + self.mask

    def queries(self, z: Tensor) -> Tensor:
        """Cut cells into runs: (..., cells, n) to (..., blocks, size, n)."""
        filling = self.blocks * self.size - self.cells
        return F.pad(z, (0, 0, 0, filling)).unflatten(-2, (self.blocks, self.size))

    def neighbours(self, z: Tensor) -> Tensor:
        """The neighbourhood of each run: (..., cells, n) to (..., blocks, n, keys)."""
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
    """What attention needs to know about the places of cells, computed once per sequence and not
    once per iteration: the rotary tables, and the window.
    """

    def __init__(
        self, cells: int, config: ModelConfig, like: Tensor, arithmetic: Arithmetic = EXACT
    ):
        self.fused = arithmetic.fused
        self.tables = rotary_tables(cells, config, like)
        self.window = (
            None if config.window is None else Window(cells, config.axes, config.window, like)
        )
