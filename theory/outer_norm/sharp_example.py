"""Steps of N3 that show its bound is sharp, by the example A = -a I.

It has a stable fixed point iff beta > 2 a, and attracting 2-cycles below.
"""

from __future__ import annotations

import random

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.proof import Sentence, both, decided, identity
from ..kernel.vectors import Span, span

A, BETA, RADIUS = sp.symbols("a beta R", positive=True)


def _pair(cosine: sp.Expr) -> tuple[Span, Span]:
    """State h and input e on the sphere of radius R, with that cosine of their angle."""
    square = RADIUS**2
    h, e = span("h e", {("h", "h"): square, ("e", "h"): square * cosine, ("e", "e"): square})
    return h, e


def sharp_fixed_point() -> list[Equation]:
    """N(-a e + beta e) = e, its multiplier across e, and kappa."""
    _, e = _pair(sp.Integer(1))
    gap = sp.Symbol("g", positive=True)  # beta = a + g
    z = (-A) * e + (A + gap) * e
    tangential = formula("rmsnorm_tangential")(gap)  # s = |z|/R = g
    bound = formula("contraction_constant")
    value = bound(RADIUS**2, A, gap * RADIUS, 0)
    return [
        Equation(z["e"], gap),
        Equation((RADIUS / (gap * RADIUS)) * z["e"], sp.Integer(1)),
        Equation(-A * tangential, -A / gap),
        Equation(value, A / gap),
    ]


def sharp_threshold() -> list[Sentence]:
    """When the multiplier is below 1 in modulus, and when there is a fixed point."""
    a, beta, s, m = sp.symbols("a b s m")
    multiplier = (a > 0, beta > a, sp.Eq(m * (beta - a), -a))
    # a fixed point h is parallel to e: (s + a) h = beta e, so (s + a)^2 = beta^2 with s > 0
    fixed = (a > 0, beta > 0, s > 0, sp.Eq((s + a) ** 2, beta**2))
    return [
        Sentence(multiplier, sp.Equivalent(m**2 < 1, beta > 2 * a)),
        Sentence(fixed, both(beta > a, sp.Eq(s, beta - a))),
    ]


def two_cycle() -> list[Equation]:
    """States with cos(h, e) = beta/(2 a) return after two steps."""
    h, e = _pair(BETA / (2 * A))
    z = (-A) * h + BETA * e
    image = (1 / A) * z  # |z| = a R, so N(z) = z/a
    back = (1 / A) * ((-A) * image + BETA * e)
    return [
        Equation(z.dot(z), A**2 * RADIUS**2),
        Equation(image.dot(e), RADIUS**2 * BETA / (2 * A)),
        Equation(back["h"], sp.Integer(1)),
        Equation(back["e"], sp.Integer(0)),
    ]


def _circle(rng: random.Random):
    """Random values with a rational cosine and sine of the angle, and beta = 2 a cos."""
    c, s = sp.symbols("c s")
    q = sp.Rational(rng.randint(1, 9), 10)
    a = rational(rng, positive=True)
    c_value = (1 - q**2) / (1 + q**2)
    return {c: c_value, s: 2 * q / (1 + q**2), A: a, BETA: 2 * a * c_value}


def _multipliers():
    c, s = sp.symbols("c s")  # the cosine and sine of the angle between h and e
    x, y = BETA - A * c, -A * s  # z in the plane of h and e
    dx, dy = A * s, -A * c
    one_step = (x * dy - y * dx) / (x**2 + y**2)  # the derivative of the angle of z
    relations = (c**2 + s**2 - 1, BETA - 2 * A * c)
    plane, cross = span("h v", {("h", "h"): RADIUS**2, ("h", "v"): 0, ("v", "v"): 1})
    across = (1 / A) * (-A) * cross  # the tangential factor R/|z| = 1/a acts on -a v
    return [
        Equation(one_step, 1 - BETA**2 / (2 * A**2), relations, _circle),
        Equation(((1 / A) * (-A) * across)["v"], sp.Integer(1)),
        Equation(plane.dot(cross), sp.Integer(0)),
    ]


def _cycle_stable():
    a, beta, m = sp.symbols("a b m")
    return [Sentence((beta > 0, beta < 2 * a, sp.Eq(2 * a**2 * m, 2 * a**2 - beta**2)), m**2 < 1)]


SHARP_STEPS = (
    identity(
        "sharp_fixed_point",
        "A = -a I, beta > a: h = e is fixed, its multiplier across e is -a/(beta - a), and kappa ="
        " a/(beta - a): the bound is attained",
        "every d >= 2",
        sharp_fixed_point,
        ("affine_update", "plane"),
    ),
    decided(
        "sharp_threshold",
        "that point is stable iff beta > 2 a; for beta <= a there is no fixed point at all",
        "every d >= 2",
        sharp_threshold,
        ("sharp_fixed_point",),
    ),
    identity(
        "two_cycle",
        "beta < 2 a: states at cos(h, e) = beta/(2a) have |z| = a R and period two",
        "every d >= 2",
        two_cycle,
        ("sharp_threshold", "below"),
    ),
    identity(
        "cycle_multipliers",
        "in the plane of h and e one step multiplies by 1 - beta^2/2a^2, so two by its square;"
        " across it two steps multiply by 1 (a (d-2)-sphere of cycles)",
        "every d >= 2",
        _multipliers,
        ("two_cycle",),
    ),
    decided(
        "cycle_attracts",
        "0 < beta < 2 a: |1 - beta^2/2a^2| < 1, so the family of cycles attracts in the plane",
        "every d >= 2",
        _cycle_stable,
        ("cycle_multipliers",),
    ),
)
