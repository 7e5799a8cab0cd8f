"""Steps of A2 with worked examples: maps whose exceptional parameters are all known."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..kernel.algebra import Equation, rational
from ..kernel.proof import Sentence, both, cited, decided, identity


def _relu():
    a, b, h, k = sp.symbols("a b h k")
    # on one side of the kink the loop is h' = b + a h
    h_fixed, k_fixed = (sp.Eq(x, b + a * x) for x in (h, k))
    alone = both(sp.Ne(h, 0), sp.Ne(a, 1), sp.Eq((1 - a) * h, b))
    return [
        Sentence((sp.Ne(b, 0), h_fixed), alone),
        Sentence((h_fixed, k_fixed, sp.Ne(h, k)), both(sp.Eq(a, 1), sp.Eq(b, 0))),
    ]


def _cubic(h: sp.Expr, p: sp.Expr, q: sp.Expr) -> sp.Expr:
    """h - f(h) of the worked loop f(h) = h - (h^3 + p h + q)."""
    return h**3 + p * h + q


def _discriminant(p: sp.Expr, q: sp.Expr) -> sp.Expr:
    return 4 * p**3 + 27 * q**2


def _resultant():
    h, p, q = sp.symbols("h p q")
    value = _cubic(h, p, q)
    slope = sp.diff(value, h)
    combination = (27 * q - 18 * p * h) * value + (6 * p * h**2 - 9 * q * h + 4 * p**2) * slope
    double_root = (-3 * h**2, 2 * h**3)  # the parameters with a double root at h
    return [
        Equation(combination, _discriminant(p, q)),
        Equation(_discriminant(*double_root) + _cubic(h, *double_root) + q, q),
    ]


def _cubic_exceptions():
    h, p, q = sp.symbols("h p q")
    slope = 3 * h**2 + p
    degenerate = both(sp.Eq(_cubic(h, p, q), 0), sp.Eq(slope, 0))
    exceptional = sp.Eq(_discriminant(p, q), 0)
    return [
        Sentence((degenerate,), exceptional),
        Sentence((exceptional, sp.Eq(2 * p * h, -3 * q), sp.Ne(p, 0)), degenerate),
    ]


def _cubic_pair():
    h, k, p, q = sp.symbols("h k p q")
    zeros = (sp.Eq(_cubic(h, p, q), 0), sp.Eq(_cubic(k, p, q), 0))
    parameters = both(sp.Eq(p, -(h**2) - h * k - k**2), sp.Eq(q, h * k * (h + k)))
    return [Sentence((*zeros, sp.Ne(h, k)), parameters)]


def _cubic_count():
    h, k, x = sp.symbols("h k x")
    p, q = -(h**2) - h * k - k**2, h * k * (h + k)
    return [
        Equation(_cubic(x, p, q), (x - h) * (x - k) * (x + h + k)),
        Equation(_discriminant(p, q), -((h - k) ** 2) * (2 * h + k) ** 2 * (h + 2 * k) ** 2),
    ]


def _fold_curve() -> tuple[Any, tuple[sp.Symbol, ...]]:
    """The discriminant in x of x = (x^2 + b)^2 + a, and the symbols x, a, b.

    Its roots are the fixed points of (x, y) -> (y^2 + a, x^2 + b).
    """
    x, a, b = sp.symbols("x a b")
    return sp.discriminant((x**2 + b) ** 2 + a - x, x), (x, a, b)


def _fold_point(rng: random.Random):
    x, y, a, b = sp.symbols("x y a b")
    value = rational(rng)
    other = 1 / (4 * value)
    return {x: value, y: other, a: value - other**2, b: other - value**2}


def _planar():
    curve, (x, a, b) = _fold_curve()
    y = sp.Symbol("y")
    f = sp.Matrix([y**2 + a, x**2 + b])
    jacobian = (sp.eye(2) - f.jacobian([x, y])).det()
    degenerate = (f[0] - x, f[1] - y, jacobian)
    return [
        Equation(jacobian, 1 - 4 * x * y),
        Equation(curve + x, x, degenerate, _fold_point),
        Equation(curve.subs({a: 0, b: 0}), -27),
        Equation(curve, 256 * a**3 + 256 * b**3 + 256 * a**2 * b**2 + 288 * a * b - 27),
    ]


STEPS = (
    decided(
        "relu_worked",
        "h' = b + a max(h,0) + c min(h,0): for b != 0 no fixed point is on the kink and none is"
        " degenerate; two on one side force slope 1 there and b = 0, a ray of them: the exceptional"
        " set is {b = 0}",
        "d = 1",
        _relu,
    ),
    identity(
        "cubic_resultant",
        "f(h) = h - (h^3 + p h + q): a combination of h - f and 1 - f' equals 4p^3 + 27q^2; it"
        " vanishes on (p, q) = (-3r^2, 2r^3), where r is a double fixed point",
        "d = 1",
        _resultant,
    ),
    decided(
        "cubic_exceptions",
        "a degenerate fixed point exists iff 4p^3 + 27q^2 = 0: it is h = -3q/2p (p = 0 forces q ="
        " 0, and h = 0)",
        "d = 1",
        _cubic_exceptions,
        ("cubic_resultant",),
    ),
    decided(
        "cubic_pair",
        "two different fixed points h, k determine the parameters: p = -(h^2 + h k + k^2), q = h k"
        " (h + k)",
        "d = 1",
        _cubic_pair,
    ),
    identity(
        "cubic_count",
        "the third is then -h - k, and 4p^3 + 27q^2 = -(h - k)^2 (2h + k)^2 (h + 2k)^2: one fixed"
        " point if positive, three if negative",
        "d = 1",
        _cubic_count,
        ("cubic_pair",),
    ),
    identity(
        "planar_exceptions",
        "(x, y) -> (y^2 + a, x^2 + b): a degenerate fixed point (4xy = 1) forces 256(a^3 + b^3 +"
        " a^2 b^2) + 288ab = 27",
        "d = 2",
        _planar,
    ),
    cited(
        "cubic_exceptions_are_null",
        "analytic_zero_set",
        "the curve 4p^3 + 27q^2 = 0 of parameters is a null set",
        "d = 1",
        {"analytic": ("cubic_exceptions",), "nonzero": ("cubic_resultant",)},
    ),
    cited(
        "planar_exceptions_are_null",
        "analytic_zero_set",
        "so is the curve of parameters of the planar map, whose polynomial is -27 at 0",
        "d = 2",
        {"analytic": ("planar_exceptions",), "nonzero": ("planar_exceptions",)},
    ),
)
