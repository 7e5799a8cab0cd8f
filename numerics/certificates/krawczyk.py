"""The Krawczyk operator: in outward-rounded doubles for many boxes, in arb balls for one.

K(X) = m - C F(m) + (I - C F'(X))(X - m), with F = h - f, contains every zero of F in X, for any
point m of X and any matrix C. If K(X) and X are disjoint, F has no zero in X. If K(X) lies in the
interior of X, F has exactly one zero in X, and every matrix in F'(X) is regular, so that the fixed
point is non-degenerate (Krawczyk 1969; Neumaier, Interval Methods for Systems of Equations, 5.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from .interval import Interval, down, up
from .maps import CertifiedMap

PRECISION = 128
"""Bits of the ball arithmetic: enough to enclose a point to 1e-20."""
_SLACK = 1 + 1e-13
"""Factor that covers the rounding of a sum of fewer than 100 non-negative doubles."""
_TINY = 1e-300
"""Term that covers underflow in such a sum."""
_REGULAR = 1e-13
"""Least determinant, relative to the entries, of a matrix that is inverted; any choice is valid."""


Flags = Any
"""Boolean array (n,)."""


@dataclass(frozen=True)
class Pieces:
    """What one evaluation proves about n boxes.

    Args:
        low: Lower ends of the part that can contain fixed points, (n, d).
        high: Upper ends of that part, (n, d).
        empty: Whether the box contains no fixed point, (n,).
        unique: Whether it contains exactly one, which lies in [low, high], (n,).
        defined: Whether the image of the box has finite bounds, (n,).
    """

    low: Array
    high: Array
    empty: Flags
    unique: Flags
    defined: Flags


def midpoints(low: Array, high: Array) -> Array:
    """A double inside each box."""
    return np.clip(low + (high - low) / 2, low, high)


def narrowed(f: CertifiedMap, low: Array, high: Array) -> Pieces:
    """Intersect boxes with their images and with K; `low` and `high` are their ends, (n, d).

    A box in which the map is not defined everywhere is returned unchanged. Raises `UsageError` if
    the map is undefined at the midpoint of a box.
    """
    with np.errstate(all="ignore"):
        image = f.image(_coordinates(low, high))
        new_low = np.stack([y.low for y in image], 1)
        new_high = np.stack([y.high for y in image], 1)
        defined = (np.isfinite(new_low) & np.isfinite(new_high)).all(1)
        if not np.isfinite(new_low + new_high).all():
            _demand_defined_middle(f, low[~defined], high[~defined])
        new_low, new_high = np.fmax(low, new_low), np.fmin(high, new_high)
        empty = defined & (new_low > new_high).any(1)
        rest = np.flatnonzero(~empty)  # K is expensive: only where the image does not decide
        k_low, k_high = _krawczyk(f, low[rest], high[rest])
        new_low[rest] = np.fmax(new_low[rest], k_low)
        new_high[rest] = np.fmin(new_high[rest], k_high)
    unique = np.zeros_like(empty)
    unique[rest] = ((k_low > low[rest]) & (k_high < high[rest])).all(1)
    empty = defined & (new_low > new_high).any(1)
    return Pieces(new_low, new_high, empty, unique & defined & ~empty, defined)


def _coordinates(low: Array, high: Array) -> list[Interval]:
    return [Interval(low[:, i], high[:, i]) for i in range(low.shape[1])]


def _demand_defined_middle(f: CertifiedMap, low: Array, high: Array) -> None:
    middle = midpoints(low, high)
    values = f.image(_coordinates(middle, middle))
    bad = ~np.all([np.isfinite(y.low) & np.isfinite(y.high) for y in values], axis=0)
    if bad.any():
        raise UsageError(
            f"the map is not defined at {middle[bad][0].tolist()}, inside the box: choose a box"
            " inside its domain, or eps > 0"
        )


def _krawczyk(f: CertifiedMap, low: Array, high: Array) -> tuple[Array, Array]:
    """The ends of K for every box, (n, d) each; NaN where the map is not defined."""
    d = low.shape[1]
    eye = np.eye(d)
    jacobian = f.jacobian(_coordinates(low, high))
    j_low = np.array([[y.low for y in row] for row in jacobian]).transpose(2, 0, 1)
    j_high = np.array([[y.high for y in row] for row in jacobian]).transpose(2, 0, 1)
    slope_low, slope_high = down(eye - j_high), up(eye - j_low)
    slope = (slope_low + slope_high) / 2
    radius = up(np.maximum(slope_high - slope, slope - slope_low))
    c = _inverses(slope)
    # |I - C F'| <= |fl(I - C slope)| + rounding + |C| radius, where the rounding of a product of d
    # terms is below (d + 2) u |C| |slope|
    size = np.abs(c)
    rounding = (d + 4) * 2.0**-52 * (size @ np.abs(slope) + eye)
    defect = np.abs(eye - c @ slope) + rounding + size @ radius
    middle = midpoints(low, high)
    image = f.image(_coordinates(middle, middle))
    f_low = np.stack([down(middle[:, i] - y.high) for i, y in enumerate(image)], 1)
    f_high = np.stack([up(middle[:, i] - y.low) for i, y in enumerate(image)], 1)
    value = (f_low + f_high) / 2
    f_radius = up(np.maximum(f_high - value, value - f_low))
    step = (c @ value[..., None])[..., 0]
    error = (size @ (f_radius + (d + 4) * 2.0**-52 * np.abs(value))[..., None])[..., 0]
    reach = up(np.maximum(high - middle, middle - low))
    spread = ((defect @ reach[..., None])[..., 0] + error) * _SLACK + _TINY
    center_low, center_high = down(middle - step), up(middle - step)
    return down(center_low - spread), up(center_high + spread)


def _inverses(m: Array) -> Array:
    """Approximate inverses, or the identity where there is none (any C is allowed)."""
    d = m.shape[-1]
    good = np.asarray(np.isfinite(m).all((1, 2)))
    good[good] = np.abs(np.linalg.det(m[good])) > _REGULAR * np.abs(m[good]).max((1, 2)) ** d
    out = np.broadcast_to(np.eye(d), m.shape).copy()
    out[good] = np.linalg.inv(m[good])
    out[~np.isfinite(out).all((1, 2))] = np.eye(d)
    return out


Balls = list[Any]
"""Coordinates as flint.arb."""


def hull(low: Any, high: Any) -> Balls:
    """Balls that contain the box with these ends (doubles)."""
    return [flint.arb(float(a)).union(flint.arb(float(b))) for a, b in zip(low, high, strict=True)]


def column(values: Balls) -> flint.arb_mat:
    """A vector of balls as a matrix of one column."""
    return flint.arb_mat(len(values), 1, values)


def square(rows: list[Balls]) -> flint.arb_mat:
    """Rows of balls as a matrix."""
    return flint.arb_mat(rows)


def identity_minus(jacobian: flint.arb_mat) -> flint.arb_mat:
    """I - J."""
    d = jacobian.nrows()
    return flint.arb_mat(d, d, [int(i == j) for i in range(d) for j in range(d)]) - jacobian


def ball_step(f: CertifiedMap, x: Balls) -> Balls | None:
    """K(X) in balls, with the midpoint of X and an inverse of the midpoint of F'(X).

    None if F'(X) is not finite or its midpoint is singular.
    """
    slope = identity_minus(square(f.jacobian(x)))
    if not all(entry.is_finite() for entry in slope.entries()):
        return None
    try:
        c = slope.mid().inv().mid()
    except ZeroDivisionError:
        return None
    middle = [xi.mid() for xi in x]
    value = column([m - y for m, y in zip(middle, f.image(middle), strict=True)])
    offset = column([xi - m for xi, m in zip(x, middle, strict=True)])
    return (column(middle) - c * value + identity_minus(c * slope) * offset).entries()


def inside(inner: Balls, outer: Balls) -> bool:
    """Whether `inner` lies in the interior of `outer`."""
    return all(o.contains_interior(i) for i, o in zip(inner, outer, strict=True))


def proved_ball(f: CertifiedMap, low: Any, high: Any, width: float = 1e-20) -> Balls | None:
    """The only fixed point in the box, in balls of radius about `width`.

    None if existence and uniqueness are not proved in the box.
    """
    with flint.ctx.workprec(PRECISION):
        x = hull(low, high)
        new = ball_step(f, x)
        if new is None or not inside(new, x):
            return None
        # every further step contains the same zero, whether or not it contracts
        x, radii, last = new, [float(xi.rad()) for xi in new], float("inf")
        while max(radii) > width and sum(radii) < last:
            step, last = ball_step(f, x), sum(radii)
            if step is None:
                break
            x = [xi.intersection(si) for xi, si in zip(x, step, strict=True)]
            radii = [float(xi.rad()) for xi in x]
        return x
