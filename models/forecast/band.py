"""A number that a new input will have, as a median and a 90 % interval, from the same number of a
few other inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

SPREAD = 0.25
"""Standard deviation that counts like one further observation, on the scale of the interval."""
LEVEL = 0.9
"""Probability with which the number of a new input is to lie in the interval."""


@dataclass(frozen=True)
class Band:
    """A 90 % interval of a number of a new input.

    Attributes:
        median: the number in the middle: half of all inputs should have a smaller one.
        low: the lower end of the interval.
        high: its upper end.
    """

    median: float
    low: float
    high: float


def rate_band(rates: Sequence[float]) -> Band | None:
    """The interval of a factor per iteration, from the factors of other inputs.

    It is Student's interval of one more observation, of log(-log q): the logarithm of the speed.

    Args:
        rates: factors q strictly between 0 and 1.

    Returns:
        The interval, within (0, 1); None without a factor.

    Example:
        >>> from loopstab.models.forecast.band import rate_band
        >>> band = rate_band([0.5, 0.5, 0.5])
        >>> round(band.median, 3), 0.3 < band.low < band.high < 0.7
        (0.5, True)
    """
    # a larger speed is a smaller factor
    return _band([math.log(-math.log(q)) for q in rates], lambda y: math.exp(-math.exp(-y)), -1)


def size_band(sizes: Sequence[float]) -> Band | None:
    """The interval of a positive number, from those of other inputs; Student's, of its logarithm.

    Args:
        sizes: positive numbers.

    Returns:
        The interval; None without a number.
    """
    return _band([math.log(x) for x in sizes], math.exp)


def loops_band(loops: Sequence[float]) -> Band | None:
    """The interval of a number of iterations, from those of other inputs: of 1 + loops, the same.

    Args:
        loops: numbers of at least 0.

    Returns:
        The interval, of at least 0; None without a number.
    """
    return _band([math.log1p(x) for x in loops], lambda y: max(math.expm1(y), 0.0))


def _band(values: Sequence[float], back: Callable[[float], float], sign: int = 1) -> Band | None:
    """Student's interval of one more observation, where `SPREAD` is a further degree of freedom."""
    if not values:
        return None
    n, y = len(values), sign * np.asarray(values)
    center, rest = float(np.median(y)), float(((y - y.mean()) ** 2).sum())
    deviation = math.sqrt((SPREAD**2 + rest) / n * (1 + 1 / n))
    reach = float(student.ppf((1 + LEVEL) / 2, n)) * deviation
    return Band(*(back(v) for v in (center, center - reach, center + reach)))
