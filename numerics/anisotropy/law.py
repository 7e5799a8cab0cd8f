"""The exact law of the log-ratio and balance of nearest stable points (R4): one-dimensional
integrals of the registered densities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

from ...support.errors import LoopstabError, UsageError
from ...theory.architecture import Recall
from ..formulas import numeric

FAR = 45.0
"""log-ratios beyond it have probability below 1e-19"""


@dataclass(frozen=True)
class Law:
    """Population values; a spread over sqrt(n) is the standard error of n draws (medians:
    asymptotic). None: there is no such number.

    Internally half of the population lies on the axes: the log-ratio has no median, and that of the
    balance is 0, without a normal limit.
    """

    log_ratio: float
    log_ratio_spread: float
    log_ratio_median: float | None
    log_ratio_median_spread: float | None
    balance: float
    balance_spread: float
    balance_median: float
    balance_median_spread: float | None
    axis_share: float


Weight = Callable[[float], float]


@cache
def law(recall: Recall, s: float, cut: float) -> Law:
    """The law at scale s, zero coordinates read as `cut` in the log-ratio. Raises `UsageError` for
    recall none (no such table).
    """
    moments = {name: expectation(recall, s, weight) for name, weight in _WEIGHTS.items()}
    ratio, ratio_2 = moments["ratio"], moments["ratio_2"]
    axis = 0.5 if recall is Recall.INTERNAL else 0.0
    if recall is Recall.INTERNAL:
        ratio += axis * float(numeric("internal_cut_log_ratio")(s, cut))
        ratio_2 += axis * _square_on_axes(s, cut)
        median = spread = None
        balance_median, balance_spread = 0.0, None
    else:
        median = _solve(lambda level: distribution(recall, s, level) - 0.5)
        step = 1e-4
        density = (
            distribution(recall, s, median + step) - distribution(recall, s, median - step)
        ) / (2 * step)
        spread = 0.5 / density
        balance_median = math.exp(-median)
        balance_spread = spread * balance_median
    return Law(
        ratio,
        math.sqrt(ratio_2 - ratio**2),
        median,
        spread,
        moments["balance"],
        math.sqrt(moments["balance_2"] - moments["balance"] ** 2),
        balance_median,
        balance_spread,
        axis,
    )


_WEIGHTS: dict[str, Weight] = {
    "ratio": lambda r: r,
    "ratio_2": lambda r: r * r,
    "balance": lambda r: math.exp(-r),
    "balance_2": lambda r: math.exp(-2 * r),
}


def expectation(recall: Recall, s: float, weight: Weight, level: float = FAR) -> float:
    """E weight(r); r <= level, r the log-ratio of the nearest point, over the draws that are not
    projected on an axis.
    """
    if recall is Recall.INTERNAL:
        return _integral(lambda r: weight(r) * _internal_density(s, r), [0.0, *_steps(level)])
    if recall is Recall.EXTERNAL:
        total = 0.0
        for sign in (1.0, -1.0):  # slope m = sign e^v, r = |v|; the square root at m = -1/4
            breaks = sorted(
                {
                    -level,
                    0.0,
                    level,
                    *(-b for b in _steps(level)),
                    *_steps(level),
                    max(-math.log(4), -level),
                }
            )
            total += _integral(
                lambda v, sign=sign: (
                    weight(abs(v)) * math.exp(v) * _slope_density(s, sign * math.exp(v))
                ),
                breaks,
            )
            total += _projected(s, sign, weight, level)
        return total
    raise UsageError("recall none has no anisotropy table: its stable set -2 < y < 0 leaves x free")


def distribution(recall: Recall, s: float, level: float) -> float:
    """P(r <= level)."""
    return expectation(recall, s, lambda _: 1.0, level)


def internal_median(s: float, draws: int, off_axes: int) -> tuple[float, float] | None:
    """Median of the internal log-ratio in a sample of which `off_axes` draws have x y < 0, and its
    asymptotic standard error.

    It is the quantile draws/(2 off_axes) of the law off the axes; None when at least half of the
    sample lies on the axes.
    """
    share = draws / (2 * off_axes) if off_axes else 1.0
    if share >= 1:
        return None
    value = _solve(lambda level: 2 * distribution(Recall.INTERNAL, s, level) - share)
    return value, math.sqrt(share * (1 - share) / off_axes) / (2 * _internal_density(s, value))


def _internal_density(s: float, r: float) -> float:
    t = math.exp(r / 2)
    return float(numeric("ratio_density")(s, r, 2.0)) + t * float(
        numeric("projected_density")(s / math.sqrt(2), t, 0.0, 1.0)
    )


def _slope_density(s: float, m: float) -> float:
    with np.errstate(
        divide="ignore", invalid="ignore", over="ignore"
    ):  # np.select evaluates every piece; 2/0 is the far end of the last
        return float(numeric("external_slope_density")(s, m))


def _projected(s: float, w: float, weight: Weight, level: float) -> float:
    """External draws with sign(1 + y) = w that lie outside: nearest point (t, 1/t), y = w/t - 1, r
    = |log(t^2/|1 - w t|)|.
    """
    density, far = numeric("projected_density"), 1 + 12 * s

    def ratio(t: float) -> float:
        return abs(math.log(t * t / max(abs(1 - w * t), 1e-300)))

    breaks = {1 / far, 1.0, far}
    for k in (math.exp(-level), 1.0, math.exp(level)):  # t^2 = k |1 - w t|
        for b, c in ((-k, k), (k, -k), (-k, -k)):
            root = b * b - 4 * c
            if root >= 0:
                breaks |= {(-b - math.sqrt(root)) / 2, (-b + math.sqrt(root)) / 2}
    ends = sorted(t for t in breaks if 1 / far <= t <= far)
    total = 0.0
    for low, high in pairwise(ends):
        if high > low and ratio((low + high) / 2) <= level:
            total += _integral(
                lambda t: weight(ratio(t)) * float(density(s, t, w, 1.0)), [low, high]
            )
    return total


def _square_on_axes(s: float, cut: float) -> float:
    """E log(M/cut)^2 of M = max(|x|, |y|): P(M < z) = erf(z/(sqrt2 s))^2."""

    def integrand(v: float) -> float:  # M = s e^v
        z = math.exp(v)
        return (
            (v + math.log(s / cut)) ** 2
            * 2
            * math.erf(z / math.sqrt(2))
            * math.sqrt(2 / math.pi)
            * math.exp(v - z * z / 2)
        )

    return _integral(integrand, [-25.0, -3.0, 0.0, 3.0])


def _steps(level: float) -> list[float]:
    return [b for b in (0.5, 1.5, 4.0, 10.0) if b < level] + [level]


def _solve(f: Callable[[float], float]) -> float:
    root: Any = brentq(f, 1e-6, FAR, xtol=1e-10)
    return float(root)


def _integral(f: Callable[[float], float], breaks: list[float]) -> float:
    total = 0.0
    for low, high in pairwise(breaks):
        value, error = quad(f, low, high, limit=200, epsabs=1e-12, epsrel=1e-10)[:2]
        if not error <= 1e-7:
            raise LoopstabError(
                f"quadrature on [{low:g}, {high:g}] did not converge (error {error:.1e}); use"
                " another scale"
            )
        total += value
    return total
