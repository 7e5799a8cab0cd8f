"""Steps of M5 about the Kreiss constant, with two families for which everything is exact.

The constant is K(J) = sup over |z| > 1 of (|z| - 1)|(z - J)^{-1}|_2.
"""

from __future__ import annotations

import random
from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, fmpq, letters, random_matrix, rational
from ..kernel.proof import Bound, Sentence


def geometric_sum() -> list[Equation]:
    """(x - 1) Sum_{k<t} x^{-k-1} = 1 - x^{-t}, with p = x^{-t}: t = 1, and from t to t + 1."""
    x, p = sp.symbols("x p", positive=True)
    return [Equation((x - 1) / x, 1 - 1 / x), Equation((1 - p) + (x - 1) * (p / x), 1 - p / x)]


def below_powers() -> list[Sentence]:
    """K <= sup |J^t|, from the Neumann series."""
    x, top, power, total, size, bound = sp.symbols("x C p S r b")
    # |z| = x, power = x^{-t}, total = Sum_{k<t} x^{-k-1}, C = sup |J^t| >= 1, and
    # size = |(z - J)^{-1}| <= C total + power C size
    partial = (sp.Eq((x - 1) * total, 1 - power), size <= top * total + power * top * size)
    is_bound = sp.Eq(bound * (x - 1) * (1 - top * power), top * (1 - power))
    return [Sentence((x > 1, top * power < 1, *partial, is_bound), size <= bound)]


def _peak(k: int) -> Any:
    """The maximum k^k/(k+1)^{k+1} of (x - 1)/x^{k+1} over x >= 1."""
    return sp.Rational(k**k, (k + 1) ** (k + 1))


def _shift_model(rng: random.Random, size: int):
    """The sum of one term: S = 1/z, Pi = J/z."""
    j, total, power = letters("J S Pi")
    z, m = rational(rng), random_matrix(rng, size)
    scaled = diagonal([1 / z] * size)
    return {j: m, total: scaled, power: scaled * m, sp.Symbol("z"): z}


def shift() -> list[Words]:
    """(z - J) S = 1 - Pi for S = Sum_{j<k} J^j/z^{j+1} and Pi = J^k/z^k: from k to k + 1."""
    j, total, power = letters("J S Pi")
    z = sp.Symbol("z")
    rules = (((j, total), z * total - 1 + power),)
    return [Words((z - j) * (total + power / z), 1 - j * power / z, rules, _shift_model)]


def shift_maximum() -> list[Equation]:
    """The maximum of (x - 1)/x^{k+1} lies at x = (k+1)/k: its derivative and its value.

    `power` stands for x^{-k-1}; at the maximum it is k^{k+1}/(k+1)^{k+1} = a k/b.
    """
    x, k, power, a, b = sp.symbols("x k L a b", positive=True)
    derivative = power + (x - 1) * (-(k + 1) * power / x)
    return [
        Equation(derivative, (k + 1 - k * x) * power / x),
        Equation(((k + 1) / k - 1) * (a * k / b), a / b),
    ]


def shift_peak() -> list[Sentence]:
    """The same maximum as a polynomial inequality, and the ratio at d = 2."""
    x, c, kreiss, gap = sp.symbols("x c K g")
    return [
        Sentence((), x - 1 <= _peak(1) * x**2),
        Sentence((x >= -3,), x - 1 <= _peak(2) * x**3),
        Sentence((), x - 1 <= _peak(3) * x**4),
        # d = 2: K <= 1 + c/4 while |J| = c, so that the ratio exceeds every 4 - g
        Sentence(
            (gap < 4, gap * c >= 4 * (4 - gap), kreiss <= 1 + c * _peak(1)), c >= (4 - gap) * kreiss
        ),
    ]


def sharp_in_the_limit() -> list[Bound]:
    """The ratio sup|J^t|/K of the shift, over Spijker's bound e d."""
    upper = formula("kreiss_upper")
    sizes = {2: ("0.73575", "0.73576"), 8: ("0.93680", "0.93681"), 64: ("0.99217", "0.99218")}

    def ratio(d: int) -> flint.arb:
        # 1/peak is sup |J^t|/K of the shift as c -> infinity, here for K = 3
        rational = fmpq(3 / _peak(d - 1)) / fmpq(upper(d, 3) / sp.E)
        return flint.arb(rational) / flint.arb(1).exp()

    return [Bound(f"d = {d}: sup|J^t|/(e d K)", ratio(d), *ends) for d, ends in sizes.items()]


