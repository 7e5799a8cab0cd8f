"""The exact law of the anisotropy of nearest stable weights (R4), by one-dimensional integrals.

For weights x, y ~ N(0, s^2), let (a, b) be the nearest stable point and r = |log(|a|/|b|)| its
log-ratio; its balance is exp(-r). A draw inside the stable set is its own nearest point, a draw
beyond the curved boundary is projected on it, and with internal recall a draw with x y > 0 is
projected on an axis. The law sums the first two parts, whose densities are registered formulas; the
third has probability 1/2.
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
"""Log-ratios beyond it have probability below 1e-19."""
BREAKS = (0.5, 1.5, 4.0, 10.0)
"""Log-ratios at which the integrals are split: the densities fall like exp(-r)."""
SPREADS = 12
"""Standard deviations beyond which a Gaussian has probability below 1e-32."""
BRANCH_POINT = -math.log(4)
"""The logarithm of 1/4: at the slope m = -1/4, the external slope density has a square root."""
AXIS_BREAKS = (-25.0, -3.0, 0.0, 3.0)
"""Breaks for log(M/s), M the larger of |x| and |y|: the density is below 1e-20 beyond the ends."""
QUADRATURE_ERROR = 1e-7
"""Largest accepted error estimate of an integral; the published table has four digits."""
DIFFERENCE = 1e-4
"""Step of the central difference for the density at the median; its error is about 1e-8."""
SMALLEST_DIVISOR = 1e-300
"""Keeps the log-ratio finite at the one point of the curve that lies on an axis."""

Weight = Callable[[float], float]
"""A function of the log-ratio whose expectation is wanted."""


@dataclass(frozen=True)
class RatioDistribution:
    """The population values of the log-ratio and of the balance.

    A spread divided by sqrt(n) is the standard error of n draws (of a median: asymptotically). With
    internal recall half of the population lies on the axes. Then the log-ratio has no median, and
    the median of the balance is 0 and not asymptotically normal.

    Args:
        log_ratio: the mean of the log-ratio.
        log_ratio_spread: its standard deviation.
        log_ratio_median: its median; None with internal recall.
        log_ratio_median_spread: the spread of the median; None with internal recall.
        balance: the mean of the balance.
        balance_spread: its standard deviation.
        balance_median: its median.
        balance_median_spread: the spread of the median; None with internal recall.
        axis_share: the probability that the nearest point lies on an axis.
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


@cache
def ratio_distribution(recall: Recall, s: float, cut: float) -> RatioDistribution:
    """The law for weights of standard deviation s.

    Args:
        recall: internal or external.
        s: the standard deviation of the weights, between 0.05 and 10.
        cut: the value as which a coordinate 0 is read in the log-ratio.

    Returns:
        The means, medians and spreads of the log-ratio and of the balance.

    Raises:
        UsageError: recall is none, for which there is no table.
        LoopstabError: a quadrature did not converge.

    Example:
        >>> import math
        >>> from loopstab import Recall
        >>> from loopstab.numerics.anisotropy.ratio_distribution import ratio_distribution
        >>> small = ratio_distribution(Recall.INTERNAL, 0.05, 1e-8)
        >>> abs(small.balance - math.log(2) / math.pi) < 1e-9
        True
    """
    ratio = expectation(recall, s, lambda r: r)
    ratio_2 = expectation(recall, s, lambda r: r * r)
    balance = expectation(recall, s, lambda r: math.exp(-r))
    balance_2 = expectation(recall, s, lambda r: math.exp(-2 * r))
    balance_spread = math.sqrt(balance_2 - balance**2)
    if recall is Recall.INTERNAL:
        axis = 0.5
        ratio += axis * float(numeric("internal_cut_log_ratio")(s, cut))
        ratio_2 += axis * _square_on_axes(s, cut)
        spread = math.sqrt(ratio_2 - ratio**2)
        return RatioDistribution(
            ratio, spread, None, None, balance, balance_spread, 0.0, None, axis
        )
    median = _solve(lambda level: ratio_probability(recall, s, level) - 0.5)
    above, below = (
        ratio_probability(recall, s, median + step) for step in (DIFFERENCE, -DIFFERENCE)
    )
    median_spread = 0.5 / ((above - below) / (2 * DIFFERENCE))
    middle = math.exp(-median)
    return RatioDistribution(
        log_ratio=ratio,
        log_ratio_spread=math.sqrt(ratio_2 - ratio**2),
        log_ratio_median=median,
        log_ratio_median_spread=median_spread,
        balance=balance,
        balance_spread=balance_spread,
        balance_median=middle,
        balance_median_spread=median_spread * middle,
        axis_share=0.0,
    )


def expectation(recall: Recall, s: float, weight: Weight, level: float = FAR) -> float:
    """E[weight(r); r <= level] over the draws that are not projected on an axis."""
    if recall is Recall.INTERNAL:
        return _integral(lambda r: weight(r) * _internal_density(s, r), [0.0, *_breaks(level)])
    if recall is Recall.EXTERNAL:
        return sum(
            part(s, sign, weight, level)
            for sign in (1.0, -1.0)
            for part in (_external_inside, _external_curve)
        )
    raise UsageError("recall none has no anisotropy table: its stable set -2 < y < 0 leaves x free")


