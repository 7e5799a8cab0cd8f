"""Finite-size scaling of the linear law N6: is x = (beta/sigma) d^(1/4) all that matters, and which exponent says the widths themselves?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from numerics.loop import Array
from numerics.numeric import numeric
from numerics.phase import linear
from numerics.phase.draw import random_draw
from theory.errors import UsageError

DEGREE = 4
"""degree in log x of the curve that all widths are compared with"""
EXPONENTS = np.linspace(0, 0.6, 241)
RESAMPLES = 200


@dataclass(frozen=True)
class Scaling:
    """Spectral radii of the linear law at several widths.

    `x` (m,): (beta/sigma) d^(1/4), the same for every width; `rho` and `theory` (widths, m): median over the draws, and the closed form.
    `exponent`: the kappa for which (1 - rho)/(1 - theory) against (beta/sigma) d^kappa is closest to one curve (a polynomial of
    degree `DEGREE` in the logarithm), `exponent_error` its standard deviation over resamples of the draws.
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
        """Plain numbers."""
        return {
            "law": "linear", "residual": self.residual, "seed": self.seed, "widths": list(self.widths), "draws": list(self.draws),
            "exponent": self.exponent, "exponent_error": self.exponent_error, "x": self.x.tolist(), "rho": self.rho.tolist(),
            "theory": self.theory.tolist(), "ratio": self.ratio.tolist(),
        }  # fmt: skip


def finite_size_scaling(
    widths: Sequence[int] = (50, 100, 200, 400), *, residual: float = 0.0, draws: Sequence[int] = (40,), low: float = 0.7, high: float = 6.0,
    points: int = 12, seed: int = 0, jobs: int = 1, progress: bool = False,
) -> Scaling:  # fmt: skip
    """Measure the law at `points` values of x from low to high (sigma = 1); `draws` per width, or one number for all.

    Every draw gives the spectral radii at all its x, so that the points of one width are correlated; the error of the exponent resamples
    whole draws. `UsageError` for fewer than two widths or draws, or an empty range.
    """
    counts = tuple(draws) * len(widths) if len(draws) == 1 else tuple(draws)
    if len(set(widths)) < 2 or len(counts) != len(widths) or min(counts) < 2 or min(widths) < 2:
        raise UsageError(f"scaling needs two different widths from 2 on, and at least 2 draws for each, not {widths} and {tuple(draws)}")
    if not 0 < low < high or points <= DEGREE or residual < 0:
        raise UsageError(f"scaling needs 0 < low < high, more than {DEGREE} points and residual >= 0, not {low}, {high}, {points}, {residual}")
    x = np.geomspace(low, high, points)
    work = [(width, k) for width, count in zip(widths, counts, strict=True) for k in range(count)]
    stream = Parallel(n_jobs=jobs, backend="threading", return_as="generator")(
        delayed(_radii)(width, (seed, k), residual, x) for width, k in work
    )
    rows = list(tqdm(stream, total=len(work), unit="draw", disable=not progress, desc="scaling"))  # type: ignore[arg-type]
    samples = [np.array([row for row, (w, _) in zip(rows, work, strict=True) if w == width]) for width in widths]
    t = np.array([x / width**0.25 for width in widths])
    theory = numeric("mean_field_rho")(residual, 1.0, t)
    rho = np.array([np.median(s, axis=0) for s in samples])
    rng = np.random.default_rng(seed)
    again = [
        _collapse(t, theory, np.array([np.median(s[rng.integers(len(s), size=len(s))], axis=0) for s in samples]), widths)
        for _ in range(RESAMPLES)
    ]
    best = _collapse(t, theory, rho, widths)
    return Scaling(float(residual), seed, tuple(widths), counts, x, rho, theory, best, float(np.std(again)))


def _radii(width: int, seed: tuple[int, ...], residual: float, x: Array) -> Array:
    t = x / width**0.25
    return linear.measure(random_draw(width, seed), np.full(len(t), residual), t).rho


def _collapse(t: Array, theory: Array, rho: Array, widths: Sequence[int]) -> float:
    """The exponent of least squared distance from a common polynomial."""
    ratio = ((1 - rho) / (1 - theory)).ravel()
    width, good = np.repeat(np.array(widths, float), t.shape[1]), np.isfinite(ratio)
    misfit = []
    for exponent in EXPONENTS:
        log = (np.log(t.ravel()) + exponent * np.log(width))[good]
        basis = np.vander((log - log.mean()) / np.ptp(log), DEGREE + 1)
        misfit.append(np.sum((ratio[good] - basis @ np.linalg.lstsq(basis, ratio[good], rcond=None)[0]) ** 2))
    return float(EXPONENTS[int(np.argmin(misfit))])
