"""The plane of a phase diagram: two axes, and cells of several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array

DEEPEST = 8
"""How often a cell can be split."""


@dataclass(frozen=True)
class DiagramAxis:
    """A parameter from low to high, on a logarithmic or linear scale.

    Args:
        name: the name of the parameter.
        low: its value at one end of the axis.
        high: its value at the other end, above `low`.
        log: whether the scale is logarithmic (then low must be positive) or linear.

    Raises:
        UsageError: the range is empty, or not positive on a logarithmic scale.

    Example:
        >>> from loopstab.numerics.phase import DiagramAxis
        >>> DiagramAxis.parse("beta:0.1:10:log").at(0.5).item()
        1.0
    """

    name: str
    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise UsageError(
                f"axis {self.name} has no range: it needs low < high, not {self.low:g} and"
                f" {self.high:g}"
            )
        if self.log and self.low <= 0:
            raise UsageError(
                f"axis {self.name} cannot be logarithmic from {self.low:g}: start above 0, or leave"
                " out :log"
            )

    @classmethod
    def parse(cls, text: str) -> DiagramAxis:
        """The axis written as NAME:LOW:HIGH or NAME:LOW:HIGH:log, for example beta:0.05:5:log."""
        name, *rest = text.split(":")
        try:
            low, high = float(rest[0]), float(rest[1])
            if not name or rest[2:] not in ([], ["log"], ["lin"]):
                raise ValueError
        except (ValueError, IndexError):
            raise UsageError(
                f"cannot read axis {text!r}: write NAME:LOW:HIGH or NAME:LOW:HIGH:log, e.g."
                " beta:0.05:5:log"
            ) from None
        return cls(name, low, high, rest[2:] == ["log"])

    @classmethod
    def of(cls, axis: Any) -> tuple[DiagramAxis, int | None]:
        """An axis as a user writes it, and how many cells it asks for.

        It is a text as for `parse`, a tuple (name, low, high) or (name, low, high, "log"), or
        (name, values) with the centres of the cells, evenly spaced on either scale. Raises
        `UsageError` for anything else.
        """
        if isinstance(axis, cls):
            return axis, None
        if isinstance(axis, str):
            return cls.parse(axis), None
        try:
            name, *rest = axis
            if not isinstance(name, str) or len(rest) not in (1, 2, 3):
                raise ValueError
            if len(rest) > 1:
                if rest[2:] not in ([], ["log"], ["lin"]):
                    raise ValueError
                return cls(name, float(rest[0]), float(rest[1]), rest[2:] == ["log"]), None
            values = np.asarray(rest[0], float)
            if values.ndim != 1 or len(values) < 2:
                raise ValueError
        except (TypeError, ValueError) as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError(
                f"cannot read axis {axis!r:.100}: write NAME:LOW:HIGH or NAME:LOW:HIGH:log, a tuple"
                " (name, low, high), or (name, values) with at least two values"
            ) from None
        return cls._around(name, values), len(values)

    @classmethod
    def _around(cls, name: str, values: Array) -> DiagramAxis:
        """The axis with these values as the centres of its cells."""
        gaps = np.diff(values)
        if np.allclose(gaps, gaps[0], rtol=1e-6, atol=0):
            return cls(name, float(values[0] - gaps[0] / 2), float(values[-1] + gaps[0] / 2))
        with np.errstate(all="ignore"):
            ratios = values[1:] / values[:-1]
        if (values > 0).all() and np.allclose(ratios, ratios[0], rtol=1e-6, atol=0):
            half = float(np.sqrt(ratios[0]))
            return cls(name, float(values[0]) / half, float(values[-1]) * half, log=True)
        raise UsageError(
            f"the values of axis {name} are not evenly spaced: use numpy.linspace or"
            " numpy.geomspace, or give NAME:LOW:HIGH and a grid"
        )

    def __str__(self) -> str:
        ends = ":".join(
            f"{end:g}" if float(f"{end:g}") == end else repr(float(end))
            for end in (self.low, self.high)
        )
        return f"{self.name}:{ends}" + (":log" if self.log else "")

    def at(self, u: Array) -> Array:
        """The value at the share u of the way from low to high."""
        u = np.asarray(u, float)
        if self.log:
            return self.low * (self.high / self.low) ** u
        return self.low + (self.high - self.low) * u


@dataclass(frozen=True)
class Cells:
    """The cells of a plane, in which some have been split in four, perhaps repeatedly.

    Args:
        rows: rows of the coarse grid, along y.
        cols: columns of the coarse grid, along x.
        level: how often each cell was halved along both sides, (n,); 0 on the coarse grid.
        row: the row of each cell in the grid of its level, (n,).
        col: its column there, (n,).

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.phase import Cells
        >>> cells = Cells.coarse(2, 2).split(np.array([True, False, False, False]))
        >>> len(cells), cells.level.tolist()
        (7, [0, 0, 0, 1, 1, 1, 1])
    """

    rows: int
    cols: int
    level: Array
    row: Array
    col: Array

    @classmethod
    def coarse(cls, rows: int, cols: int) -> Cells:
        """The grid before any split."""
        row, col = (x.ravel() for x in np.indices((rows, cols)))
        return cls(rows, cols, np.zeros(rows * cols, int), row, col)

    def __len__(self) -> int:
        return len(self.level)

    def shares(self, offset: float = 0.5) -> tuple[Array, Array]:
        """How far along x and y the centres (offset 0.5) or corners (0 or 1) are, as shares."""
        size = 2.0**self.level
        return (self.col + offset) / (self.cols * size), (self.row + offset) / (self.rows * size)

    def tile(self) -> bool:
        """Whether the cells cover the plane once, with at most eight halvings."""
        if not len(self.level) == len(self.row) == len(self.col):
            return False
        if not ((self.level >= 0) & (self.level <= DEEPEST)).all():
            return False
        inside = (self.row >= 0) & (self.row < self.rows << self.level)
        inside &= (self.col >= 0) & (self.col < self.cols << self.level)
        area = int((1 << 2 * (DEEPEST - self.level)).sum())
        if not inside.all() or area != (self.rows << DEEPEST) * (self.cols << DEEPEST):
            return False
        known = self._codes(0)
        return len(np.unique(known)) == len(known) and not any(
            np.isin(self._codes(up)[self.level >= up], known).any() for up in range(1, DEEPEST + 1)
        )

    def _codes(self, up: int) -> Array:
        """A number for each cell, or for the one out of which it came `up` splits ago."""
        row, col = self.row >> up, self.col >> up
        return ((self.level - up) * (self.rows << DEEPEST) + row) * (self.cols << DEEPEST) + col

    def raster(self) -> Array:
        """The index of the cell under each pixel of the finest grid."""
        deep = int(self.level.max())
        out = np.full((self.rows << deep, self.cols << deep), -1)
        for i, (level, row, col) in enumerate(zip(self.level, self.row, self.col, strict=True)):
            k = deep - level
            out[row << k : (row + 1) << k, col << k : (col + 1) << k] = i
        return out

    def boundary(self, classes: Sequence[object], depth: int) -> Array:
        """Which cells above that depth touch a cell of another class along a side, (n,) bool."""
        _, label = np.unique(np.array([str(c) for c in classes]), return_inverse=True)
        index, out = self.raster(), np.zeros(len(self), bool)
        for a, b in ((index[1:], index[:-1]), (index[:, 1:], index[:, :-1])):
            differ = label[a] != label[b]
            out[a[differ]] = out[b[differ]] = True
        return out & (self.level < depth)

    def split(self, chosen: Array) -> Cells:
        """The same plane with each chosen cell split in four.

        The others keep their order and come first.
        """
        stay, gone = ~chosen, np.flatnonzero(chosen)
        row = (2 * self.row[gone, None] + [0, 0, 1, 1]).ravel()
        col = (2 * self.col[gone, None] + [0, 1, 0, 1]).ravel()
        level = np.repeat(self.level[gone] + 1, 4)
        pairs = ((self.level, level), (self.row, row), (self.col, col))
        return Cells(
            self.rows, self.cols, *(np.concatenate((old[stay], new)) for old, new in pairs)
        )
