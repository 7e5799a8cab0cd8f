"""The spectral radius of the Jacobian of a loop, from Jacobian products."""

from __future__ import annotations

from dataclasses import dataclass

from ...support.errors import UsageError
from .eigenvalues import leading_eigenvalues
from .linearisation import Linearisation, Measurement
from .of_loop import of_loop


@dataclass(frozen=True)
class SpectralRadius(Measurement):
    """The spectral radius of J: the modulus of the largest eigenvalue found.

    Args:
        value: abs(`eigenvalue`).
        residual: norm(J v - l v)/norm(v) of the pair (l, v), recomputed.
        products: number of products with J.
        converged: as in `Eigenvalues`, for every start. Where it is False, the value is an
            estimate, as good as its `error`.
        eigenvalue: the eigenvalue l of largest modulus.
        condition: the condition of this eigenvalue, as in `Eigenvalues`.
        error: its estimated error to first order, as in `Eigenvalues`.
        spread: largest difference between the radii from several starts; None for one start.
        derivative: source of the products (`linearize`, `jvp`, `vjp` or `central difference`).
        derivative_error: estimated relative error of the products; 0 for the loop's own.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, SpectralRadius, spectral_radius
        >>> loop = FunctionLoop(lambda h, e: 0.5 * h + e, np.copy, jvp=lambda h, e, v: 0.5 * v)
        >>> found = spectral_radius(Linearisation(loop, np.zeros(3), np.zeros(3)))
        >>> isinstance(found, SpectralRadius), found.derivative, found.spread
        (True, 'jvp', None)
    """

    eigenvalue: complex
    condition: float
    error: float
    spread: float | None
    derivative: str
    derivative_error: float


@of_loop
def spectral_radius(
    j: Linearisation, *, tol: float = 1e-8, budget: int = 1000, starts: int = 1, seed: int = 0
) -> SpectralRadius:
    """Measure the spectral radius of J; below 1, the loop contracts near a fixed point.

    Up to 64 dimensions J is assembled and given to LAPACK; beyond, the method is Arnoldi's.

    Args:
        j: the linearisation at a state; or three arguments, a loop, the state and the input.
        tol: largest residual relative to the radius; default 1e-8. It is raised to ten times the
            error of the products where these are differences.
        budget: largest number of products with J for each start; default 1000.
        starts: number of random starts; default 1. A second one confirms that no eigenvalue of
            nearly the same modulus was missed.
        seed: seed of the first start; default 0.

    Returns:
        The radius, with the eigenvalue, its residual and its error.

    Raises:
        UsageError: `starts` is below 1, or `budget` below 5.
        LoopError: a product has the wrong shape or is not finite.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, spectral_radius
        >>> loop = FunctionLoop(lambda h, e: np.array([0.5, -0.9]) * h + e, np.copy)
        >>> found = spectral_radius(Linearisation(loop, np.zeros(2), np.zeros(2)))
        >>> round(found.value, 6), found.converged
        (0.9, True)
    """
    if starts < 1:
        raise UsageError(f"spectral_radius needs at least one start, not {starts}")
    j = j.spectral
    before = j.products
    found = [
        leading_eigenvalues(j, 1, tol=tol, budget=budget, seed=seed + i) for i in range(starts)
    ]
    best = max(found, key=lambda f: abs(f.value[0]))
    value = complex(best.value[0])
    spread = None if starts == 1 else abs(value) - min(abs(f.value[0]) for f in found)
    return SpectralRadius(
        value=abs(value),
        residual=best.residual,
        products=j.products - before,
        converged=all(f.converged for f in found),
        eigenvalue=value,
        condition=best.condition,
        error=best.error,
        spread=spread,
        derivative=j.derivative,
        derivative_error=j.error,
    )
