"""Steps of N4 beyond eps = 0 and gain 1: S at eps > 0, and S with an elementwise gain."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters, rational
from ..kernel.proof import Sentence, both, decided, identity
from ..kernel.vectors import span


def is_formula(bound: sp.Symbol, name: str, factor: sp.Symbol, *values: sp.Symbol) -> Any:
    """The equation bound = formula(values) factor, without denominators."""
    over, under = sp.fraction(sp.together(formula(name)(*values)))
    return sp.Eq(bound * under, over * factor)


def _epsilon_inverse():
    d, eps, zz, zv, vv, s = sp.symbols("d epsilon zz zv vv s", positive=True)
    z, v = span("z v", {("z", "z"): zz, ("v", "z"): zv, ("v", "v"): vv})
    preimage = s * v + (s * zv / (d * eps)) * z
    image = (1 / s) * preimage - (z.dot(preimage) / (d * s**3)) * z
    found = image.map(lambda x: x.subs(zz, d * (s**2 - eps)))

    def point(rng: random.Random) -> dict[sp.Symbol, Any]:
        return _scale_above(rng, s, eps, d, zv)

    return [Equation(found[n], v[n], (), point) for n in ("z", "v")]


def _scale_above(
    rng: random.Random, s: sp.Symbol, eps: sp.Symbol, *others: sp.Symbol
) -> dict[sp.Symbol, Any]:
    """Random values with eps < s^2, and positive values of the other symbols."""
    root = rational(rng, positive=True)
    values = {s: root, eps: root**2 * sp.Rational(rng.randint(1, 9), 10)}
    return values | {x: rational(rng, positive=True) for x in others}


def _epsilon_norm():
    across, along, m = sp.symbols("p q m")
    # by N1 s DN is 1 across z and eps/s^2 along it, the square of which is m; p and q are the
    # squared lengths of the two parts of v
    image, size = across + m * along, across + along
    return [Sentence((across >= 0, along >= 0, m <= 1), both(m * size <= image, image <= size))]


def _epsilon_bounds():
    x, y, v, s, n, k, b, eps, bound = sp.symbols("x y v s n k b e c")
    # y = |S x|, v = |(1 - J) S x| = |DN B x|
    is_upper = is_formula(bound, "sensitivity_upper", x, n, s, k)
    is_lower = is_formula(bound, "sensitivity_lower_epsilon", x, b, s, eps, k)
    given = (s > 0, 1 + k > 0, v <= (1 + k) * y, s**3 * v >= eps * b * x)
    return [
        Sentence((s > 0, k < 1, v >= (1 - k) * y, s * v <= n * x, is_upper), y <= bound),
        Sentence((*given, is_lower), y >= bound),
    ]


def _epsilon_attained():
    a, beta, s, eps = sp.symbols("a beta s epsilon", positive=True)
    radial, tangential = formula("rmsnorm_radial")(s, eps), formula("rmsnorm_tangential")(s)
    lower, upper = formula("sensitivity_lower_epsilon"), formula("sensitivity_upper")
    # D = -a along h and 0 across it: |J| = a eps/s^3, and S = beta DN/(1 + a eps/s^3) along h;
    # D = a across h and 0 along it: S = beta DN/(1 - a/s) across h
    return [
        Equation(lower(beta, s, eps, a * radial), beta * radial / (1 + a * radial)),
        Equation(upper(beta, s, a * tangential), beta * tangential / (1 - a * tangential)),
    ]


def _epsilon_rank():
    norm, gap, recall = letters("N R B")  # N = DN is invertible, R = I - J
    return [Words((gap**-1 * norm * recall) * (recall**-1 * norm**-1 * gap), sp.Integer(1))]


def gain() -> list[Words]:
    """J and S in the coordinate h = Gamma k, for the solution of S = J S + K."""
    # R = I - J_k with J_k = N D Gamma, so N D = (1 - R) Gamma^{-1}
    gamma, gap, norm, update, recall = letters("Gamma R N D B")
    unit = gap**-1 * norm * recall  # S_k
    derivative = (1 - gap) * gamma**-1  # N D
    return [
        Words(gamma * norm * update, gamma * (norm * update * gamma) * gamma**-1),
        Words((1 - gap) * unit + norm * recall, unit),
        Words(gamma * derivative * (gamma * unit) + gamma * norm * recall, gamma * unit),
    ]


def _gain_range():
    # k is a row; h* = Gamma k*, so the row of Gamma^{-2} h* is k Gamma Gamma^{-2} = k Gamma^{-1}
    gamma, state, v = letters("Gamma k v")
    return [Words(state * gamma * gamma**-2 * (gamma * v), state * v)]


def _gain_factors():
    g, v, low, high = sp.symbols("g v m M")
    image = (g * v) ** 2
    bounded = both(low**2 * v**2 <= image, image <= high**2 * v**2)
    return [Sentence((g**2 >= low**2, g**2 <= high**2), bounded)]


VARIANT_STEPS = (
    identity(
        "epsilon_inverse",
        "eps > 0: DN(z)^{-1} v = s(v + z<z, v>/(d eps)), s^2 = mean z^2 + eps",
        "every d",
        _epsilon_inverse,
        ("gain_one", "eps_positive"),
    ),
    identity(
        "epsilon_rank",
        "eps > 0: S = (I - J)^{-1} DN B is invertible, rank d per token",
        "every d, every L",
        _epsilon_rank,
        ("epsilon_inverse", "recall_invertible", "small"),
    ),
    decided(
        "epsilon_norm",
        "(eps/s^3)|v| <= |DN v| <= |v|/s, as eps <= s^2",
        "every d",
        _epsilon_norm,
        ("gain_one",),
    ),
    decided(
        "epsilon_bounds",
        "eps > 0, k = |J|_2 <= kappa: eps sigma_min(B)/(s^3 (1+k)) <= sigma_d(S), sigma_1(S) <="
        " |B|/(s(1-k))",
        "every d",
        _epsilon_bounds,
        ("epsilon_norm", "triangle", "epsilon_rank"),
    ),
    identity(
        "epsilon_bounds_attained",
        "the lower one by D_h G = -a on span(h), 0 across; the upper one by D_h G = a across, 0"
        " along h",
        "every d >= 2",
        _epsilon_attained,
        ("epsilon_bounds",),
    ),
    identity(
        "gain",
        "gain Gamma = diag(gamma) without zeros, h = Gamma k: J_h = Gamma J_k Gamma^{-1}, S_h ="
        " Gamma S_k",
        "every d, every L",
        gain,
        ("resolvent",),
    ),
    identity(
        "gain_range",
        "<Gamma^{-2} h*, Gamma v> = <k*, v>: range S_h = (Gamma^{-2} h*)^perp",
        "every d",
        _gain_range,
        ("gain",),
    ),
    decided(
        "gain_factors",
        "min|gamma| |v_i| <= |gamma_i v_i| <= max|gamma| |v_i|: the bounds hold with the factors"
        " min|gamma| and max|gamma|",
        "every d",
        _gain_factors,
        ("gain",),
    ),
)
