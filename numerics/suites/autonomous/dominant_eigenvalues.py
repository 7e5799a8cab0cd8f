"""Attacks on A5's laws of the dominant eigenvalue of random matrices.

A case has the size `d`, the `count` and the `seed` of Ginibre matrices G. `symmetric` and `mean`
make them G + symmetric G^T + mean, which drops an assumption where they are not 0.
"""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
import numpy as np

from ...attack.suite import Case, Drop, Suite
from ...formulas import numeric
from ...strategies.block_forms import SEEDS
from ..shared.confirmation import Confirmed
from ..shared.drawn_values import failing, is_seed, whole

SAMPLE, SMALL_SAMPLE = 100_000, 1000
"""Matrices of a case: enough for a binomial count to be nearly normal."""
ERRORS = 6
"""Standard errors of a statistical judgement."""
CHANCE = 1e-8
"""A bound of the probability of a false alarm at one seed, 2e-9 for a normal variable."""


def _broken_of_ensemble(least: int, most: int, count: int) -> Callable[[Case], tuple[str, ...]]:
    """Refuses entries that are not Ginibre's, and too few matrices for the standard error."""

    def broken(case: Case) -> tuple[str, ...]:
        drawn = whole(case["d"], least, most) and case["count"] == count and is_seed(case["seed"])
        plain = case["symmetric"] == 0 and case["mean"] == 0
        return failing(ginibre=drawn and plain)

    return broken


def _ginibre(case: Case) -> np.ndarray:
    d, n = int(case["d"]), int(case["count"])
    g = np.random.default_rng(int(case["seed"])).standard_normal((n, d, d))
    return g + case["symmetric"] * np.swapaxes(g, 1, 2) + case["mean"]


def _signs(case: Case) -> tuple[int, int]:
    """How many dominant eigenvalues are real and positive, and how many real and negative."""
    values = np.linalg.eigvals(_ginibre(case))
    top = np.take_along_axis(values, np.abs(values).argmax(1)[:, None], 1)[:, 0]
    real = np.abs(top.imag) == 0
    return int((real & (top.real > 0)).sum()), int((real & (top.real < 0)).sum())


def _planar_probability(case: Case) -> str | None:
    """P(dominant eigenvalue real, positive) = 1/(2 sqrt 2) at d = 2."""
    p, n = float(numeric("ginibre_dominant_positive_2")()), int(case["count"])
    positive, _ = _signs(case)
    z = (positive - n * p) / np.sqrt(n * p * (1 - p))
    if abs(z) <= ERRORS:
        return None
    return (
        f"{positive} of {n} dominant eigenvalues are real and positive: {z:+.1f} standard errors"
        f" from {p:.4f}"
    )


def _half(case: Case) -> str | None:
    """Half of the real dominant eigenvalues are positive."""
    positive, negative = _signs(case)
    z = (positive - negative) / np.sqrt(max(positive + negative, 1))
    if abs(z) <= ERRORS:
        return None
    return (
        f"{positive} real dominant eigenvalues are positive, {negative} negative: {z:+.1f}"
        " standard errors"
    )


def _random(
    d: tuple[int, int],
    count: int,
    symmetric: tuple[int, int] = (0, 0),
    mean: tuple[int, int] = (0, 0),
) -> st.SearchStrategy[Case]:
    return st.fixed_dictionaries(
        {
            "d": st.integers(*d),
            "count": st.just(count),
            "seed": SEEDS,
            "symmetric": st.integers(*symmetric).map(lambda k: k / 16),
            "mean": st.integers(*mean).map(lambda k: k / 16),
        }
    )


SUITES = (
    Suite(
        "A5",
        "probability",
        property=(
            "the dominant eigenvalue of a real Ginibre matrix of size 2 is real and positive with"
            " probability 1/(2 sqrt 2)"
        ),
        cases=lambda: _random((2, 2), SAMPLE),
        judge=Confirmed(_planar_probability, CHANCE),
        broken=_broken_of_ensemble(2, 2, SAMPLE),
        drops=(
            Drop(
                "independent entries",
                cases=lambda: _random((2, 2), SAMPLE, symmetric=(8, 16)),
                assumption="ginibre",
            ),
        ),
        predicate="probability",
        evidence=f"{ERRORS} standard errors",
        cost=8,
    ),
    Suite(
        "A5",
        "half",
        property="M and -M of the same law: half of the real dominant eigenvalues are positive",
        cases=lambda: _random((3, 8), SMALL_SAMPLE),
        judge=Confirmed(_half, CHANCE),
        broken=_broken_of_ensemble(3, 8, SMALL_SAMPLE),
        drops=(
            Drop(
                "M and -M have the same law",
                cases=lambda: _random((3, 8), SMALL_SAMPLE, mean=(8, 16)),
                assumption="ginibre",
            ),
        ),
        evidence=f"{ERRORS} standard errors",
        cost=4,
    ),
)