def jordan_powers() -> list[Equation]:
    """The powers, the resolvent at 1 and the characteristic polynomial of [[r, c], [0, r]]."""
    r, c, t, power, x = sp.symbols("r c t L x")  # power = r^{t-1}
    j = sp.Matrix([[r, c], [0, r]])

    def powers(time: sp.Expr, base: sp.Expr) -> sp.Matrix:
        return sp.Matrix([[r * base, time * c * base], [0, r * base]])

    w = 1 / (1 - r)
    product = (sp.eye(2) - j) * sp.Matrix([[w, c * w**2], [0, w]])
    step = j * powers(t, power) - powers(t + 1, r * power)
    start = powers(sp.Integer(1), sp.Integer(1)) - j
    return [
        Equation((x * sp.eye(2) - j).det(), (x - r) ** 2),
        *(Equation(entry, sp.Integer(0)) for entry in (*step, *start)),
        *(Equation(product[a, b], sp.Integer(int(a == b))) for a in range(2) for b in range(2)),
    ]


def unbounded() -> list[Sentence]:
    """At fixed r the corner entries exceed every bound."""
    r, c, bound, entry, t, power = sp.symbols("r c M p t L")
    inside = (r > 0, r < 1)
    return [
        # the corner entries c of J and c/(1-r)^2 of (I - J)^{-1} exceed every bound M
        Sentence((*inside, bound > 0, c >= bound, sp.Eq(entry * (1 - r) ** 2, c)), entry > bound),
        # the corner entry t c r^{t-1} of J^t exceeds M r^t
        Sentence((power > 0, t * c > bound * r), t * c * power > bound * r * power),
    ]


def _corner_norm(diagonal_entry: flint.arb, corner: flint.arb) -> flint.arb:
    """The 2-norm (b + sqrt(b^2 + 4 a^2))/2 of [[a, b], [0, a]] with a, b > 0.

    It is the larger singular value s, for which s - a^2/s = b.
    """
    return (corner + (corner**2 + 4 * diagonal_entry**2).sqrt()) / 2


def corner_norm() -> list[Equation]:
    """The 2-norm of J = [[a, b], [0, a]]."""
    # with b = s - a^2/s, s^2 is a root of x^2 - (2a^2 + b^2) x + a^4, the characteristic polynomial
    # of J^T J
    a, s = sp.symbols("a s", positive=True)
    b = s - a**2 / s
    gram = sp.Matrix([[a, 0], [b, a]]) * sp.Matrix([[a, b], [0, a]])
    return [
        Equation((s**2 * sp.eye(2) - gram).det(), sp.Integer(0)),
        Equation(gram.det(), s**2 * (a**2 / s) ** 2),
    ]


def jordan_kreiss() -> list[Equation]:
    """The discriminant behind the Kreiss constant of [[r, c], [0, r]] vanishes."""
    # u = x - r and g = 1 - r: (z - J)^{-1} = [[1/u, c/u^2], [0, 1/u]] at z = x
    u, c, g = sp.symbols("u c g", positive=True)
    kreiss = formula("kreiss_jordan")(1 - g, c)
    best = 2 * c**2 * g / (c**2 - 4 * g**2)
    excess = kreiss**2 * u**2 - c * kreiss * (u - g) - (u - g) ** 2
    return [
        Equation(excess, (((c**2 - 4 * g**2) * u - 2 * c**2 * g) / (4 * c * g)) ** 2),
        Equation(excess.subs(u, best), sp.Integer(0)),
    ]


def jordan_kreiss_bound() -> list[Sentence]:
    """The constant bounds (x - 1)|(x - J)^{-1}| and is attained."""
    u, c, g, s, kreiss = sp.symbols("u c g s K")
    # x - 1 = u - g; s = |(x - J)^{-1}|_2 satisfies u^2 s^2 - c s - 1 = 0, which is `corner_norm` at
    # a = 1/u, b = c/u^2
    given = (kreiss > 0, sp.Eq(u**2 * s**2, c * s + 1))
    square = kreiss**2 * u**2 - c * kreiss * (u - g) - (u - g) ** 2
    best = sp.Eq((c**2 - 4 * g**2) * u, 2 * c**2 * g)
    return [
        Sentence((*given, square >= 0), (u - g) * s <= kreiss),
        Sentence((*given, u > g, s > 0, sp.Eq(square, 0)), sp.Eq((u - g) * s, kreiss)),
        Sentence((g > 0, c > 2 * g, best), u > g),
    ]


def example() -> list[Bound]:
    """The Jordan block with r = 1/2, c = 8 in numbers."""
    r, c = flint.arb("0.5"), flint.arb(8)
    kreiss = flint.arb(fmpq(formula("kreiss_jordan")(sp.Rational(1, 2), 8)))
    # |J^t| <= t c r^{t-1} + r^t is below 8 from t = 3 on
    first, second = (_corner_norm(r**t, t * c * r ** (t - 1)) for t in (1, 2))
    top = first.max(second)
    return [
        Bound("sup|J^t|", top, "8.031", "8.032"),
        Bound("sup|J^t|/K", top / kreiss, "1.976", "1.977"),
        Bound("|(I - J)^{-1}|", _corner_norm(flint.arb(2), c * 4), "32.124", "32.125"),
    ]
