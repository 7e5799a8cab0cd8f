"""A ball that a map contracts: existence, uniqueness and attraction of a fixed point in one step.

In coordinates h = center + X y let DF = X^{-1} Df X. If |DF| <= q < 1 on the ball |y| <= r, and
|X^{-1}(f(center) - center)| <= (1 - q) r, then f maps the ball into itself and has one fixed point
there, and every orbit that starts in the ball converges to it at the rate q in the norm |X^{-1} .|
(Banach; claim L1 says what follows for the limit).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import flint
import numpy as np

from ...support.errors import LoopstabError
from ..arrays import Array
from .adapted import Coordinates
from .ball_array import BallArray
from .jet import Jet
from .rounding import row_norms, up

BITS = 192
"""Bits of the evaluation of f at the center, unless the caller has more."""
PASSES = 8
"""Most radii that are tried."""
FIRST_RADIUS = 1e-6
"""The radius that is tried first; the next ones follow from the rate that it has."""
SQUARINGS = 10
"""Squarings after which the norm of a power of J estimates its spectral radius."""


class NotCertified(LoopstabError):
    """The theorem does not hold, or could not be proved; the message says which part, and why.

    Example:
        >>> from loopstab import LoopstabError, NotCertified
        >>> issubclass(NotCertified, LoopstabError)
        True
    """


@dataclass(frozen=True)
class Slope:
    """The derivative of a map over a ball, in coordinates.

    Args:
        radius: r of the ball.
        rate: a bound of |DF|_2 over the ball.
    """

    radius: float
    rate: float


@dataclass(frozen=True)
class Contraction:
    """A ball that a map contracts, proved.

    Args:
        center: the center, of the shape of the state.
        coordinates: the norm.
        radius: r, in the norm of the coordinates.
        rate: q < 1.
        residual: a bound of |X^{-1}(f(center) - center)|.
    """

    center: Array
    coordinates: Coordinates
    radius: float
    rate: float
    residual: float

    @property
    def error(self) -> float:
        """A bound of the distance of the fixed point from the center, in the norm."""
        return up(self.residual / (1 - self.rate), 2)

    @property
    def euclidean_radius(self) -> float:
        """The radius of a Euclidean ball about the center inside the ball."""
        return self.radius * self.coordinates.lengths[0]

    @property
    def condition(self) -> float:
        """C in |h_t - h*|_2 <= C q^t |h_0 - h*|_2."""
        low, high = self.coordinates.lengths
        return high / low


def jacobian_estimate(step: Callable[[Jet], Jet], center: Array) -> Array:
    """The Jacobian at a point, in floating point, (n, n)."""
    n = center.size
    return _image(step, center, np.eye(n), 0.0)[0]


def radius_estimate(jacobian: Array) -> float:
    """An estimate of the spectral radius from above: the norm of a high power, to its root.

    Eigenvalues would take ten times as long, and nothing rests on the estimate.
    """
    power, log = jacobian, 0.0
    for k in range(SQUARINGS):
        size = float(np.linalg.norm(power))
        if size == 0 or not np.isfinite(size):
            return 0.0 if size == 0 else np.inf
        log += np.log(size) / 2**k
        power = power / size
        power = power @ power
    return float(np.exp(log + np.log(max(float(np.linalg.norm(power)), 1e-300)) / 2**SQUARINGS))


def slope_over(step: Callable[[Jet], Jet], center: Array, where: Coordinates, r: float) -> Slope:
    """Enclose the derivative of the map over the ball of radius r."""
    return Slope(r, where.norm_of(*_image(step, center, where.directions, r)))


def _image(
    step: Callable[[Jet], Jet], center: Array, directions: Array, r: float
) -> tuple[Array, float]:
    """The derivative of the map by y over the ball, and a bound of its error in the 2-norm."""
    with np.errstate(invalid="ignore", over="ignore"):  # an unbounded rate is NaN, and no bound
        image = step(Jet.coordinates(center, directions, r))
    assert image.gradient is not None
    return image.gradient.reshape(center.size, -1), float(row_norms(image.block.ravel()))


def polished(exact_step: Callable[[BallArray], BallArray], center: Array, jacobian: Array) -> Array:
    """A point nearer to the fixed point, by one Newton step whose residual is exact to rounding."""
    n = center.size
    with flint.ctx.workprec(max(BITS, flint.ctx.prec)):
        moved = exact_step(BallArray.exact(center)) - BallArray.exact(center)
    try:
        newton = np.linalg.solve(np.eye(n) - jacobian, moved.mid.ravel())
    except np.linalg.LinAlgError:
        return center
    return center + newton.reshape(center.shape)


def contract(
    step: Callable[[Jet], Jet], exact_step: Callable[[BallArray], BallArray], center: Array
) -> Contraction:
    """Prove that a map contracts a ball about a point near an attracting fixed point.

    Args:
        step: the map on jets.
        exact_step: the map on arrays of balls, for the residual.
        center: the point, of the shape of the state.

    Raises:
        NotCertified: the radius of the Jacobian is not below 1, or no ball was found.
    """
    jacobian = jacobian_estimate(step, center)
    if not np.isfinite(jacobian).all():
        raise NotCertified("the Jacobian at the center is not finite")
    rho = radius_estimate(jacobian)
    if rho >= 1:
        raise NotCertified(
            f"the spectral radius at the center is about {rho:.6g}, not below 1: nothing attracts"
        )
    try:
        where = Coordinates.contracting(jacobian, (1 + rho) / 2)
    except (np.linalg.LinAlgError, ValueError):
        raise NotCertified("no adapted coordinates were found: their norm overflows") from None
    if not where.valid:
        raise NotCertified("the adapted coordinates are too badly conditioned to be inverted")
    residual = residual_of(exact_step, center, where)
    at_point = slope_over(step, center, where, 0.0)
    if not at_point.rate < 1:
        raise NotCertified(
            f"the Jacobian's norm in adapted coordinates is bounded by {at_point.rate:.6g} only"
        )
    radius, room = FIRST_RADIUS, (1 - at_point.rate) / 2
    for _ in range(PASSES):
        found = slope_over(step, center, where, radius)
        if found.rate <= at_point.rate + room:
            made = Contraction(center, where, radius, found.rate, residual)
            if made.error <= radius:  # that is, |F(0)| <= (1 - q) r
                return made
        growth = (found.rate - at_point.rate) / radius
        if not np.isfinite(growth):
            radius /= 1000
        elif found.rate > at_point.rate + room:
            radius = min(0.8 * room / growth, radius / 2)
        else:
            break
    raise NotCertified(
        f"no ball about the center is contracted: |f(h) - h| is {residual:.3g} in adapted"
        " coordinates, more than (1 - q) r for every r that was tried; the point is not near an"
        " attracting fixed point, or the bounds are too wide"
    )


def residual_of(
    exact_step: Callable[[BallArray], BallArray], center: Array, where: Coordinates
) -> float:
    """A bound of |X^{-1}(f(center) - center)|, with f evaluated in balls of `BITS` bits."""
    with flint.ctx.workprec(max(BITS, flint.ctx.prec)):
        moved = exact_step(BallArray.exact(center)) - BallArray.exact(center)
        mid = moved.mid
        rest = float(row_norms(moved.distance(mid).ravel()))
    return where.size_of(mid.ravel(), rest)
