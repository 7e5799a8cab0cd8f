"""Steps of A4: loops that reach an expanding fixed point because one hypothesis fails."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..kernel.algebra import Equation
from ..kernel.proof import identity


def _on_a_kink():
    half, kept = sp.Rational(1, 2), sp.Rational(3, 4)
    x: Any = sp.Symbol("x")
    right, left = sp.Matrix([[-1, 1], [1, half]]), sp.Matrix([[half, 1], [half, half]])
    ray = sp.Matrix([4, 1])
    turned, returned = right * ray, left * right * ray
    return [
        *(Equation(right[i, 1], left[i, 1]) for i in range(2)),  # continuous across the kink
        Equation(right.charpoly(x).as_expr(), (x - 1) * (x + 3 * half)),
        Equation(left.charpoly(x).as_expr(), (x - half) ** 2 - half),
        Equation(turned[0], -3),
        *(Equation(returned[i], kept * ray[i]) for i in range(2)),
        Equation((left * right).charpoly(x).as_expr(), (x - kept) * (x - half)),
    ]


def _following_start():
    m, e = sp.symbols("m e")
    return [Equation(m * e + (1 - m) * e, e)]


def _plateau():
    h = sp.Symbol("h")

    def step(first: int, second: int) -> sp.Expr:
        return 2 * h - 4 * first * (h - 1) + 2 * second * (h - 2)  # with the active units

    return [
        Equation(step(0, 0), 2 * h),
        Equation(step(1, 0), 4 - 2 * h),
        Equation(step(1, 1) + h, h),
    ]


def _line_encoder():
    e, half, two, t = sp.symbols("e a b t")
    state = sp.Matrix([e, 0])
    loop = sp.diag(sp.Rational(1, 2), 2)
    return [
        *(Equation((loop**n * state)[0], e / 2**n) for n in (1, 2, 5)),
        Equation((loop * sp.Matrix([half, two]))[1], 2 * two),
        Equation((loop * state)[1] + t, t),
    ]


EXAMPLES = (
    identity(
        "plateau",
        "det Df != 0 almost everywhere is needed: 2h - 4 relu(h - 1) + 2 relu(h - 2) is 2h up to 1,"
        " 4 - 2h up to 2 and 0 from there: it doubles near 0 and sends all h >= 2 to 0",
        "d = 1",
        _plateau,
    ),
    identity(
        "on_a_kink",
        "the fixed point must lie off the kinks: [[-1, 1], [1, 1/2]] where x > 0 and [[1/2, 1],"
        " [1/2, 1/2]] where x < 0 have rho = 3/2 and (1 + sqrt 2)/2, but together they map the ray"
        " of (4, 1) into itself, with the eigenvalues 3/4 and 1/2: an open set converges to 0",
        "d = 2",
        _on_a_kink,
    ),
    identity(
        "following_start",
        "a start that depends on e may reach one for every e: h' = m h + (1 - m) e stays at h_0 ="
        " e, whatever m",
        "d = 1",
        _following_start,
    ),
    identity(
        "line_of_inputs",
        "the encoder is needed: h' = diag(1/2, 2)h from h_0 = (e, 0) gives (e/2^t, 0): every input"
        " converges to the expanding fixed point",
        "d = 2",
        _line_encoder,
    ),
)
