"""Arithmetic of certified maps: on `Interval` arrays, many boxes at once, and on arb balls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add
from typing import Any

import flint
import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from .interval import Interval, up

Coordinate = Any
"""An `Interval` (many boxes at once) or a `flint.arb` (one ball)."""
Vector = Sequence[Coordinate]
Matrix = tuple[tuple[float, ...], ...]


def constant(x: Coordinate, value: float) -> Coordinate:
    """The number `value` in the arithmetic of x."""
    return x.constant(value) if isinstance(x, Interval) else flint.arb(value)


def tanh(x: Coordinate) -> Coordinate:
    """The hyperbolic tangent, from the ends: sharper for a wide ball, as it is monotone."""
    return x.tanh() if isinstance(x, Interval) else x.lower().tanh().union(x.upper().tanh())


def squared(x: Coordinate) -> Coordinate:
    """The range of the square.

    x * x would be too wide, because its factors count as independent, and arb ** 2 is NaN across 0.
    """
    if isinstance(x, Interval):
        return x.squared()
    small, large = x.abs_lower(), x.abs_upper()
    return (small * small).union(large * large)


def total(terms: Iterable[Coordinate]) -> Coordinate:
    """The sum of at least one coordinate."""
    return reduce(add, terms)


def product(matrix: Matrix, x: Vector) -> list[Coordinate]:
    """The matrix times a vector of coordinates."""
    return [total(a * xi for a, xi in zip(row, x, strict=True)) for row in matrix]


def matrix_of(values: Any, name: str, columns: int | None = None) -> Matrix:
    """A matrix of finite floats; `UsageError` if it is not one with that many columns."""
    array = np.asarray(values, dtype=float)
    if (
        array.ndim != 2
        or not array.size
        or (columns is not None and array.shape[1] != columns)
        or not np.isfinite(array).all()
    ):
        need = "2 axes" if columns is None else f"{columns} columns"
        raise UsageError(
            f"{name} must be a matrix of finite numbers with {need}, got shape {array.shape}: check"
            " its sizes and entries"
        )
    return tuple(tuple(row) for row in array.tolist())


def vector_of(values: Any, name: str, size: int) -> tuple[float, ...]:
    """A vector of finite floats; `UsageError` if it is not one of that size."""
    array = np.asarray(values, dtype=float)
    if array.shape != (size,) or not np.isfinite(array).all():
        raise UsageError(
            f"{name} must be {size} finite numbers, got shape {array.shape}: check its size and"
            " entries"
        )
    return tuple(array.tolist())


def rms_norm(z: Vector, eps: float) -> list[Coordinate]:
    """N(z) = z / sqrt(mean z^2 + eps).

    On intervals it is the exact range over the box, up to rounding: N_i increases in z_i, and |N_i|
    decreases in |z_j|.
    """
    size = len(z)
    if not isinstance(z[0], Interval):
        scale = (total(map(squared, z)) / size + eps).sqrt()
        return [zi / scale for zi in z]
    squares = [squared(zi) for zi in z]
    floor = z[0].constant(eps) * float(size)
    undefined = total((*squares, floor)).low <= 0
    out = []
    for i, zi in enumerate(z):
        rest = total((floor, *squares[:i], *squares[i + 1 :]))
        low, high = (
            _norm_end(end, np.where((end > 0) == larger, rest.low, rest.high), size)
            for end, larger in ((zi.low, False), (zi.high, True))
        )
        out.append(
            Interval(np.where(undefined, np.nan, low.low), np.where(undefined, np.nan, high.high))
        )
    return out


def _norm_end(end: Array, rest: Array, size: int) -> Interval:
    """An enclosure of end / sqrt((end^2 + rest)/size)."""
    z = Interval(end, end)
    return z / ((squared(z) + Interval(rest, rest)) / float(size)).sqrt()


def norm_derivative(n: Vector, scale: Coordinate, direction: Vector) -> list[Coordinate]:
    """DN(z) v = (v - n (n . v)/d) / s, n = N(z)."""
    along = total(ni * v for ni, v in zip(n, direction, strict=True)) / len(n)
    return [(v - ni * along) / scale for ni, v in zip(n, direction, strict=True)]


def widened(low: Array, high: Array, share: float) -> tuple[Array, Array]:
    """Boxes (..., d) extended at both ends by a share of their width.

    Every side grows by `share` times its own width plus a tenth of the largest width, and by a few
    ulps. Otherwise a box that one evaluation made thin in one direction could stay thinner than the
    rounding of the next evaluation.
    """
    width = high - low
    size = np.maximum(np.abs(low), np.abs(high))
    extra = share * (width + width.max(-1, keepdims=True) / 10) + 4 * np.spacing(size)
    return low - up(extra), high + up(extra)
