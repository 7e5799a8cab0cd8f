"""Exact cases of L6: matrices around a cycle, and scalar polynomial loops h' = c(h) + b e."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from ...kernel.falsifier import Falsifier
from ...kernel.predicate import Predicate
from .quadratic_loop import matrix, unit
from .scalar_loop import Y, inside

_E = sp.Symbol("e")
STEP = sp.Rational(1, 64)
"""distance of the inputs whose limits are compared"""


@dataclass(frozen=True)
class CycleMatrices:
    """Jacobians J_1, ..., J_{2p-1} along an orbit, for the windows of p of them.

    Args:
        period: p.
        jacobians: the matrices, in the order of the orbit.
    """

    period: int
    jacobians: Any

    def products(self) -> list[Any]:
        """J_{i+p-1} ... J_i for i = 1, ..., p."""
        found = []
        for i in range(self.period):
            product = unit(len(self.jacobians[0]))
            for j in self.jacobians[i : i + self.period]:
                product = matrix(j) * product
            found.append(product)
        return found


def _returns(case: CycleMatrices) -> bool:
    p, given = case.period, [matrix(j) for j in case.jacobians]
    return all(given[i] == given[i + p] for i in range(len(given) - p))


def _spectra_differ(case: CycleMatrices) -> str | None:
    polynomials = [product.charpoly() for product in case.products()]
    if all(x == polynomials[0] for x in polynomials):
        return None
    return f"the characteristic polynomials are {', '.join(map(str, polynomials))}"


@dataclass(frozen=True)
class ScalarCycle:
    """The loop h' = c(h) + b e from h_0 = start + encoded e, and the points of a cycle at e = 0.

    Args:
        coefficients: of 1, h, h^2, ... in c.
        gain: b.
        points: h^1, ..., h^p.
        start: h_0 at e = 0.
        encoded: dh_0/de.
    """

    coefficients: tuple[Any, ...]
    gain: Any
    points: tuple[Any, ...]
    start: Any
    encoded: Any = 0

    @property
    def period(self) -> int:
        """The period p."""
        return len(self.points)

    @cached_property
    def returned(self) -> Any:
        """f^p(y, e), a polynomial in y and e."""
        total: Any = sp.Poly(Y, Y, _E, domain="QQ")
        for _ in range(self.period):
            value: Any = sp.Poly(0, Y, _E, domain="QQ")
            for x in self.coefficients[::-1]:
                value = value * total + sp.Rational(x)
            total = value + sp.Rational(self.gain) * sp.Poly(_E, Y, _E, domain="QQ")
        return total

    def at(self, e: Any) -> Any:
        """f^p(y, e) at one input."""
        return sp.Poly(self.returned.as_expr().subs(_E, e), Y, domain="QQ")

    def limit(self, e: Any, room: Any = 0) -> Any:
        """The limit of h_{pt} from the start at e; None where these methods find none.

        Every start within `room` of it has the same limit, unless f^p is the identity.
        """
        moved, start = self.at(e), sp.Rational(self.start) + sp.Rational(self.encoded) * e
        if (moved - sp.Poly(Y, Y, domain="QQ")).is_zero:
            return start
        for point in (moved - sp.Poly(Y, Y, domain="QQ")).ground_roots():
            around = moved.compose(sp.Poly(Y + point, Y, domain="QQ")) - point
            ratio, far = sp.quo(around, sp.Poly(Y, Y, domain="QQ")), abs(start - point) + room
            if all(inside(ratio, far, right) for right in (True, False)):
                return point
        return None

    def slopes(self) -> list[Any]:
        """J_i = c'(h^i) around the cycle."""
        slope = [i * sp.Rational(x) for i, x in enumerate(self.coefficients)][1:]
        return [sum(x * sp.Rational(h) ** i for i, x in enumerate(slope)) for h in self.points]


def _cycle(case: ScalarCycle) -> bool:
    points = [sp.Rational(h) for h in case.points]
    images = [sum(sp.Rational(x) * h**i for i, x in enumerate(case.coefficients)) for h in points]
    return images == [*points[1:], points[0]]


def _contractive(case: ScalarCycle) -> bool:
    return abs(sp.prod(case.slopes())) < 1


def _basin(case: ScalarCycle) -> bool:
    return case.limit(0) == sp.Rational(case.points[0])


