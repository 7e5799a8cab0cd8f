"""Exact cases of L1: scalar loops h' = c(h) + b e, where c is one polynomial on each side of 0.

The fixed point is h* = 0 at e = 0. Whether an orbit reaches a fixed point is decided by Sturm
sequences, without iterating.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate

Y = sp.Symbol("y")
"""the distance from a fixed point, with its sign"""


@dataclass(frozen=True)
class ScalarLoop:
    """The loop h' = c(h) + b e from h_0 = start.

    Args:
        left: coefficients of y, y^2, ... in c(y) for y < 0.
        right: the same for y > 0; c(0) = 0.
        gain: b.
        start: h_0.
    """

    left: tuple[Any, ...]
    right: tuple[Any, ...]
    gain: Any
    start: Any

    def piece(self, right: bool) -> Any:
        """c on one side, as a polynomial in y."""
        coefficients = [sp.Rational(x) for x in (self.right if right else self.left)]
        return sp.Poly([*coefficients[::-1], 0], Y, domain="QQ")

    def fixed_points(self) -> list[Any]:
        """The rational fixed points at e = 0, with 0 first."""
        found: list[Any] = [sp.Integer(0)]
        for right in (True, False):
            roots = (self.piece(right) - sp.Poly(Y, Y, domain="QQ")).ground_roots()
            found += [x for x in roots if (x > 0 if right else x < 0)]
        return found

    def near(self, point: Any, right: bool) -> Any:
        """(c(point + y) - point)/y, on the side right or left of the point, for its piece."""
        piece = self.piece(point > 0 or (point == 0 and right))
        moved = piece.compose(sp.Poly(Y + point, Y, domain="QQ")) - point
        return sp.quo(moved, sp.Poly(Y, Y, domain="QQ"))

    def reaches(self, point: Any) -> bool:
        """Whether |c(h) - point| < |h - point| for all 0 < |h - point| <= |start - point|.

        Then the orbit of the start converges to the point.
        """
        far = abs(sp.Rational(self.start) - point)
        if point != 0 and far >= abs(point):
            return False  # the interval would meet the other piece
        return all(inside(self.near(point, right), far, right) for right in (True, False))


def inside(ratio: Any, far: Any, right: bool) -> bool:
    """Whether |ratio(y)| < 1 for 0 < y <= far, or for -far <= y < 0, by a Sturm sequence."""
    if far == 0:
        return True
    gap: Any = 1 - ratio**2
    if not right:
        gap = gap.compose(sp.Poly(-Y, Y, domain="QQ"))
    gap = sp.Poly(gap, Y, domain="QQ")
    while not gap.is_zero and gap.eval(0) == 0:
        gap = sp.quo(gap, sp.Poly(Y, Y, domain="QQ"))
    return not gap.is_zero and gap.eval(far) > 0 and gap.count_roots(0, far) == 0


def _differentiable(case: ScalarLoop) -> bool:
    return sp.Rational(case.left[0]) == sp.Rational(case.right[0])


def _contractive(case: ScalarLoop) -> bool:
    return all(abs(sp.Rational(side[0])) < 1 for side in (case.left, case.right))


def _basin(case: ScalarLoop) -> bool:
    return case.reaches(sp.Integer(0))


def _slopes(case: ScalarLoop) -> list[Any] | None:
    """The one-sided derivatives of the limit by e at e = 0; None where one is infinite.

    The limit h(e) near a fixed point p of c solves h - c(h) = b e, so y/(y - (c(p + y) - p)) tends
    to its derivative divided by b.
    """
    point = next((x for x in case.fixed_points() if case.reaches(x)), None)
    if point is None:
        return None
    ratios = [case.near(point, right).eval(0) for right in (True, False)]
    gain = sp.Rational(case.gain)
    return None if gain != 0 and 1 in ratios else [gain / (1 - x) for x in ratios]


def _not_smooth(case: ScalarLoop) -> str | None:
    slopes = _slopes(case)
    text = f"c = {case.right} for h > 0, {case.left} for h < 0, h_0 = {case.start}"
    if slopes is None:
        return f"{text}: the limit is not differentiable at e = 0"
    jacobian = sp.Rational(case.right[0])
    wanted = sp.Rational(case.gain) / (1 - jacobian)
    if slopes == [wanted, wanted]:
        return None
    return f"{text}: the limit has the slopes {slopes[1]} and {slopes[0]}, and S = {wanted}"


def _still(case: ScalarLoop) -> str | None:
    slopes = _slopes(case)
    return None if slopes is None or all(slopes) else "the limit has derivative 0 in the input"


_SMOOTH_LOOP = ScalarLoop(("1/2", "1/8"), ("1/2", "1/8"), "3", "1")

LIMIT = Predicate(
    "limit",
    "If the orbit of h_0 at e_0 converges to h*, then near e_0 the orbits of starts near h_0"
    " converge too, and their limit h_inf(e) is C^1 with D h_inf(e_0) = S.",
    ("fixed_point_moves", "limit_is_smooth"),
    {"differentiable": _differentiable, "contractive": _contractive, "basin": _basin},
    _not_smooth,
    lambda: _SMOOTH_LOOP,
)
DEPENDENCE = Predicate(
    "dependence",
    "If K != 0 as well, D h_inf(e_0) != 0: the limit depends strongly on the input.",
    ("limit_is_smooth", "rank"),
    {
        "differentiable": _differentiable,
        "contractive": _contractive,
        "basin": _basin,
        "recall": lambda case: sp.Rational(case.gain) != 0,
    },
    _still,
    lambda: _SMOOTH_LOOP,
)
PREDICATES = (LIMIT, DEPENDENCE)

FALSIFIERS = (
    Falsifier("corner", "differentiable", LIMIT, lambda: ScalarLoop(("1/2",), ("1/4",), 1, 1)),
    # h' = h - h^3 + e: the limit is the cube root of e
    Falsifier(
        "cube_root", "contractive", LIMIT, lambda: ScalarLoop((1, 0, -1), (1, 0, -1), 1, "1/2")
    ),
    # h' = h - h (h - 1)(h - 3)/8 has the attracting fixed points 0 and 3
    Falsifier(
        "another_basin",
        "basin",
        LIMIT,
        lambda: ScalarLoop(*[("5/8", "1/2", "-1/8")] * 2, gain=1, start="7/2"),
    ),
    Falsifier("no_recall", "recall", DEPENDENCE, lambda: ScalarLoop(("1/2",), ("1/2",), 0, 1)),
)
"""One exact witness for each assumption of the smooth limit."""
