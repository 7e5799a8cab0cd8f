"""Finite-size scaling of the linear law N6.

Is x = (beta/sigma) d^(1/4) all that matters, and which exponent do the widths themselves suggest?
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import jsonable
from ...support.progress_bar import progress_bar
from ...support.schema import ListOf, Maybe, Number, ObjectOf, Text, Whole
from ..arrays import Array
from ..formulas import numeric
from .laws import linear
from .laws.draw import random_draw

DEGREE = 4
"""The degree in log x of the curve that all widths are compared with."""
EXPONENTS = np.linspace(-0.25, 0.75, 401).round(4)
"""The exponents kappa that are tried; those below 0 tell a best fit at 0 from the least one."""
RESAMPLES = 400
"""How often the draws are resampled for the interval of the exponent."""
LEVEL = 0.95
"""Share of the resamples inside the interval."""
RECORD = ObjectOf(
    {
        "law": Text(names=("linear",)),
        "residual": Number(0),
        "seed": Whole(0, 2**128),
        **dict.fromkeys(("widths", "draws"), ListOf(Whole(2, 10**6), 1000, 2)),
        "exponent": Maybe(Number()),
        "exponent_interval": Maybe(ListOf(Number(), 2, 2)),
        "x": ListOf(Number(0), 10_000, 1),
        **dict.fromkeys(
            ("rho", "rho_error", "theory", "ratio"), ListOf(ListOf(Number(), 10_000), 1000)
        ),
    },
    optional={"command": Text()},
    also=lambda record: _unfit(record),
)
"""What `Scaling.to_json` writes, and perhaps the command that made it."""


@dataclass(frozen=True)
class Scaling:
    """Spectral radii of the linear law at several widths.

    `x` (m,): (beta/sigma) d^(1/4), the same for every width; `rho`, `rho_error` and `theory`
    (widths, m): median over the draws, its standard error, and the closed form. `exponent`: the
    kappa for which (1 - rho)/(1 - theory) against (beta/sigma) d^kappa is closest to one curve (a
    polynomial of degree `DEGREE` in the logarithm, points weighted by their errors), and
    `exponent_interval` the interval that holds the share `LEVEL` of what resamples of the draws
    give. Both are None where the draws do not determine them: the best fit, or an end of the
    interval, is then an end of `EXPONENTS`.
    """

    residual: float
    seed: int
    widths: tuple[int, ...]
    draws: tuple[int, ...]
    x: Array
    rho: Array
    rho_error: Array
    theory: Array
    exponent: float | None
    exponent_interval: tuple[float, float] | None

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
        """The exponent with its interval and the widths, or that it is not determined."""
        widths = f"widths {min(self.widths)} to {max(self.widths)}"
        if self.exponent is None or self.exponent_interval is None:
            return (
                f"not determined by {widths}: the fit ends at the edge of the exponents tried"
                f" ({EXPONENTS[0]:g} to {EXPONENTS[-1]:g}); take a wider range of widths or more"
                " draws"
            )
        low, high = self.exponent_interval
        return f"{self.exponent:.2f} ({LEVEL:.0%} interval {low:.2f} to {high:.2f}; {widths})"

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
                "exponent_interval": self.exponent_interval,
                "x": self.x.tolist(),
                "rho": self.rho.tolist(),
                "rho_error": self.rho_error.tolist(),
                "theory": self.theory.tolist(),
                "ratio": self.ratio.tolist(),
            }
        )

    @classmethod
    def from_json(cls, record: Any) -> Scaling:
        """What `to_json` wrote; raises `SchemaError` if it is not of that form."""
        RECORD.check(record, "scaling")
        interval = record["exponent_interval"]
        return cls(
            record["residual"],
            record["seed"],
            tuple(record["widths"]),
            tuple(record["draws"]),
            np.array(record["x"], float),
            np.array(record["rho"], float),
            np.array(record["rho_error"], float),
            np.array(record["theory"], float),
            record["exponent"],
            None if interval is None else (interval[0], interval[1]),
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
    correlated; the interval of the exponent resamples whole draws. The exponent is an effective
    one, of these widths: the limit is 1/4, and it is less as far as the edge of the Ginibre
    spectrum, E rho - 1, falls more slowly than d^(-1/2).

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
    exponents = collapse(t, widths, ratios, ratios[1:].std(axis=0))
    exponent, interval = determined(exponents[0], exponents[1:])
    return Scaling(
        residual=float(residual),
        seed=seed,
        widths=tuple(widths),
        draws=counts,
        x=x,
        rho=rho,
        rho_error=again.std(axis=0),
        theory=theory,
        exponent=exponent,
        exponent_interval=interval,
    )


def _radii(width: int, seed: tuple[int, ...], residual: float, x: Array) -> Array:
    t = x / width**0.25
    return linear.measure(random_draw(width, seed), np.full(len(t), residual), t).rho


def _median(radii: Array) -> Array:
    """The median over the draws (rows) that have a fixed point."""
    return np.array([np.median(column[np.isfinite(column)]) for column in radii.T])


def _unfit(record: Mapping[str, Any]) -> str | None:
    """Why the lists of a record do not belong together, or None."""
    shape = [len(record["x"])] * len(record["widths"])
    maps = ("rho", "rho_error", "theory", "ratio")
    fits = all([len(row) for row in record[name]] == shape for name in maps)
    known = (record["exponent"] is None) == (record["exponent_interval"] is None)
    fits &= len(record["draws"]) == len(shape) and known
    return None if fits else "its lists do not fit its widths and x"


def determined(
    best: float, others: Sequence[float]
) -> tuple[float, tuple[float, float]] | tuple[None, None]:
    """The exponent and its interval from the resamples; None if one is an end of `EXPONENTS`."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(others, (tail, 1 - tail), method="closest_observation").tolist()
    if {best, low, high} & {float(EXPONENTS[0]), float(EXPONENTS[-1])}:
        return None, None
    return best, (low, high)


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
