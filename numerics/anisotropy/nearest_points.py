"""Nearest stable points of Gaussian weights (R4): fast exact projection, what a local minimiser
finds, the published table beside both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ...theory.architecture import Recall
from ..arrays import Array
from .law import Law, internal_median, law

CUT = 1e-8
"""a coordinate below this is read as this in the log-ratio, as in the published table"""
PUBLISHED_DRAWS = 10_000
SCALES = (0.1, 0.5, 1.0, 2.0, 4.0)
RECALLS = (Recall.INTERNAL, Recall.EXTERNAL)


@dataclass(frozen=True)
class Statistics:
    """Of the nearest points: |log(|x|/|y|)| and min/max(|x|, |y|); mean, its standard error, and
    median of each.
    """

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
"""A. Labovich, arXiv 2604.15259, 10,000 draws per scale"""


@dataclass(frozen=True)
class AnisotropyRow:
    """One recall and scale: the published cells, those of the exact projections of the same number
    of draws, the population's.

    `stable`, `on_axis`, `on_curve`: where the draws went; `stuck`: draws whose descent along the
    boundary from their own x ends in a local minimum that is not the nearest point;
    `stuck_on_axis`: those of them for which an axis is nearer than that minimum;
    `descent`: the cells with those wrong points. `law` is exact up to quadrature.
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
    law: Law
    published: Statistics | None

    def cells(self) -> list[dict[str, Any]]:
        """Four rows (mean and median of both statistics): published, exact draws, descent, law, and
        the distance from the law in errors.

        `published_z`, `exact_z`: published cell and exact draws less the law, in standard errors of
        that many draws. The internal medians have no population value: their law is that of a
        sample with this number of draws off the axes (published: the same draws). None where a
        number does not exist.
        """
        rows = []
        for name in ("log_ratio", "log_ratio_median", "balance", "balance_median"):
            centre, error = self._law(name)
            published = getattr(self.published, name) if self.published else None
            found = getattr(self.exact, name)
            same_draws = (self.draws, self.seed) == (PUBLISHED_DRAWS, 0) or not self._given_sides(
                name
            )
            published_error = (
                error * math.sqrt(self.draws / PUBLISHED_DRAWS) if error and same_draws else None
            )
            rows.append(
                {
                    "recall": self.recall.value,
                    "s": self.scale,
                    "statistic": name,
                    "published": published,
                    "exact": found,
                    "descent": getattr(self.descent, name),
                    "law": centre,
                    "published_z": _distance(published, centre, published_error),
                    "exact_z": _distance(found, centre, error),
                }
            )
        return rows

    def _given_sides(self, name: str) -> bool:
        return self.recall is Recall.INTERNAL and name.endswith("median")

    def _law(self, name: str) -> tuple[float | None, float | None]:
        """Value and standard error of these draws."""
        if not self._given_sides(name):
            return getattr(self.law, name), getattr(self.law, f"{name}_spread") / math.sqrt(
                self.draws
            )
        given = internal_median(self.scale, self.draws, self.draws - self.on_axis)
        if given is None:
            return None, None
        balance = math.exp(-given[0])
        return (balance, balance * given[1]) if name == "balance_median" else given

    def to_json(self) -> dict[str, Any]:
        """Plain data; what does not exist is null."""
        data = asdict(self)
        data["recall"] = self.recall.value
        data["cells"] = self.cells()
        return data


def _distance(value: float | None, centre: float | None, error: float | None) -> float | None:
    return None if value is None or centre is None or error is None else (value - centre) / error


def nearest_stable(recall: Recall, x: Array, y: Array) -> tuple[Array, Array]:
    """Nearest points, in the closed stable set, to points of equal shape; on the cut locus one of
    the two. Exact up to rounding.

    Every point outside a curved boundary has exactly one critical point on its side of the
    diagonal, between 1 and its own larger coordinate (R4, descartes); the axes are nearest to x y >
    0 (internal). Raises `UsageError` for non-finite points.
    """
    x, y = _finite(x), _finite(y)
    if recall is Recall.NONE:
        return x.copy(), np.clip(y, -2, 0)
    return _project(recall, x, y, _nearest_on_curve)


def descend(recall: Recall, x: Array, y: Array) -> tuple[Array, Array]:
    """What a local minimiser finds: the boundary curve is written over x and descended from the
    draw's own x; internally the nearer axis is taken where it beats that. Wrong exactly where the
    nearest point lies beyond another minimum: |x| < |u| and the quartic has a root beyond 1.
    """
    x, y = _finite(x), _finite(y)
    found, other = _project(recall, x, y, _descent_on_curve)
    if recall is Recall.INTERNAL:
        curve = x * y < -2
        axis = curve & (np.hypot(found - x, other - y) > np.minimum(np.abs(x), np.abs(y)))
        to_x, to_y = _nearer_axis(x, y)
        found, other = np.where(axis, to_x, found), np.where(axis, to_y, other)
    return found, other


