"""N4 beyond eps = 0 and gain 1: the sensitivity at eps > 0, and with an elementwise gain."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from theory.algebra import Equation, Words, rational
from theory.formulas import formula
from theory.proof import Sentence, both
from theory.vectors import span


def letters(text: str) -> tuple[sp.Symbol, ...]:
    """Non-commuting symbols by their names."""
    return sp.symbols(text, commutative=False, seq=True)


def is_formula(bound: sp.Symbol, name: str, factor: sp.Symbol, *values: sp.Symbol) -> Any:
    """bound = formula(values) x factor, without denominators."""
    over, under = sp.fraction(sp.together(formula(name)(*values)))
    return sp.Eq(bound * under, over * factor)


def epsilon_inverse() -> list[Equation]:
    """The inverse of DN(z)."""
    d, eps, zz, zv, vv, s = sp.symbols("d epsilon zz zv vv s", positive=True)
    z, v = span("z v", {("z", "z"): zz, ("v", "z"): zv, ("v", "v"): vv})
    preimage = s * v + (s * zv / (d * eps)) * z
    image = (1 / s) * preimage - (z.dot(preimage) / (d * s**3)) * z
    return [Equation(image[n].subs(zz, d * (s**2 - eps)), v[n], (), lambda rng: _scale_above(rng, s, eps, d, zv)) for n in ("z", "v")]


def _scale_above(rng: random.Random, s: sp.Symbol, eps: sp.Symbol, *others: sp.Symbol) -> dict[sp.Symbol, Any]:
    root = rational(rng, positive=True)
    return {s: root, eps: root**2 * sp.Rational(rng.randint(1, 9), 10), **{x: rational(rng, positive=True) for x in others}}


def epsilon_norm() -> list[Sentence]:
    """Its smallest and largest stretch, squared."""
    across, along, m = sp.symbols("p q m")
    # s DN is 1 across z and eps/s^2 along it (N1), m its square; squared lengths of the two parts of v
    image, size = across + m * along, across + along
    return [Sentence((across >= 0, along >= 0, m <= 1), both(m * size <= image, image <= size))]


def epsilon_bounds() -> list[Sentence]:
    """Both bounds of the singular values of S."""
    x, y, v, s, n, k, b, eps, bound = sp.symbols("x y v s n k b e c")
    # y = |S x|, v = |(1 - J) S x| = |DN B x|
    upper = Sentence((s > 0, k < 1, v >= (1 - k) * y, s * v <= n * x, is_formula(bound, "sensitivity_upper", x, n, s, k)), y <= bound)
    given = (s > 0, 1 + k > 0, v <= (1 + k) * y, s**3 * v >= eps * b * x)
    lower = Sentence((*given, is_formula(bound, "sensitivity_lower_epsilon", x, b, s, eps, k)), y >= bound)
    return [upper, lower]


def epsilon_attained() -> list[Equation]:
    """Updates that attain them."""
    a, beta, s, eps = sp.symbols("a beta s epsilon", positive=True)
    radial, tangential = formula("rmsnorm_radial")(s, eps), formula("rmsnorm_tangential")(s)
    lower, upper = formula("sensitivity_lower_epsilon"), formula("sensitivity_upper")
    # D = -a along h, 0 across: |J| = a eps/s^3 and S = beta DN/(1 + a eps/s^3) along h; D = a across, 0 along: S = beta DN/(1 - a/s)
    return [
        Equation(lower(beta, s, eps, a * radial), beta * radial / (1 + a * radial)),
        Equation(upper(beta, s, a * tangential), beta * tangential / (1 - a * tangential)),
    ]


def epsilon_rank() -> list[Words]:
    """S is invertible."""
    norm, gap, recall = letters("N R B")  # N = DN invertible, R = I - J
    return [Words((gap**-1 * norm * recall) * (recall**-1 * norm**-1 * gap), sp.Integer(1))]


def gain() -> list[Words]:
    """Conjugation by the gain."""
    gamma, gap, norm, update, recall = letters("Gamma R N D B")  # R = I - J_k with J_k = N D Gamma, so N D = (1 - R) Gamma^{-1}
    unit = gap**-1 * norm * recall  # S_k
    derivative = (1 - gap) * gamma**-1  # N D
    return [
        Words(gamma * norm * update, gamma * (norm * update * gamma) * gamma**-1),
        Words((1 - gap) * unit + norm * recall, unit),
        Words(gamma * derivative * (gamma * unit) + gamma * norm * recall, gamma * unit),
    ]


def gain_range() -> list[Equation]:
    """The range of S with a gain."""
    equations = []
    for d in (1, 2, 3, 4):
        gains, state, v = (sp.symbols(f"{name}:{d}", seq=True) for name in ("g", "k", "v"))
        left = sum((g * k / g**2 * (g * x) for g, k, x in zip(gains, state, v, strict=True)), sp.Integer(0))
        equations.append(Equation(left, sum((k * x for k, x in zip(state, v, strict=True)), sp.Integer(0))))
    return equations


def gain_factors() -> list[Sentence]:
    """What the gain does to lengths, entry by entry."""
    g, v, low, high = sp.symbols("g v m M")
    return [Sentence((g**2 >= low**2, g**2 <= high**2), both(low**2 * v**2 <= (g * v) ** 2, (g * v) ** 2 <= high**2 * v**2))]
