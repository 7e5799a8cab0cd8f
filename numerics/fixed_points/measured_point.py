"""One fixed point that was found, with everything that is measured at it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ...support.jsonable import jsonable
from ..arrays import Array
from ..loops.protocol import LoopError
from ..spectra.eigenvalues import leading_eigenvalues
from ..spectra.linearisation import Linearisation
from ..spectra.radius import SpectralRadius, spectral_radius
from .error_radius import MATRIX, ErrorRadius
from .proved_point import ProvedPoint

LEADING = (8, 16, 32, 64)
"""Numbers of leading eigenvalues that are computed until one of them lies inside the circle."""
NEAR = 1e-3
"""Distance from the unit circle that decides a stability where the point has no error radius."""
DERIVATIVE_ERROR = 0.1
"""Largest relative error of the derivative at which a stability is decided."""


@dataclass(frozen=True)
class MeasuredPoint:
    """A fixed point found by Newton's method, with its error and its stability.

    Everything but `proof` is measured in floating point. `radius` and `isolation` rest on a theorem
    one of whose constants is sampled (`error_radius`); `proof` is a certificate.

    Args:
        state: the state, in the shape and dtype of the loop's states, or in the user's structure.
        residual: norm(f(h) - h) relative to the state, as in `NewtonResult`.
        radius: bound of the distance to a true fixed point, or infinity where I - J is singular.
        isolation: distance within which no other fixed point lies; 0 where that is not known.
        inverse: norm of (I - J)^{-1}, by which the residual is multiplied in `radius`.
        curvature: sampled Lipschitz constant of (I - J)^{-1} J; None where it was not sampled.
        neutral: number of directions in which I - J is singular up to the error of its products.
        extent: largest distance between the states that count as this point: nearly 0 at a point,
            and else the length of the part of a manifold of fixed points that the starts reached.
        rho: spectral radius of J; None where it could not be computed.
        stability: `stable` for rho < 1 and `unstable` for rho > 1, errors included; otherwise
            `undecided`.
        unstable: number of eigenvalues with modulus above 1; None where more than 64 are.
        reached: number of starts from which Newton's method ended here; 0 where only orbits did.
        proof: what was proved of the point; None where no proof was asked for or none was found.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, fixed_points
        >>> loop = FunctionLoop(lambda h, e: np.tanh(2 * h), lambda e: e + 1)
        >>> zero = fixed_points(loop, np.zeros(1)).unstable[0]
        >>> zero.stability, zero.unstable, round(zero.rho.value, 6)
        ('unstable', 1, 2.0)
    """

    state: Any
    residual: float
    radius: float
    isolation: float
    inverse: float
    curvature: float | None
    neutral: int
    extent: float
    rho: SpectralRadius | None
    stability: str
    unstable: int | None
    reached: int
    proof: ProvedPoint | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain JSON object."""
        out = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("rho", "proof"):
            out[name] = None if out[name] is None else out[name].to_json()
        return jsonable(out)


def measured_point(
    j: Linearisation,
    found: ErrorRadius,
    *,
    residual: float,
    extent: float,
    reached: int,
    proof: ProvedPoint | None,
    seed: int,
) -> MeasuredPoint:
    """Measure the spectrum at a fixed point, and put everything together."""
    try:
        rho = spectral_radius(j, seed=seed)
        # where I - J is singular, the state is far from the point, and an eigenvalue 1 has moved
        margin = 0.0 if np.isfinite(found.radius) else NEAR
        unstable = _unstable(j, margin, seed)
    except LoopError:
        rho, unstable, margin = None, None, 0.0
    return MeasuredPoint(
        state=j.h,
        residual=residual,
        radius=found.radius,
        isolation=found.isolation,
        inverse=found.inverse,
        curvature=found.curvature,
        neutral=found.neutral,
        extent=extent,
        rho=rho,
        stability=_stability(rho, j, margin),
        unstable=unstable,
        reached=reached,
        proof=proof,
    )


def _stability(rho: SpectralRadius | None, j: Linearisation, margin: float) -> str:
    """`stable` or `unstable` where the spectral radius with its errors, or the norm, decides."""
    if rho is None:
        return "undecided"
    known = rho.converged and rho.derivative_error <= DERIVATIVE_ERROR
    if known and (rho.value + rho.error) * (1 + rho.derivative_error) < 1 - margin:
        return "stable"
    if known and (rho.value - rho.error) * (1 - rho.derivative_error) > 1 + margin:
        return "unstable"
    # the errors of an eigenvalue near 0 are large relative to it, as at a super-stable point
    if j.n <= MATRIX and np.linalg.norm(j.dense()) * (1 + 10 * rho.derivative_error) < 1 - margin:
        return "stable"
    return "undecided"


def eigenvalues(j: Linearisation, least: int = 1, seed: int = 0) -> Array:
    """Eigenvalues by falling modulus: all up to 512 dimensions, else `least` or a few more."""
    if j.n <= MATRIX:
        values = np.linalg.eigvals(j.dense())
        return values[np.argsort(-np.abs(values), kind="stable")]
    return leading_eigenvalues(j, max(least, LEADING[0]), seed=seed).value


def _unstable(j: Linearisation, margin: float, seed: int) -> int | None:
    for k in LEADING:
        values = np.abs(eigenvalues(j, k, seed))
        if len(values) == j.n or values[-1] < 1:
            return int(np.count_nonzero(values > 1 + margin))
    return None