def anisotropy(
    n: int = 10_000, seed: int = 0, scales: Sequence[float] = SCALES
) -> list[AnisotropyRow]:
    """Project n draws of N(0, s^2) per scale (the same generator for each, as published) and
    compare every cell.

    With n = 10,000 and seed = 0 the draws are those of the published table. Raises `UsageError` for
    n < 2, seed < 0 or a scale that is not between 0.05 and 10.
    """
    if n < 2 or seed < 0:
        raise UsageError(f"n = {n}, seed = {seed}: use at least 2 draws and a seed from 0")
    wrong = [s for s in scales if not 0.05 <= s <= 10]
    if wrong or not scales:
        raise UsageError(
            f"scale {wrong[0] if wrong else 'missing'}: give scales between 0.05 and 10, e.g."
            " --scales 0.5 2"
        )
    return [_row(recall, float(s), n, seed) for recall in RECALLS for s in scales]


def statistics(x: Array, y: Array) -> Statistics:
    """Of points of shape (n,)."""
    a, b = np.abs(x), np.abs(y)
    ratio = np.abs(np.log(np.maximum(a, CUT) / np.maximum(b, CUT)))
    balance = np.minimum(a, b) / np.maximum(np.maximum(a, b), np.finfo(float).tiny)
    parts = [
        (float(v.mean()), float(v.std(ddof=1) / math.sqrt(len(v))), float(np.median(v)))
        for v in (ratio, balance)
    ]
    return Statistics(*parts[0], *parts[1])


def _row(recall: Recall, s: float, n: int, seed: int) -> AnisotropyRow:
    x, y = np.random.default_rng(seed).normal(0, s, (n, 2)).T
    near, local = nearest_stable(recall, x, y), descend(recall, x, y)
    gap = np.hypot(local[0] - x, local[1] - y) - np.hypot(near[0] - x, near[1] - y)
    stuck = gap > 1e-9 * (1 + np.hypot(x, y))
    product = x * y if recall is Recall.INTERNAL else x * (1 + y)
    on_axis = product > 0 if recall is Recall.INTERNAL else np.zeros(n, bool)
    on_curve = product < -2 if recall is Recall.INTERNAL else np.abs(product) > 1
    return AnisotropyRow(
        recall,
        s,
        n,
        seed,
        int(n - on_axis.sum() - on_curve.sum()),
        int(on_axis.sum()),
        int(on_curve.sum()),
        int(stuck.sum()),
        int((stuck & ((local[0] == 0) | (local[1] == 0))).sum()),
        statistics(*near),
        statistics(*local),
        law(recall, s, CUT),
        PUBLISHED.get((recall, s)),
    )


def _project(
    recall: Recall, x: Array, y: Array, on_curve: Callable[[Array, Array], Array]
) -> tuple[Array, Array]:
    """Reflect, scale to t u = 1, call `on_curve` for t, and undo."""
    scale, shift = (math.sqrt(2), 0.0) if recall is Recall.INTERNAL else (1.0, 1.0)
    u = y + shift
    new_x, new_y = x.copy(), y.copy()
    if recall is Recall.INTERNAL:
        axis = x * y > 0
        to_x, to_y = _nearer_axis(x, y)
        new_x, new_y = np.where(axis, to_x, x), np.where(axis, to_y, y)
        outside = x * y < -2
    else:
        outside = np.abs(x * u) > 1
    t = on_curve(np.abs(x[outside]) / scale, np.abs(u[outside]) / scale)
    new_x[outside] = np.sign(x[outside]) * scale * t
    new_y[outside] = np.sign(u[outside]) * scale / t - shift
    return new_x, new_y


def _nearer_axis(x: Array, y: Array) -> tuple[Array, Array]:
    keep_x = np.abs(x) >= np.abs(y)
    return np.where(keep_x, x, 0.0), np.where(keep_x, 0.0, y)


def _nearest_on_curve(p: Array, q: Array) -> Array:
    """t of the nearest point (t, 1/t) to (p, q), p q > 1: the root beyond 1 of the quartic of the
    larger coordinate.
    """
    swap = q > p
    large, small = np.where(swap, q, p), np.where(swap, p, q)
    t = _root(lambda t: ((t - large) * t * t + small) * t - 1, np.ones_like(large), large)
    return np.where(swap, 1 / t, t)


def _descent_on_curve(p: Array, q: Array) -> Array:
    """The largest root of the quartic t^4 - p t^3 + q t - 1: the minimum that a descent from t = p,
    where it is p q - 1 > 0, runs into.

    For q > p it exceeds 1 iff the quartic is not positive at its largest critical point, which then
    lies beyond p/2, where it is convex.
    """
    t = _nearest_on_curve(p, q)
    low = _root(
        lambda t: (4 * t - 3 * p) * t * t + q, p / 2, p
    )  # largest critical point if q < p^3/4
    trapped = (q > p) & (q < p**3 / 4) & (low > 1) & (((low - p) * low * low + q) * low - 1 <= 0)
    high = _root(lambda t: ((t - p) * t * t + q) * t - 1, low, p)
    return np.where(trapped, high, t)


def _root(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Bisection to the last bit: f <= 0 at low, > 0 at high."""
    for _ in range(60):
        middle = (low + high) / 2
        above = f(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def _finite(values: Array) -> Array:
    array = np.asarray(values, dtype=float)
    if not np.isfinite(array).all():
        raise UsageError("points must be finite: remove NaN and infinity first")
    return array
