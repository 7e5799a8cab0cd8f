"""What the tests of an orbit share: the size of rounding, a fast median, equal parts, trends.

The docstrings of the thresholds say how many outcomes change, among 827 looks at 605 labelled
orbits (`benchmarks/classifier`), when the threshold alone is halved or doubled.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..arrays import Array
from .decay import Decay

ROUNDING = 64
"""Bound of the rounding error of one step, in units of the norm.

Halving it changes 1 of the looks.
"""
TREND_ERRORS = 4
"""Standard errors within which a trend is no trend.

Halving it changes 21 of the looks, doubling it 2.
"""
TREND_FLOOR = 1e-5
"""Change in log over the orbit below which a trend is no trend, however small its error."""


def median(x: Array) -> float:
    """The median of x (n,) without NaN, by sorting; NumPy's own checks for NaN and is slower."""
    x = np.sort(x)
    return float(x[(len(x) - 1) // 2] + x[len(x) // 2]) / 2


@lru_cache(maxsize=64)
def equal_parts(n: int, parts: int) -> tuple[Array, Array]:
    """First index and length of each of `parts` parts of n entries."""
    split = np.array_split(np.arange(n), parts)
    return np.array([part[0] for part in split]), np.array([len(part) for part in split])


def trendless(y: Array, unit: float) -> bool:
    """Whether y neither falls nor rises geometrically after its first quarter.

    The change must lie within `TREND_ERRORS` standard errors, or within rounding at `unit`.
    """
    n = len(y)
    trend = Decay.of(y, n // 4, n)
    noise = max(TREND_ERRORS * trend.geometric_error * n, TREND_FLOOR, ROUNDING * unit * n)
    return abs(trend.geometric) * n < noise
