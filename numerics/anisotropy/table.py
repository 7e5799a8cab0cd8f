"""The anisotropy table of nearest stable weights (R4): published, recomputed, and its exact law.

For Gaussian weights (x, y) the table states how unequal the coordinates of the nearest stable
point are: the log-ratio |log(|x|/|y|)| and the balance min(|x|, |y|)/max(|x|, |y|).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ...theory.architecture import Recall
from ..arrays import Array
from .nearest_points import beyond_axes, beyond_hyperbola, descend, nearest_stable
from .ratio_distribution import RatioDistribution, internal_median, ratio_distribution

CUT = 1e-8
"""A coordinate below it is read as it in the log-ratio, as in the published table."""
STUCK = 1e-9
"""A descent that ends farther away than the nearest point by this share of 1 + |(x, y)| is stuck;
the exact projection errs by less than 1e-11.
"""
LEAST_SCALE, MOST_SCALE = 0.05, 10.0
"""The scales for which the quadratures of the law were checked."""
PUBLISHED_DRAWS, PUBLISHED_SEED = 10_000, 0
"""The sample of the published table."""
SCALES = (0.1, 0.5, 1.0, 2.0, 4.0)
"""The scales of the published table."""
RECALLS = (Recall.INTERNAL, Recall.EXTERNAL)
"""The recalls of the published table."""
STATISTICS = ("log_ratio", "log_ratio_median", "balance", "balance_median")
"""The cells of a row of the table; each is a field of `Statistics` and of `RatioDistribution`."""


@dataclass(frozen=True)
class Statistics:
    """Mean, standard error of the mean, and median of the log-ratio and of the balance."""

    log_ratio: float
    log_ratio_error: float
    log_ratio_median: float
    balance: float
    balance_error: float
    balance_median: float


PUBLISHED: dict[tuple[Recall, float], Statistics] = {
    (Recall.INTERNAL, 0.1): Statistics(8.5386, 0.0751, 4.6835, 0.2250, 0.0030, 0.0092),
    (Recall.INTERNAL, 0.5): Statistics(9.3359, 0.0831, 4.6835, 0.2250, 0.0030, 0.0092),
    (Recall.INTERNAL, 1.0): Statistics(9.6840, 0.0865, 4.6835, 0.2225, 0.0030, 0.0092),
    (Recall.INTERNAL, 2.0): Statistics(10.1580, 0.0888, 4.9472, 0.1803, 0.0026, 0.0071),
    (Recall.INTERNAL, 4.0): Statistics(11.1402, 0.0884, 18.1294, 0.0943, 0.0017, 0.0000),
    (Recall.EXTERNAL, 0.1): Statistics(1.1455, 0.0102, 0.8837, 0.4444, 0.0028, 0.4133),
    (Recall.EXTERNAL, 0.5): Statistics(1.1524, 0.0102, 0.8946, 0.4417, 0.0028, 0.4088),
    (Recall.EXTERNAL, 1.0): Statistics(1.2031, 0.0098, 1.0320, 0.4144, 0.0027, 0.3563),
    (Recall.EXTERNAL, 2.0): Statistics(1.4412, 0.0093, 1.4045, 0.3315, 0.0025, 0.2455),
    (Recall.EXTERNAL, 4.0): Statistics(1.9594, 0.0106, 1.7632, 0.2197, 0.0020, 0.1715),
}
"""The published table, by recall and scale: Stability and Generalization in Looped Transformers,
arXiv 2604.15259, with 10,000 draws for each scale.
"""


@dataclass(frozen=True)
class AnisotropyRow:
    """The table for one recall and scale, in four versions.

    Args:
        recall: internal or external.
        scale: the standard deviation s of both weights.
        draws: the number of draws.
        seed: the seed of the draws.
        stable: how many draws lie in the stable set.
        on_axis: how many are projected on an axis.
        on_curve: how many are projected on the curved boundary.
        stuck: for how many a descent along the boundary, from the draw's own x, ends in a local
            minimum that is not the nearest point.
        stuck_on_axis: for how many of those an axis is nearer than that minimum.
        exact: the statistics of the exact projections.
        descent: the statistics of what the descents find.
        law: the population values, exact up to quadrature.
        published: the published statistics; None where there are none.
    """

    recall: Recall
    scale: float
    draws: int
    seed: int
    stable: int
    on_axis: int
    on_curve: int
    stuck: int
    stuck_on_axis: int
    exact: Statistics
    descent: Statistics
    law: RatioDistribution
    published: Statistics | None

    def cells(self) -> list[dict[str, Any]]:
        """One cell for each of `STATISTICS`, with its five values.

        They are the published value, those of the exact projections, of the descents and of the
        law, and `published_z`, `exact_z`: how many standard errors of their number of draws the
        first two are above the law. A number that does not exist is None.
        """
        return [self._cell(name) for name in STATISTICS]

    def _cell(self, name: str) -> dict[str, Any]:
        expected, error = self._expected(name)
        published = getattr(self.published, name) if self.published else None
        exact = getattr(self.exact, name)
        return {
            "recall": self.recall.value,
            "s": self.scale,
            "statistic": name,
            "published": published,
            "exact": exact,
            "descent": getattr(self.descent, name),
            "law": expected,
            "published_z": _distance(published, expected, self._published_error(name, error)),
            "exact_z": _distance(exact, expected, error),
        }

    def _expected(self, name: str) -> tuple[float | None, float | None]:
        """What the law predicts for these draws, and its standard error.

        The internal medians have no population value, because half of the population lies on the
        axes. Their prediction is that for a sample with this number of draws off the axes.
        """
        if not self._depends_on_sides(name):
            spread = getattr(self.law, f"{name}_spread")
            return getattr(self.law, name), spread / math.sqrt(self.draws)
        median = internal_median(self.scale, self.draws, self.draws - self.on_axis)
        if median is None:
            return None, None
        value, error = median
        balance = math.exp(-value)
        return (balance, balance * error) if name == "balance_median" else median

    def _published_error(self, name: str, error: float | None) -> float | None:
        """The standard error of the published cell; None where the law is that of other draws."""
        same_draws = (self.draws, self.seed) == (PUBLISHED_DRAWS, PUBLISHED_SEED)
        if not error or (self._depends_on_sides(name) and not same_draws):
            return None
        return error * math.sqrt(self.draws / PUBLISHED_DRAWS)

    def _depends_on_sides(self, name: str) -> bool:
        """Whether the prediction depends on how many draws of the sample lie on the axes."""
        return self.recall is Recall.INTERNAL and name.endswith("median")

    def to_json(self) -> dict[str, Any]:
        """Plain data; a number that does not exist is null."""
        return {**asdict(self), "recall": self.recall.value, "cells": self.cells()}


def _distance(value: float | None, centre: float | None, error: float | None) -> float | None:
    return None if value is None or centre is None or error is None else (value - centre) / error


def anisotropy(
    n: int = PUBLISHED_DRAWS, seed: int = PUBLISHED_SEED, scales: Sequence[float] = SCALES
) -> list[AnisotropyRow]:
    """Recompute the anisotropy table and compare every cell with its exact law (R4).

    For each scale, n draws of N(0, s^2) from a fresh generator are projected, as for the published
    table. With the defaults, the draws are those of that table.

    Args:
        n: the number of draws for each scale; default 10,000.
        seed: the seed of the draws; default 0.
        scales: the standard deviations s of the weights; default those of the published table.

    Returns:
        A row for each recall and scale, internal recall first.

    Raises:
        UsageError: n < 2, seed < 0, or a scale that is not between 0.05 and 10.

    Example:
        >>> from loopstab.numerics.anisotropy.table import anisotropy
        >>> internal, external = anisotropy(n=100, scales=[0.5])
        >>> internal.on_axis, internal.stable, external.stable
        (50, 50, 90)
    """
    if n < 2 or seed < 0:
        raise UsageError(f"n = {n}, seed = {seed}: use at least 2 draws and a seed from 0")
    wrong = [s for s in scales if not LEAST_SCALE <= s <= MOST_SCALE]
    if wrong or not scales:
        raise UsageError(
            f"scale {wrong[0] if wrong else 'missing'}: give scales between {LEAST_SCALE} and"
            f" {MOST_SCALE:g}, e.g. --scales 0.5 2"
        )
    return [_row(recall, float(s), n, seed) for recall in RECALLS for s in scales]


def statistics(x: Array, y: Array) -> Statistics:
    """The statistics of the points (x, y), of shape (n,)."""
    a, b = np.abs(x), np.abs(y)
    ratio = np.abs(np.log(np.maximum(a, CUT) / np.maximum(b, CUT)))
    balance = np.minimum(a, b) / np.maximum(np.maximum(a, b), np.finfo(float).tiny)
    return Statistics(*_summary(ratio), *_summary(balance))


def _summary(values: Array) -> tuple[float, float, float]:
    """Mean, standard error of the mean, median."""
    error = values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean()), float(error), float(np.median(values))


def _row(recall: Recall, s: float, n: int, seed: int) -> AnisotropyRow:
    x, y = np.random.default_rng(seed).normal(0, s, (n, 2)).T
    near, found = nearest_stable(recall, x, y), descend(recall, x, y)
    distances = (np.hypot(point[0] - x, point[1] - y) for point in (found, near))
    stuck = np.subtract(*distances) > STUCK * (1 + np.hypot(x, y))
    found_on_axis = (found[0] == 0) | (found[1] == 0)
    on_axis = int(beyond_axes(recall, x, y).sum())
    on_curve = int(beyond_hyperbola(recall, x, y).sum())
    return AnisotropyRow(
        recall=recall,
        scale=s,
        draws=n,
        seed=seed,
        stable=n - on_axis - on_curve,
        on_axis=on_axis,
        on_curve=on_curve,
        stuck=int(stuck.sum()),
        stuck_on_axis=int((stuck & found_on_axis).sum()),
        exact=statistics(*near),
        descent=statistics(*found),
        law=ratio_distribution(recall, s, CUT),
        published=PUBLISHED.get((recall, s)),
    )
