"""Interval arithmetic on arrays of doubles, with every result rounded outward.

Rounding outward means one `nextafter` beyond round-to-nearest. That is rigorous for + - * / sqrt,
which IEEE 754 rounds correctly. `tanh` does not rely on the system library: it combines a table of
values certified by arb with a cubic Taylor polynomial, whose error bound `TANH_ERROR` is proved
here. An undefined operation (0 in a divisor, root of a negative number) gives NaN ends, which no
comparison accepts as a proof.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import flint
import numpy as np

from ..arrays import Array

_STEPS, _LAST = 1024, 20
"""Table points per unit, and the end of the table, beyond which 1 - tanh < 1e-17."""
TANH_ERROR = 2.0**-45
"""Bound of |computed - tanh x|.

The Taylor remainder is |tanh''''|/24 2^-44 <= 0.26 2^-44 = 1.5e-14, because tanh'''' =
8 t s (2 - 3 t^2) with s = 1 - t^2, |t s| <= 0.385 and |2 - 3 t^2| <= 2. Table and rounding add less
than 2e-15.
"""


def down(x: Array) -> Array:
    """The next double below."""
    return np.nextafter(x, -np.inf)


def up(x: Array) -> Array:
    """The next double above."""
    return np.nextafter(x, np.inf)


@cache
def _table() -> Array:
    """tanh(k/1024) for k = 0, 1, ..., rounded from arb balls of radius below 1e-15."""
    balls = [(flint.arb(k) / _STEPS).tanh() for k in range(_STEPS * _LAST + 1)]
    return np.array([float(ball.mid()) for ball in balls])


def _tanh(x: Array) -> Array:
    """tanh with an error below `TANH_ERROR`; NaN stays NaN."""
    size = np.minimum(np.abs(x), _LAST)
    near = np.rint(np.fmin(np.abs(x), _LAST) * _STEPS)
    t = _table()[near.astype(np.intp)]
    delta = size - near / _STEPS  # exact (Sterbenz)
    s = 1 - t * t
    return np.copysign(t + delta * s * (1 + delta * ((t * t - 1 / 3) * delta - t)), x)


class Interval:
    """Intervals [low, high], given by two arrays of doubles in one shape.

    The other operand of an operation is an `Interval` or a Python float, which counts as exact.
    """

    __array_ufunc__ = None  # a NumPy scalar on the left leaves the operation to this class

    def __init__(self, low: Array, high: Array):
        self.low, self.high = low, high

    def constant(self, value: float) -> Interval:
        """The point interval [value, value], in the shape of this array."""
        ends = np.full_like(self.low, value)
        return Interval(ends, ends)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __add__(self, other: Interval | float) -> Interval:
        low, high = _ends(other)
        return Interval(down(self.low + low), up(self.high + high))

    __radd__ = __add__

    def __sub__(self, other: Interval | float) -> Interval:
        low, high = _ends(other)
        return Interval(down(self.low - high), up(self.high - low))

    def __rsub__(self, other: float) -> Interval:
        return -(self - other)

    def __mul__(self, other: Interval | float) -> Interval:
        if not isinstance(other, Interval):
            ends = (self.low, self.high) if other >= 0 else (self.high, self.low)
            return Interval(down(ends[0] * other), up(ends[1] * other))
        return _hull(self, other, np.multiply)

    __rmul__ = __mul__

    def __truediv__(self, other: Interval | float) -> Interval:
        low, high = _ends(other)
        bad = (low <= 0) & (high >= 0)
        return _hull(
            self, Interval(np.where(bad, np.nan, low), np.where(bad, np.nan, high)), np.divide
        )

    def __rtruediv__(self, other: float) -> Interval:
        return self.constant(other) / self

    def squared(self) -> Interval:
        """The range of the square, which is never below 0."""
        small = np.maximum(np.maximum(self.low, -self.high), 0)
        large = np.maximum(-self.low, self.high)
        return Interval(np.maximum(down(small * small), 0), up(large * large))

    def sqrt(self) -> Interval:
        """The square root; NaN where the interval contains negative numbers."""
        return Interval(
            np.where(self.low == 0, 0.0, down(np.sqrt(self.low))),
            np.where(self.low < 0, np.nan, up(np.sqrt(self.high))),
        )

    def tanh(self) -> Interval:
        """The hyperbolic tangent, from the ends, because it is monotone."""
        return Interval(
            np.maximum(down(_tanh(self.low) - TANH_ERROR), -1),
            np.minimum(up(_tanh(self.high) + TANH_ERROR), 1),
        )


def _ends(x: Interval | float) -> tuple[Any, Any]:
    return (x.low, x.high) if isinstance(x, Interval) else (x, x)


def _hull(x: Interval, y: Interval, operation: Callable[[Any, Any], Array]) -> Interval:
    corners = [operation(a, b) for a in (x.low, x.high) for b in (y.low, y.high)]
    low = np.minimum(np.minimum(corners[0], corners[1]), np.minimum(corners[2], corners[3]))
    high = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
    return Interval(down(low), up(high))