def _moves_otherwise(case: ScalarCycle) -> str | None:
    """The derivative of the limit of h_{pt}, from the polynomial f^p, against the formula."""
    point = case.limit(0)
    if point is None:
        return "h_{pt} has no limit"
    by_h, by_e = (case.returned.diff(x).eval({Y: point, _E: 0}) for x in (Y, _E))
    if by_h == 1:
        return f"c = {case.coefficients}: the limit is not differentiable at e = 0"
    slopes = case.slopes()
    total = sum(sp.prod(slopes[j + 1 :]) * sp.Rational(case.gain) for j in range(case.period))
    true, formula = by_e / (1 - by_h), total / (1 - sp.prod(slopes))
    if true == formula:
        return None
    return f"c = {case.coefficients}: the limit {point} has the derivative {true}, not {formula}"


def _continuous(case: ScalarCycle) -> bool:
    room = abs(sp.Rational(case.encoded)) * STEP
    return case.limit(0, room) is not None


def _isolated(case: ScalarCycle) -> bool:
    return not (case.at(0) - sp.Poly(Y, Y, domain="QQ")).is_zero


def _limits_differ(case: ScalarCycle) -> str | None:
    limits = [case.limit(e) for e in (-STEP, sp.Integer(0), STEP)]
    if len(set(limits)) == 1:
        return None
    return f"c = {case.coefficients}: the limits at e = -1/64, 0, 1/64 are {limits}"


_ROTATED = ([[1, 2], [0, 1]], [[1, 0], [3, 1]])
# h^2 - 1 + e has the cycle 0, -1 with slopes 0, -2
_QUADRATIC = ScalarCycle((-1, 0, 1), 1, (0, -1), "1/8", 1)

SPECTRUM = Predicate(
    "spectrum",
    "The products J_{i+p-1} ... J_i have the same characteristic polynomial at every point of the"
    " cycle.",
    ("around", "same_spectrum"),
    {"cycle": _returns},
    _spectra_differ,
    lambda: CycleMatrices(2, (*_ROTATED, _ROTATED[0])),
)
MOTION = Predicate(
    "motion",
    "If h_{pt} -> h^1, the limit of h_{pt} is C^1 in the start and the input near (h_0, e_0), with"
    " derivative D_1 = (I - J_p ... J_1)^{-1} Sum_j J_p ... J_{j+1} K_j by the input.",
    ("limit_of_returns", "closes_up"),
    {"cycle": _cycle, "contractive": _contractive, "basin": _basin},
    _moves_otherwise,
    lambda: _QUADRATIC,
)
STILL = Predicate(
    "still",
    "Without recall the limit of h_{pt} is constant near every input where it is continuous, if the"
    " fixed points of f^p are isolated.",
    ("limit_is_fixed", "locally_constant"),
    {
        "autonomous": lambda case: case.gain == 0,
        "isolated": _isolated,
        "continuous_limit": _continuous,
    },
    _limits_differ,
    lambda: ScalarCycle((-1, 0, 1), 0, (0, -1), "1/8", 1),
)
PREDICATES = (SPECTRUM, MOTION, STILL)

FALSIFIERS = (
    Falsifier(
        "no_return", "cycle", SPECTRUM, lambda: CycleMatrices(2, (*_ROTATED, [[2, 0], [0, 1]]))
    ),
    # h^3 - 2 h has the cycle 1, -1 with slopes 1, 1, and it attracts
    Falsifier(
        "multiplier_one",
        "contractive",
        MOTION,
        lambda: ScalarCycle((0, -2, 0, 1), 1, (1, -1), "33/32"),
    ),
    Falsifier("the_other_phase", "basin", MOTION, lambda: ScalarCycle((-1, 0, 1), 1, (0, -1), -1)),
    Falsifier("recall", "autonomous", STILL, lambda: ScalarCycle((0, "1/2"), 1, (0,), 1)),
    # f^2 is the identity: every state has period 2
    Falsifier("reflection", "isolated", STILL, lambda: ScalarCycle((0, -1), 0, (1, -1), 1, 1)),
    # h - h (h^2 - 1)/4 at the border 0 of the basins of -1 and 1
    Falsifier(
        "between_two_basins",
        "continuous_limit",
        STILL,
        lambda: ScalarCycle((0, "5/4", 0, "-1/4"), 0, (0,), 0, 1),
    ),
)
"""One exact witness for each assumption."""
