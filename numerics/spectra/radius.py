"""Spectral radius of a loop Jacobian from Jacobian products."""

from __future__ import annotations

from dataclasses import dataclass

from ...support.errors import UsageError
from .eigenvalues import leading_eigenvalues
from .linearisation import Linearisation, Measurement


@dataclass(frozen=True)
class SpectralRadius(Measurement):
    """`value` = abs(`eigenvalue`), the largest found; `residual` = norm(J v - l v)/norm(v)
    recomputed from the pair.

    `condition`, `error` and `converged` as in `Eigenvalues`; not converged, the value is an
    estimate as good as its `error`. `spread`: largest difference between the radii of several
    starts, None with one. `derivative` says where products come from, `derivative_error` their
    estimated relative error.
    """

    eigenvalue: complex
    condition: float
    error: float
    spread: float | None
    derivative: str
    derivative_error: float


def spectral_radius(
    j: Linearisation, *, tol: float = 1e-8, budget: int = 1000, starts: int = 1, seed: int = 0
) -> SpectralRadius:
    """Spectral radius of J by Arnoldi (LAPACK up to 64 dimensions), at most `budget` products for
    each of the `starts`.

    A second start confirms that no eigenvalue of nearly the same modulus was missed. Raises
    `LoopError` for an unfit step or product.
    """
    if starts < 1:
        raise UsageError(f"needs at least one start, not {starts}")
    before = j.products
    found = [
        leading_eigenvalues(j, 1, tol=tol, budget=budget, seed=seed + i) for i in range(starts)
    ]
    best = max(found, key=lambda f: abs(f.value[0]))
    value = complex(best.value[0])
    spread = None if starts == 1 else abs(value) - min(abs(f.value[0]) for f in found)
    converged = all(f.converged for f in found)
    return SpectralRadius(
        abs(value),
        best.residual,
        j.products - before,
        converged,
        value,
        best.condition,
        best.error,
        spread,
        j.derivative,
        j.error,
    )
