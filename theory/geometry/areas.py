"""Steps of R4 on the areas of the stable sets in a box [-a, a]^2 and in the plane.

In the box they follow from the Leibniz rule on its edges; in the plane they are infinite.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Step
from ..kernel.proof import Sentence, both, decided, deduced, identity

A = sp.Symbol("a", positive=True)
"""half of the side of the box"""


def _pieces(name: str) -> list[sp.Expr]:
    expression: Any = formula(name)(A)
    return [piece for piece, _ in expression.args]


def _joined(left: sp.Expr, right: sp.Expr, at: sp.Expr) -> Equation:
    """The equation that two pieces have equal values where they meet."""

    def simpler_log(value: sp.Expr) -> sp.Expr:
        return sp.log(sp.radsimp(sp.expand(value)))

    gap: Any = (left - right).subs(A, at)
    return Equation(sp.expand(gap.replace(sp.log, simpler_log)), sp.Integer(0))


def _internal():
    x = sp.Symbol("x", positive=True)
    small, large = _pieces("internal_stable_area")
    # d(area)/da is the sum over the 4 edges of the box of the length 2/a (or a) of the stable set
    # along each; the pieces meet at a^2 = 2
    return [
        Equation(sp.diff(small, A), 4 * A),
        Equation(sp.diff(large, A), 4 * (2 / A)),
        _joined(small, large, sp.sqrt(2)),
        Equation(sp.diff(sp.integrate(2 / x, (x, 2 / A, A)), A), 4 / A),
    ]


def _none():
    small, large = _pieces("none_stable_area")
    # the edges x = +-a add min(a, 2) each, and the edge y = -a adds 2 a as long as a <= 2
    return [
        Equation(sp.diff(small, A), 2 * A + 2 * A),
        Equation(sp.diff(large, A), 2 * 2 + 0 * A),
        _joined(small, large, sp.Integer(2)),
    ]


def _external():
    small, middle, large = _pieces("external_stable_area")
    golden = (1 + sp.sqrt(5)) / 2
    # u = 1 + y runs over [1 - a, 1 + a]; on the edges x = +-a the set is |u| < 1/a, on the edges
    # u = 1 +- a it is |x| < min(a, 1/|u|)
    return [
        Equation(sp.diff(small, A), 2 * (2 * A) + 2 * A + 2 * A),
        Equation(sp.diff(middle, A), 2 * (1 / A - (1 - A)) + 2 / (1 + A) + 2 * A),
        Equation(sp.diff(large, A), 2 * (2 / A) + 2 / (1 + A) + 2 / (A - 1)),
        Equation(small.subs(A, 0), sp.Integer(0)),
        _joined(small, middle, golden - 1),
        _joined(middle, large, golden),
    ]


def _external_edges():
    a, u = sp.symbols("a u")
    return [
        Sentence((a > 0, a**2 + a <= 1, u >= 1 - a, u <= 1 + a), both(a * u <= 1, a * u > -1)),
        Sentence((a > 0, a**2 + a > 1, sp.Eq(u, 1 + a)), a * u > 1),
        Sentence((a > 0, a**2 - a <= 1, u >= 1 - a), a * u >= -1),
        Sentence((a > 0, a**2 - a > 1, sp.Eq(u, 1 - a)), a * u < -1),
    ]


AREA_STEPS: tuple[Step, ...] = (
    identity(
        "box_area",
        "the area of -2 < x y < 0 in [-a, a]^2 is 2 a^2 for a^2 <= 2 and 4 + 4 ln(a^2/2) above"
        " (Leibniz rule: equal derivative, equal value at a^2 = 2)",
        "d = 1",
        _internal,
        ("stable_sets", "centred"),
    ),
    identity(
        "box_area_none",
        "that of -2 < y < 0 is 2 a^2 for a <= 2 and 4 a above",
        "d = 1",
        _none,
        ("stable_sets", "centred"),
    ),
    decided(
        "external_edges",
        "along the edges x = +-a the external set is all of [1 - a, 1 + a] iff a^2 + a <= 1, and"
        " leaves out an end below iff a^2 - a > 1",
        "d = 1",
        _external_edges,
        ("stable_sets",),
    ),
    identity(
        "box_area_external",
        "that of |(1 + y) x| < 1 is 4 a^2, 2 - 2a + 2a^2 + 2 ln(a(a+1)), 4 + 2 ln(a^2 (a^2 - 1)),"
        " with ends at a^2 + a = 1, a^2 - a = 1",
        "d = 1",
        _external,
        ("external_edges", "centred"),
    ),
    deduced(
        "infinite_area",
        "all three are unbounded in a: 8 ln a to leading order (internal, external; in the limit"
        " the external one is larger by 4 ln 2), 4 a (none): infinite area",
        "d = 1",
        ("box_area", "box_area_none", "box_area_external"),
    ),
)
