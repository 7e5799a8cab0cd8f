"""What is asked of a phase diagram, made complete: axes, grid and settings that fit the law."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...support.errors import UsageError
from .axes import DiagramAxis
from .laws.law import LoopLaw, complete

USUAL_AXES = (
    "beta:0.05:5:log",
    "sigma:0.2:5:log",
    "residual:0:2",
    "recall:0.1:10:log",
    "block:0.1:10:log",
    "width:8:64",
)
"""Axes that are used where none is given, in the order of preference."""
USUAL_CELLS = 24
"""Rows and columns where none are given."""


def usual_axes(
    rule: LoopLaw, x: DiagramAxis | None, y: DiagramAxis | None, settings: Mapping[str, float]
) -> tuple[DiagramAxis, DiagramAxis]:
    """The axes as given, and usual ones for those that are not."""
    given = (x, y)
    taken = {axis.name for axis in given if axis is not None} | set(settings)
    usual = (DiagramAxis.parse(text) for text in USUAL_AXES)
    free = (axis for axis in usual if axis.name in rule.parameters and axis.name not in taken)
    first, second = (next(free, None) if axis is None else axis for axis in given)
    if first is None or second is None:
        raise UsageError(
            f"law {rule.name} needs both axes, as NAME:LOW:HIGH[:log]: give two of its parameters,"
            f" {', '.join(rule.parameters) or 'of which it has none'}"
        )
    return first, second


def check(
    rule: LoopLaw, x: DiagramAxis, y: DiagramAxis, settings: dict[str, float]
) -> dict[str, float]:
    """The complete settings besides the axes; raises `UsageError` if they do not fit the law."""
    if x.name == y.name:
        raise UsageError(
            f"both axes are {x.name}: choose two different parameters of"
            f" {', '.join(rule.parameters)}"
        )
    for axis in (x, y):
        if axis.name in settings:
            raise UsageError(
                f"{axis.name} is an axis and is also set to {settings[axis.name]:g}: remove one of"
                " them"
            )
    for ends in ("low", "high"):
        corner = {axis.name: _whole(rule, axis, getattr(axis, ends)) for axis in (x, y)}
        values = complete(rule, {**settings, **corner})
    return {name: value for name, value in values.items() if name not in (x.name, y.name)}


def grid_of(grid: tuple[int, int] | None, rows: int | None, cols: int | None) -> tuple[int, int]:
    """Rows and columns, of which the values on an axis may fix either."""
    usual = rows or USUAL_CELLS, cols or USUAL_CELLS
    if grid is None:
        return usual
    if (rows or grid[0], cols or grid[1]) != tuple(grid):
        raise UsageError(
            f"the axes list {rows or 'any number of'} rows and {cols or 'any number of'} columns,"
            f" and the grid is {grid[0]}x{grid[1]}: leave out the grid"
        )
    return grid


def _whole(rule: LoopLaw, axis: DiagramAxis, value: float) -> float:
    known = rule.parameters.get(axis.name)
    return float(np.rint(value)) if known is not None and known.integer else value
