"""Laws of a positive series y_t: geometric, algebraic, both; and whether a law holds in an early
window as in a late one.

A fit alone says little: a fall towards a positive limit looks geometric for a while, a slow
exponential looks like a power. `falls` therefore excludes a hidden floor from the change of rate,
`keeps_power` asks that what departs from a power dies down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..arrays import Array

TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class Decay:
    """Fits of log y against time over a window, on block means: the joint law a - `rate` t -
    `power` log t, and each term alone.

    `error`: standard error of `rate`; `misfit`, `misfit_geometric`, `misfit_algebraic`: rms in log
    y of the three fits.
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
    def of(cls, y: Array, start: int, stop: int, blocks: int = 24) -> Decay:
        """Fit y[start:stop], loop numbers start + 1 ... stop; the mean square of a block levels the
        beat of a complex pair.
        """
        window = _window(start, stop, min(blocks, stop - start))
        squares = np.add.reduceat(np.square(y[start:stop]), window.starts) / window.counts
        values = 0.5 * np.log(np.maximum(squares, TINY))
        _, rate, power, _, geometric, _, algebraic = (window.coefficients @ values).tolist()
        rest = values - (window.fitted @ values).reshape(3, -1)
        squares = np.vecdot(rest, rest)
        misfit, misfit_g, misfit_a = np.sqrt(squares / len(values)).tolist()
        error, error_g = np.sqrt(squares[:2] * window.variances).tolist()
        return cls(rate, power, error, misfit, geometric, error_g, misfit_g, algebraic, misfit_a)


def falls(y: Array, start: int, stop: int) -> Decay | None:
    """The fit of the late half of y[start:stop] if y falls there geometrically, at the rate of the
    early half, and to no floor.

    With y = c + a exp(-lambda t) the slope of log y is -lambda (1 - c/y): two slopes and levels
    give c. None unless c, at three standard errors, is below a tenth of the last level; a rate that
    rises by half or more (a beat, a transient) is no law. Of a long fall only the last part counts,
    where a floor would show.
    """
    middle = (start + stop) // 2
    early, late = Decay.of(y, start, middle, 16), Decay.of(y, middle, stop, 16)
    while late.geometric * (stop - start) > 8 and stop - middle >= 64:
        start, middle = middle, (middle + stop) // 2
        early, late = Decay.of(y, start, middle, 16), Decay.of(y, middle, stop, 16)
    if early.geometric <= 4 * early.geometric_error or late.geometric <= 4 * late.geometric_error:
        return None
    ratio = late.geometric / early.geometric
    error = ratio * float(
        np.hypot(early.geometric_error / early.geometric, late.geometric_error / late.geometric)
    )
    if ratio - 3 * error > 1.5:
        return None
    slower = max(1 - ratio, 0.0) + 3 * error
    apart = late.geometric * (stop - start) / 2  # log of the ratio of the two levels
    floor = slower / (np.expm1(min(apart, 700.0)) + slower)  # c over the early level
    last = np.exp(-min(1.5 * apart, 700.0))  # the last level over the early one
    return late if floor < 0.1 * last else None


def keeps_power(y: Array, most: float = 0.15) -> bool:
    """Whether y follows a power of t over its last two octaves: the exponential part of the joint
    fit does not build up.

    Terms of lower order fade as 1/t from one window to the next, a slow exponential grows as t.
    `most`: bound of that part.
    """
    n = len(y)
    late, early = Decay.of(y, n // 4, n), Decay.of(y, n // 16, n // 4)
    part, error = abs(late.rate) * n, late.error * n
    builds = part > max(1.2 * abs(early.rate) * n / 4, 5 * error, 1e-3)
    return part + 3 * error < most and not builds


@dataclass(frozen=True)
class _Window:
    """Blocks of a window and least squares of the three laws (joint, geometric, algebraic) on them,
    as matrices applied to block values.

    `coefficients` (7, blocks): intercept, rate, power; intercept, rate; intercept, power. `fitted`
    (3 blocks, blocks): the fitted values of each law. `variances` (2,): variance of the joint and
    of the geometric rate, over the sum of the squared misfits.
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
    one = np.ones_like(times)
    laws = [
        np.stack(columns, axis=1)
        for columns in ((one, -times, -np.log(times)), (one, -times), (one, -np.log(times)))
    ]
    sizes = [np.linalg.norm(law, axis=0) for law in laws]  # t and log t may differ in size
    inverses = [
        np.linalg.pinv(law / size) / size[:, None] for law, size in zip(laws, sizes, strict=True)
    ]
    fitted = [law @ inverse for law, inverse in zip(laws, inverses, strict=True)]
    variances = [
        inverse[1] @ inverse[1] / max(blocks - len(inverse), 1) for inverse in inverses[:2]
    ]
    return _Window(
        np.array([part[0] for part in parts]) - start,
        np.array([len(part) for part in parts]),
        np.concatenate(inverses),
        np.concatenate(fitted),
        np.array(variances),
    )
