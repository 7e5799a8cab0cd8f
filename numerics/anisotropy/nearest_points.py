"""Nearest stable weights of scalar loops (R4): an exact projection, and what a local descent finds.

The weights (x, y) of a scalar loop are stable in the sets -2 < x y < 0 with internal recall,
|x (1 + y)| < 1 with external recall, and -2 < y < 0 without recall. Their boundaries are axes and
hyperbolas. Reflections and a scale carry the branch of a hyperbola that is next to a point outside
to p q = 1, p, q > 0, and the point to (p, q) with p q > 1; all that remains is one root of a
quartic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...support.errors import UsageError
from ...theory.architecture import Recall
from ..arrays import Array

BISECTIONS = 60
"""Halvings of the interval that encloses a root: its width falls below the rounding of its ends."""


class Hyperbola(NamedTuple):
    """The curved boundary |x (y + shift)| = scale^2 of a stable set."""

    scale: float
    shift: float


HYPERBOLAS = {Recall.INTERNAL: Hyperbola(math.sqrt(2), 0.0), Recall.EXTERNAL: Hyperbola(1.0, 1.0)}
"""The curved boundaries; there is none without recall."""

OnHyperbola = Callable[[Array, Array], Array]
"""From points (p, q), p q > 1, to t: the point (t, 1/t) of the hyperbola that each is sent to."""


def beyond_axes(recall: Recall, x: Array, y: Array) -> Array:
    """Which points lie beyond an axis, x y > 0, with internal recall; otherwise none."""
    return x * y > 0 if recall is Recall.INTERNAL else np.zeros(x.shape, bool)


def beyond_hyperbola(recall: Recall, x: Array, y: Array) -> Array:
    """Which points lie beyond the curved boundary, with internal or external recall."""
    return x * y < -2 if recall is Recall.INTERNAL else np.abs(x * (1 + y)) > 1


def nearest_stable(recall: Recall, x: Array, y: Array) -> tuple[Array, Array]:
    """The nearest points of the closed stable set, exact up to rounding.

    Every point beyond a curved boundary has exactly one critical point of the distance on its side
    of the diagonal, between 1 and its own larger coordinate in normal coordinates (R4, step
    descartes). On the cut locus, where two points are nearest, one of them is returned.

    Args:
        recall: how the input enters the loop; it selects the stable set.
        x: first weights, of any shape.
        y: second weights, of the same shape.

    Returns:
        The coordinates x and y of the nearest points, in that shape.

    Raises:
        UsageError: a point is not finite.

    Example:
        >>> import numpy as np
        >>> from loopstab import Recall
        >>> from loopstab.numerics.anisotropy.nearest_points import nearest_stable
        >>> x, y = nearest_stable(Recall.INTERNAL, np.array([3.0, 1.5]), np.array([1.0, -1.5]))
        >>> x.round(4), y.round(4)
        (array([3.    , 1.4142]), array([ 0.    , -1.4142]))
    """
    x, y = _finite(x), _finite(y)
    if recall is Recall.NONE:
        return x.copy(), np.clip(y, -2, 0)
    return _project(recall, x, y, _nearest)


def descend(recall: Recall, x: Array, y: Array) -> tuple[Array, Array]:
    """The points that a local minimiser finds, for internal or external recall.

    The minimiser writes the boundary curve over x and descends from the draw's own x; with internal
    recall it takes the nearer axis where that is closer. It is wrong exactly where the nearest
    point lies beyond another local minimum.

    Args:
        recall: internal or external.
        x: first weights, of any shape.
        y: second weights, of the same shape.

    Returns:
        The coordinates x and y of the points found, in that shape.

    Raises:
        UsageError: a point is not finite.
    """
    x, y = _finite(x), _finite(y)
    found_x, found_y = _project(recall, x, y, _descent)
    if recall is Recall.INTERNAL:
        on_curve = np.hypot(found_x - x, found_y - y)
        closer = (x * y < -2) & (on_curve > np.minimum(np.abs(x), np.abs(y)))
        axis_x, axis_y = _nearer_axis(x, y)
        found_x, found_y = np.where(closer, axis_x, found_x), np.where(closer, axis_y, found_y)
    return found_x, found_y


def _project(recall: Recall, x: Array, y: Array, on_hyperbola: OnHyperbola) -> tuple[Array, Array]:
    """Send points beyond an axis to the nearer one, points beyond the curve by `on_hyperbola`."""
    scale, shift = HYPERBOLAS[recall]
    near_x, near_y = x.copy(), y.copy()
    axis = beyond_axes(recall, x, y)
    near_x[axis], near_y[axis] = _nearer_axis(x[axis], y[axis])
    curve = beyond_hyperbola(recall, x, y)
    a, b = x[curve], y[curve] + shift
    t = on_hyperbola(np.abs(a) / scale, np.abs(b) / scale)
    near_x[curve] = np.sign(a) * scale * t
    near_y[curve] = np.sign(b) * scale / t - shift
    return near_x, near_y


def _nearer_axis(x: Array, y: Array) -> tuple[Array, Array]:
    keep_x = np.abs(x) >= np.abs(y)
    return np.where(keep_x, x, 0.0), np.where(keep_x, 0.0, y)


def _nearest(p: Array, q: Array) -> Array:
    """t of the nearest point (t, 1/t).

    With p >= q it is the root beyond 1 of t^4 - p t^3 + q t - 1; with q > p, p and q trade places.
    """
    swap = q > p
    large, small = np.where(swap, q, p), np.where(swap, p, q)
    t = _root(lambda t: ((t - large) * t * t + small) * t - 1, np.ones_like(large), large)
    return np.where(swap, 1 / t, t)


def _descent(p: Array, q: Array) -> Array:
    """t of the minimum that a descent from t = p runs into.

    It is the largest root of t^4 - p t^3 + q t - 1, which is p q - 1 > 0 at t = p. For p >= q that
    is the nearest point. For q > p it is another one if and only if the quartic is not positive at
    its largest critical point, which then lies beyond p/2, where the quartic is convex.
    """
    t = _nearest(p, q)
    # the derivative (4 t - 3 p) t^2 + q has a zero beyond p/2 where q < p^3/4
    critical = _root(lambda t: (4 * t - 3 * p) * t * t + q, p / 2, p)
    value = ((critical - p) * critical * critical + q) * critical - 1
    trapped = (q > p) & (q < p**3 / 4) & (critical > 1) & (value <= 0)
    largest = _root(lambda t: ((t - p) * t * t + q) * t - 1, critical, p)
    return np.where(trapped, largest, t)


def _root(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Bisection to the last bit, for f <= 0 at low and f > 0 at high."""
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = f(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def _finite(values: Array) -> Array:
    array = np.asarray(values, dtype=float)
    if not np.isfinite(array).all():
        raise UsageError("points must be finite: remove NaN and infinity first")
    return array
