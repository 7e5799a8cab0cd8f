"""How far a computed fixed point is from a true one, by the theorem of Newton and Kantorovich.

With A = I - J at the state h, b = norm(A^{-1}), eta = b norm(f(h) - h), and a constant K with
norm(A^{-1} (J(x) - J(y))) <= K norm(x - y) near h: if K eta <= 1/2, exactly one fixed point lies
within (1 + sqrt(1 - 2 K eta))/K of h, and it lies within 2 eta (L. Kantorovich 1948; P. Deuflhard,
Newton Methods for Nonlinear Problems, 2004). Here b and eta are computed in floating point, with a
margin for the rounding of the step, and K is the largest of a few samples, hence a lower bound. So
the radius is an estimate by a theorem whose hypothesis is sampled, and not a certificate;
`proved_point` gives one for small loops.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from ..loops.protocol import LoopedMap, LoopError
from ..spectra.linearisation import TINY, Linearisation
from ..spectra.resolvent import resolvent_norm
from .newton_step import noise

MATRIX = 512
"""Largest dimension at which I - J is assembled."""
REACH = 1e-3
"""Distance at which K is sampled, relative to the size of the states."""
DIRECTIONS = 2
"""Random directions in which K is sampled, besides the one in which I - J is weakest."""
ROUNDING = 8.0
"""Margin for the rounding of the residual, in units of the state."""


@dataclass(frozen=True)
class ErrorRadius:
    """The distance of a state from a fixed point, and what it rests on.

    Args:
        radius: bound of the distance from the state to a fixed point; infinite where I - J is
            singular or the hypothesis K eta <= 1/2 fails.
        isolation: distance within which there is no other fixed point, at most the distance at
            which K was sampled; 0 where that is not known.
        inverse: b, the norm of (I - J)^{-1}; infinite where I - J is singular to the error of the
            products.
        curvature: the sampled K; None above 512 dimensions, where the radius is 2 eta.
        neutral: number of singular values of I - J that are zero up to the error of the products.
    """

    radius: float
    isolation: float
    inverse: float
    curvature: float | None
    neutral: int


def error_radius(
    loop: LoopedMap, j: Linearisation, scale: float = 0.0, *, seed: int = 0
) -> ErrorRadius:
    """Bound the distance from a state to a fixed point by its residual.

    Args:
        loop: the loop.
        j: its linearisation at the state.
        scale: a norm that counts as large, for states near 0; default 0: the norm of the state.
        seed: seed of the directions in which K is sampled.

    Returns:
        The radius and the constants, as an `ErrorRadius`.

    Raises:
        LoopError: a product with J has the wrong shape or is not finite.

    Example:
        The fixed point of h' = h/2 + 1 is 2:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation
        >>> from loopstab.numerics.fixed_points.error_radius import error_radius
        >>> loop = FunctionLoop(lambda h, e: h / 2 + 1, np.copy)
        >>> j = Linearisation(loop, np.array([2.001]), np.zeros(1))
        >>> 0.001 <= error_radius(loop, j).radius < 0.0011
        True
    """
    size = max(float(np.linalg.norm(a.astype(np.float64))) for a in (j.h, j.image))
    defect = float(np.linalg.norm(j.image.astype(np.float64) - j.h.astype(np.float64)))
    size = max(size, scale)
    defect += ROUNDING * j.unit * size
    if j.n > MATRIX:
        return _by_products(j, defect)
    u, values, vt = np.linalg.svd(np.eye(j.n) - j.dense())
    neutral = int(np.count_nonzero(values <= noise(j)))
    if neutral:
        return ErrorRadius(np.inf, 0.0, np.inf, None, neutral)
    inverse = (vt.T / values) @ u.T
    reach = REACH * size or REACH
    curvature = _curvature(loop, j, inverse, vt[-1], reach, seed)
    b = 1 / float(values[-1])
    eta = b * defect
    if not 2 * curvature * eta <= 1:
        return ErrorRadius(np.inf, 0.0, b, curvature, 0)
    root = 1 + np.sqrt(1 - 2 * curvature * eta)
    isolation = min(float(root / max(curvature, TINY)), reach)
    return ErrorRadius(float(2 * eta / root), isolation, b, curvature, 0)


def _by_products(j: Linearisation, defect: float) -> ErrorRadius:
    """The radius without K, from the norm of the inverse alone."""
    try:
        found = resolvent_norm(j, 1.0, tol=1e-4)
    except LoopError:
        return ErrorRadius(np.inf, 0.0, np.inf, None, 1)
    return ErrorRadius(2 * found.value * defect, 0.0, found.value, None, 0)


def _curvature(
    loop: LoopedMap, j: Linearisation, inverse: Array, weakest: Array, reach: float, seed: int
) -> float:
    """The largest sampled norm(A^{-1} (J(x) - J(h)))/norm(x - h); infinite where J is not."""
    rng = np.random.default_rng(seed)
    sides = [weakest, -weakest, *rng.standard_normal((DIRECTIONS, j.n))]
    worst = 0.0
    for side in sides:
        move = (reach * side / max(float(np.linalg.norm(side)), TINY)).reshape(j.h.shape)
        try:
            there = Linearisation(loop, (j.h + move).astype(j.h.dtype), j.e)
            change = inverse @ (there.dense() - j.dense())
        except LoopError:
            return np.inf
        j.products += there.products
        worst = max(worst, float(np.linalg.norm(change, 2)) / reach)
    return worst