def ratio_probability(recall: Recall, s: float, level: float) -> float:
    """P(r <= level and the draw is not projected on an axis)."""
    return expectation(recall, s, lambda _: 1.0, level)


def internal_median(s: float, draws: int, off_axes: int) -> tuple[float, float] | None:
    """The median of the internal log-ratio in a sample, and its asymptotic standard error.

    In a sample of which `off_axes` draws have x y < 0 and the others lie on the axes, where the
    log-ratio is larger, the median is the quantile draws/(2 off_axes) of the law off the axes. None
    when at least half of the sample lies on the axes.
    """
    share = draws / (2 * off_axes) if off_axes else 1.0
    if share >= 1:
        return None
    median = _solve(lambda level: 2 * ratio_probability(Recall.INTERNAL, s, level) - share)
    error = math.sqrt(share * (1 - share) / off_axes) / (2 * _internal_density(s, median))
    return median, error


def _internal_density(s: float, r: float) -> float:
    """The density of r over the internal draws with x y < 0: inside, and projected on the curve.

    The nearest point on x y = -2 is sqrt(2) (t, -1/t) up to signs, t = exp(+-r/2).
    """
    t = math.exp(r / 2)
    inside = float(numeric("ratio_density")(s, r, 2.0))
    return inside + t * float(numeric("projected_density")(s / math.sqrt(2), t, 0.0, 1.0))


def _external_inside(s: float, sign: float, weight: Weight, level: float) -> float:
    """The part of the external draws inside the stable set, with slopes y/x of this sign.

    The slope is sign exp(v), and r = |v|.
    """
    outer = _breaks(level)
    breaks = {0.0, -level, *outer, *(-b for b in outer), max(BRANCH_POINT, -level)}

    def integrand(v: float) -> float:
        return weight(abs(v)) * math.exp(v) * _slope_density(s, sign * math.exp(v))

    return _integral(integrand, sorted(breaks))


def _slope_density(s: float, m: float) -> float:
    # np.select evaluates every piece; 2/0 is the far end of the last one
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return float(numeric("external_slope_density")(s, m))


def _external_curve(s: float, w: float, weight: Weight, level: float) -> float:
    """The part of the external draws outside the stable set with sign(1 + y) = w.

    The nearest point is x = t, y = w/t - 1 up to the sign of x, with t > 0, so that
    r = |log(t^2/|1 - w t|)|.
    """
    density, far = numeric("projected_density"), 1 + SPREADS * s

    def ratio(t: float) -> float:
        return abs(math.log(t * t / max(abs(1 - w * t), SMALLEST_DIVISOR)))

    def integrand(t: float) -> float:
        return weight(ratio(t)) * float(density(s, t, w, 1.0))

    breaks = {1 / far, 1.0, far, *_ratio_roots(math.exp(-level)), *_ratio_roots(1.0)}
    breaks |= _ratio_roots(math.exp(level))
    total = 0.0
    for low, high in pairwise(sorted(t for t in breaks if 1 / far <= t <= far)):
        if high > low and ratio((low + high) / 2) <= level:
            total += _integral(integrand, [low, high])
    return total


def _ratio_roots(k: float) -> set[float]:
    """The real roots of t^2 = k |1 -+ t|, where the log-ratio of the curve is +-log k."""
    roots = set()
    for b, c in ((-k, k), (k, -k), (-k, -k)):  # t^2 + b t + c = 0
        discriminant = b * b - 4 * c
        if discriminant >= 0:
            root = math.sqrt(discriminant)
            roots |= {(-b - root) / 2, (-b + root) / 2}
    return roots


def _square_on_axes(s: float, cut: float) -> float:
    """E log(M/cut)^2 of M = max(|x|, |y|), where P(M < z s) = erf(z/sqrt 2)^2."""

    def integrand(v: float) -> float:  # M = s exp(v)
        z = math.exp(v)
        square, cumulative = (v + math.log(s / cut)) ** 2, math.erf(z / math.sqrt(2))
        return square * 2 * cumulative * math.sqrt(2 / math.pi) * math.exp(v - z * z / 2)

    return _integral(integrand, AXIS_BREAKS)


def _breaks(level: float) -> list[float]:
    """The breaks of an integral up to `level`, in the end that level."""
    return [b for b in BREAKS if b < level] + [level]


def _solve(f: Callable[[float], float]) -> float:
    """The log-ratio at which f changes sign."""
    root: Any = brentq(f, 1e-6, FAR, xtol=1e-10)
    return float(root)


def _integral(f: Callable[[float], float], breaks: Any) -> float:
    """The integral of f from the first to the last break, piece by piece."""
    total = 0.0
    for low, high in pairwise(breaks):
        value, error = quad(f, low, high, limit=200, epsabs=1e-12, epsrel=1e-10)[:2]
        if not error <= QUADRATURE_ERROR:
            raise LoopstabError(
                f"the quadrature on [{low:g}, {high:g}] did not converge (error {error:.1e}): use"
                " another scale"
            )
        total += value
    return total
