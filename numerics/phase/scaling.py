"""Finite-size scaling of the linear law N6.

Is x = (beta/sigma) d^(1/4) all that matters, and which exponent do the widths themselves suggest?
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import jsonable
from ...support.progress_bar import progress_bar
from ..arrays import Array
from ..formulas import numeric
from .laws import linear
from .laws.draw import random_draw

DEGREE = 4
"""The degree in log x of the curve that all widths are compared with."""
EXPONENTS = np.linspace(0, 0.6, 241)
"""The exponents kappa that are tried."""
RESAMPLES = 200
"""How often the draws are resampled for the error of the exponent."""


@dataclass(frozen=True)
class Scaling:
    """Spectral radii of the linear law at several widths.

    `x` (m,): (beta/sigma) d^(1/4), the same for every width; `rho` and `theory` (widths, m): median
    over the draws, and the closed form. `exponent`: the kappa for which (1 - rho)/(1 - theory)
    against (beta/sigma) d^kappa is closest to one curve (a polynomial of degree `DEGREE` in the
    logarithm, points weighted by their errors), `exponent_error` its standard deviation over
    resamples of the draws.
    """

    residual: float
    seed: int
    widths: tuple[int, ...]
    draws: tuple[int, ...]
    x: Array
    rho: Array
    theory: Array
    exponent: float
    exponent_error: float

    @property
    def difference(self) -> Array:
        """rho - theory."""
        return self.rho - self.theory

    @property
    def ratio(self) -> Array:
        """(1 - rho)/(1 - theory)."""
        return (1 - self.rho) / (1 - self.theory)

    @property
    def exponent_text(self) -> str:
        """The exponent with its error."""
        return f"{self.exponent:.3f} ± {self.exponent_error:.3f}"

    def to_json(self) -> dict[str, Any]:
        """The result as a plain object."""
        return jsonable(
            {
                "law": "linear",
                "residual": self.residual,
                "seed": self.seed,
                "widths": list(self.widths),
                "draws": list(self.draws),
                "exponent": self.exponent,
                "exponent_error": self.exponent_error,
                "x": self.x.tolist(),
                "rho": self.rho.tolist(),
                "theory": self.theory.tolist(),
                "ratio": self.ratio.tolist(),
            }
        )


def finite_size_scaling(
    widths: Sequence[int] = (50, 100, 200, 400),
    *,
    residual: float = 0.0,
    draws: Sequence[int] = (40,),
    low: float = 0.7,
    high: float = 6.0,
    points: int = 12,
    seed: int = 0,
    jobs: int = 1,
    progress: bool = False,
) -> Scaling:
    """Measure the law at `points` values of x from low to high (sigma = 1), at several widths.

    Every draw gives the spectral radii at all its x, so that the points of one width are
    correlated; the error of the exponent resamples whole draws. The exponent is an effective one:
    from widths 50 to 1600 it comes out below 1/4 (0.15 +- 0.03), because the edge of the Ginibre
    spectrum, E rho - 1, falls more slowly than d^(-1/2) there.

    `draws` is a number for each width, or one number for all. Raises `UsageError` for fewer than
    two widths or draws, or an empty range.
    """
    counts = tuple(draws) * len(widths) if len(draws) == 1 else tuple(draws)
    if len(set(widths)) < 2 or len(counts) != len(widths) or min(counts) < 2 or min(widths) < 2:
        raise UsageError(
            "scaling needs two different widths from 2 on, and at least 2 draws for each, not"
            f" {widths} and {tuple(draws)}"
        )
    check_seed_and_jobs(seed, jobs)
    if not 0 < low < high < math.inf or points <= DEGREE or not 0 <= residual < math.inf:
        raise UsageError(
            f"scaling needs finite 0 < low < high, more than {DEGREE} points and residual >= 0, not"
            f" {low}, {high}, {points}, {residual}"
        )
    x = np.geomspace(low, high, points)
    work = [(width, k) for width, count in zip(widths, counts, strict=True) for k in range(count)]
    stream = Parallel(n_jobs=jobs, backend="threading", return_as="generator")(
        delayed(_radii)(width, (seed, k), residual, x) for width, k in work
    )
    bar = progress_bar(stream, total=len(work), unit="draw", shown=progress, desc="scaling")
    rows = list(bar)
    samples = [
        np.array([row for row, (w, _) in zip(rows, work, strict=True) if w == width])
        for width in widths
    ]
    rng = np.random.default_rng(seed)
    again = np.array(
        [[_median(s[rng.integers(len(s), size=len(s))]) for s in samples] for _ in range(RESAMPLES)]
    )
    t = np.array([x / width**0.25 for width in widths])
    rho = np.array([_median(s) for s in samples])
    theory = numeric("mean_field_rho")(residual, 1.0, t)
    ratios = (1 - np.concatenate((rho[None], again))) / (1 - theory)
    best, *others = collapse(t, widths, ratios, ratios[1:].std(axis=0))
    return Scaling(
        residual=float(residual),
        seed=seed,
        widths=tuple(widths),
        draws=counts,
        x=x,
        rho=rho,
        theory=theory,
        exponent=best,
        exponent_error=float(np.std(others)),
    )


def _radii(width: int, seed: tuple[int, ...], residual: float, x: Array) -> Array:
    t = x / width**0.25
    return linear.measure(random_draw(width, seed), np.full(len(t), residual), t).rho


def _median(radii: Array) -> Array:
    """The median over the draws (rows) that have a fixed point."""
    return np.array([np.median(column[np.isfinite(column)]) for column in radii.T])


def collapse(t: Array, widths: Sequence[int], ratios: Array, error: Array) -> list[float]:
    """For each of the ratios (n, widths, m), the exponent that collapses them best.

    It has the least weighted squared distance from a common polynomial. `t` and `error` (widths, m)
    are beta/sigma and the standard errors of the ratios.
    """
    weight = 1 / np.maximum(error, 1e-3 * error.max()).ravel()
    y = ratios.reshape(len(ratios), -1) * weight
    misfits = []
    for exponent in EXPONENTS:
        log = (np.log(t) + exponent * np.log(np.array(widths, float))[:, None]).ravel()
        basis = np.linalg.qr(
            np.vander((log - log.mean()) / np.ptp(log), DEGREE + 1) * weight[:, None]
        )[0]
        misfits.append(np.sum((y - y @ basis @ basis.T) ** 2, axis=1))
    return EXPONENTS[np.argmin(misfits, axis=0)].tolist()
