"""Laws of a positive series y_t: geometric, algebraic, or both.

A good fit alone proves little: a fall towards a positive limit looks geometric for a while, and a
slow exponential looks like a power. Therefore `falls` excludes a hidden floor by the change of rate
between an early and a late window, and `keeps_power` demands that what departs from a power dies
down.

Where no argument is given, a threshold was set on the labelled orbits of `benchmarks/classifier`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..arrays import Array

TINY = float(np.finfo(float).tiny)
"""Least value of a series, so that its logarithm is finite."""
BLOCKS = 24
"""Blocks of a window whose means are fitted."""
HALF_BLOCKS = 16
"""Blocks of each of the two windows of `falls`, which are half as long."""
LONG_FALL = 8.0
"""Fall in log, a factor 3000, beyond which only the later half of a window counts: a floor would
show there.
"""
LEAST_HALF = 64
"""Entries that the halves of a window keep: four for each of their blocks."""
CERTAIN = 4
"""Standard errors of its rate by which a series must fall in both windows."""
ERRORS = 3
"""Standard errors by which an estimate may be off."""
MOST_SPEEDUP = 1.5
"""Ratio of the late to the early rate from which there is no one rate: a beat, or a transient."""
MOST_FLOOR = 0.1
"""Largest floor under a geometric fall, as a share of the last level."""
MOST_EXPONENT = 700.0
"""Keeps exp below the overflow of float64, which is at 709."""
MOST_DEPARTURE = 0.15
"""Largest change in log over the whole series by the exponential part beside a power."""
BUILDS_UP = 1.2
"""Growth of the exponential part from one window to the next, from which it builds up: by the law
it grows by 4 for an exponential, and shrinks for a term of lower order.
"""
BUILDS_UP_ERRORS = 5
"""Standard errors below which an exponential part does not count as building up."""
BUILDS_UP_FLOOR = 1e-3
"""The same, as a change in log over the series."""


@dataclass(frozen=True)
class Decay:
    """Least-squares fits of log y against time t over a window, on block means.

    Three laws are fitted: log y = a - rate t - power log t, and each of its two terms alone.

    Args:
        rate: the rate of the joint law.
        power: the power of the joint law.
        error: the standard error of `rate`.
        misfit: the root mean square of log y minus the joint law.
        geometric: the rate of the law without a power.
        geometric_error: its standard error.
        misfit_geometric: the root mean square of log y minus that law.
        algebraic: the power of the law without a rate.
        misfit_algebraic: the root mean square of log y minus that law.
    """

    rate: float
    power: float
    error: float
    misfit: float
    geometric: float
    geometric_error: float
    misfit_geometric: float
    algebraic: float
    misfit_algebraic: float

    @classmethod
    def of(cls, y: Array, start: int, stop: int, blocks: int = BLOCKS) -> Decay:
        """The fits of y[start:stop], which belong to the times start + 1, ..., stop.

        The value of a block is its root mean square, which levels the beat of a complex pair.
        """
        window = _window(start, stop, min(blocks, stop - start))
        squares = np.add.reduceat(np.square(y[start:stop]), window.starts) / window.counts
        values = 0.5 * np.log(np.maximum(squares, TINY))
        _, rate, power, _, geometric, _, algebraic = (window.coefficients @ values).tolist()
        rest = values - (window.fitted @ values).reshape(3, -1)
        squares = np.vecdot(rest, rest)
        misfit, misfit_geometric, misfit_algebraic = np.sqrt(squares / len(values)).tolist()
        error, geometric_error = np.sqrt(squares[:2] * window.variances).tolist()
        return cls(
            rate=rate,
            power=power,
            error=error,
            misfit=misfit,
            geometric=geometric,
            geometric_error=geometric_error,
            misfit_geometric=misfit_geometric,
            algebraic=algebraic,
            misfit_algebraic=misfit_algebraic,
        )


def falls(y: Array, start: int, stop: int) -> Decay | None:
    """The fit of the late half of y[start:stop], if y falls geometrically and to no floor.

    The rates of the early and of the late half must agree. For y = c + a exp(-lambda t), the slope
    of log y is -lambda (1 - c/y), so that two slopes and levels give the floor c. It must be below
    `MOST_FLOOR` of the last level, at three standard errors. Of a long fall only the last part
    counts, where a floor would show.
    """
    middle = (start + stop) // 2
    early, late = _halves(y, start, middle, stop)
    while late.geometric * (stop - start) > LONG_FALL and stop - middle >= LEAST_HALF:
        start, middle = middle, (middle + stop) // 2
        early, late = _halves(y, start, middle, stop)
    if any(half.geometric <= CERTAIN * half.geometric_error for half in (early, late)):
        return None
    ratio = late.geometric / early.geometric
    before, after = (half.geometric_error / half.geometric for half in (early, late))
    error = ratio * float(np.hypot(before, after))
    if ratio - ERRORS * error > MOST_SPEEDUP:
        return None
    slower = max(1 - ratio, 0.0) + ERRORS * error
    apart = late.geometric * (stop - start) / 2  # log of the ratio of the two levels
    floor = slower / (np.expm1(min(apart, MOST_EXPONENT)) + slower)  # c over the early level
    last = np.exp(-min(1.5 * apart, MOST_EXPONENT))  # the last level over the early one
    return late if floor < MOST_FLOOR * last else None


def _halves(y: Array, start: int, middle: int, stop: int) -> tuple[Decay, Decay]:
    """The fits before and after the middle."""
    return Decay.of(y, start, middle, HALF_BLOCKS), Decay.of(y, middle, stop, HALF_BLOCKS)


def keeps_power(y: Array, most: float = MOST_DEPARTURE) -> bool:
    """Whether y follows a power of t over its last two octaves.

    The exponential part of the joint fit must stay below `most` and must not build up: terms of
    lower order fade as 1/t from one window to the next, a slow exponential grows as t.
    """
    n = len(y)
    late, early = Decay.of(y, n // 4, n), Decay.of(y, n // 16, n // 4)
    part, error = abs(late.rate) * n, late.error * n
    least = max(BUILDS_UP * abs(early.rate) * n / 4, BUILDS_UP_ERRORS * error, BUILDS_UP_FLOOR)
    return part + ERRORS * error < most and not part > least


@dataclass(frozen=True)
class _Window:
    """The blocks of a window, and least squares of the three laws on their values as matrices.

    Args:
        starts: the first index of every block, from the start of the window.
        counts: the length of every block.
        coefficients: (7, blocks): intercept, rate and power of the joint law; intercept and rate;
            intercept and power.
        fitted: (3 blocks, blocks): the fitted values of each law.
        variances: (2,): the variances of the joint and of the geometric rate, over the sum of the
            squared misfits.
    """

    starts: Array
    counts: Array
    coefficients: Array
    fitted: Array
    variances: Array


@lru_cache(maxsize=256)
def _window(start: int, stop: int, blocks: int) -> _Window:
    parts = np.array_split(np.arange(start, stop), blocks)
    times = np.array([part.mean() + 1 for part in parts])
    one, rate, power = np.ones_like(times), -times, -np.log(times)
    laws = [np.stack(terms, axis=1) for terms in ((one, rate, power), (one, rate), (one, power))]
    inverses = []
    for law in laws:
        size = np.linalg.norm(law, axis=0)  # t and log t may differ in size
        inverses.append(np.linalg.pinv(law / size) / size[:, None])
    fitted = [law @ inverse for law, inverse in zip(laws, inverses, strict=True)]
    variances = [
        inverse[1] @ inverse[1] / max(blocks - len(inverse), 1) for inverse in inverses[:2]
    ]
    return _Window(
        starts=np.array([part[0] for part in parts]) - start,
        counts=np.array([len(part) for part in parts]),
        coefficients=np.concatenate(inverses),
        fitted=np.concatenate(fitted),
        variances=np.array(variances),
    )
