"""The Kreiss constant K(J) = sup over |z| > 1 of (|z| - 1)|(z - J)^{-1}|_2: two families on which
everything is exact (M5).
"""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.proof import Bound, Sentence


def geometric_sum() -> list[Equation]:
    """(x - 1) Sum_{k<t} x^{-k-1} = 1 - x^{-t}."""
    x = sp.Symbol("x", positive=True)
    return [
        Equation((x - 1) * sum((x ** (-k - 1) for k in range(t)), sp.Integer(0)), 1 - x**-t)
        for t in range(1, 7)
    ]


def below_powers() -> list[Sentence]:
    """K <= sup |J^t|, from the Neumann sum."""
    x, top, power, total, size, bound = sp.symbols("x C p S r b")
    # |z| = x, power = x^{-t}, total = Sum_{k<t} x^{-k-1}, size = |(z - J)^{-1}| <= C total + power
    # C size, C = sup |J^t| >= 1
    given = (
        x > 1,
        top * power < 1,
        sp.Eq((x - 1) * total, 1 - power),
        size <= top * total + power * top * size,
    )
    return [
        Sentence(
            (*given, sp.Eq(bound * (x - 1) * (1 - top * power), top * (1 - power))), size <= bound
        )
    ]


_ORDERS = (1, 2, 3, 7, 63)
"""powers k of the shift at which its peak is used"""


def _peak(k: int) -> Any:
    """max over x >= 1 of (x - 1)/x^{k+1} = k^k/(k+1)^{k+1}."""
    return sp.Rational(k**k, (k + 1) ** (k + 1))


def shift() -> list[Equation]:
    """Resolvent and last power of c x shift, entry by entry."""
    c, x = sp.symbols("c x")
    equations = []
    for size in (2, 3, 4):
        j = sp.Matrix(size, size, lambda a, b: c if b == a + 1 else 0)
        resolvent = sum((j**k / x ** (k + 1) for k in range(size)), sp.zeros(size, size))
        product = (x * sp.eye(size) - j) * resolvent
        equations += [
            Equation(product[a, b], sp.Integer(int(a == b)))
            for a in range(size)
            for b in range(size)
        ]
        equations.append(Equation((j ** (size - 1))[0, size - 1], c ** (size - 1)))
    return equations


def shift_maximum() -> list[Equation]:
    """The maximum of (x - 1)/x^{k+1} is at x = (k+1)/k: derivative (power = x^{-k-1}) and value."""
    x, k, power = sp.symbols("x k L", positive=True)
    derivative = power + (x - 1) * (-(k + 1) * power / x)
    values = [((x - 1) / x ** (n + 1)).subs(x, sp.Rational(n + 1, n)) for n in _ORDERS]
    return [
        Equation(derivative, (k + 1 - k * x) * power / x),
        *(Equation(v, _peak(n)) for v, n in zip(values, _ORDERS, strict=True)),
    ]


def shift_peak() -> list[Sentence]:
    """The same maximum as a polynomial inequality, and the ratio at d = 2."""
    x, c, kreiss, gap = sp.symbols("x c K g")
    return [
        Sentence((), x - 1 <= _peak(1) * x**2),
        Sentence((x >= -3,), x - 1 <= _peak(2) * x**3),
        Sentence((), x - 1 <= _peak(3) * x**4),
        # d = 2: K <= 1 + c/4 while |J| = c, so the ratio passes every 4 - g
        Sentence(
            (gap < 4, gap * c >= 4 * (4 - gap), kreiss <= 1 + c * _peak(1)), c >= (4 - gap) * kreiss
        ),
    ]


def sharp_in_the_limit() -> list[Bound]:
    """Its ratio sup|J^t|/K over Spijker's e d."""
    upper = formula("kreiss_upper")
    sizes = {2: ("0.73575", "0.73576"), 8: ("0.93680", "0.93681"), 64: ("0.99217", "0.99218")}

    def ratio(d: int) -> flint.arb:
        peak = _peak(d - 1)
        over = flint.arb(
            flint.fmpq(int(peak.q), int(peak.p))
        )  # sup |J^t|/K of the shift as c -> infinity
        bound = upper(d, 1)
        return over / (flint.arb(1).exp() * flint.fmpq(*map(int, sp.fraction(bound / sp.E))))

    return [
        Bound(f"d = {d}: sup|J^t|/(e d K)", ratio(d), low, high) for d, (low, high) in sizes.items()
    ]


def jordan_powers() -> list[Equation]:
    """Powers, resolvent at 1 and characteristic polynomial of [[r, c], [0, r]]."""
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
    """At fixed r the corners pass every bound."""
    r, c, bound, entry, t, power = sp.symbols("r c M p t L")
    inside = (r > 0, r < 1)
    return [
        # the corner entries c of J and c/(1-r)^2 of (I - J)^{-1} pass every bound M
        Sentence((*inside, bound > 0, c >= bound, sp.Eq(entry * (1 - r) ** 2, c)), entry > bound),
        # the corner entry t c r^{t-1} of J^t passes M r^t
        Sentence((power > 0, t * c > bound * r), t * c * power > bound * r * power),
    ]


def _corner_norm(diagonal_entry: flint.arb, corner: flint.arb) -> flint.arb:
    """2-norm of [[a, b], [0, a]], a, b > 0: (b + sqrt(b^2 + 4 a^2))/2, as s - a^2/s = b for s the
    larger singular value.
    """
    return (corner + (corner**2 + 4 * diagonal_entry**2).sqrt()) / 2


def corner_norm() -> list[Equation]:
    """2-norm of [[a, b], [0, a]]."""
    # a and s = |J|_2 with b = s - a^2/s: s^2 is a root of x^2 - (2a^2 + b^2) x + a^4, the
    # characteristic polynomial of J^T J
    a, s = sp.symbols("a s", positive=True)
    b = s - a**2 / s
    gram = sp.Matrix([[a, 0], [b, a]]) * sp.Matrix([[a, b], [0, a]])
    return [
        Equation((s**2 * sp.eye(2) - gram).det(), sp.Integer(0)),
        Equation(gram.det(), s**2 * (a**2 / s) ** 2),
    ]


def jordan_kreiss() -> list[Equation]:
    """The discriminant behind the Kreiss constant of [[r, c], [0, r]] vanishes."""
    u, c, g = sp.symbols(
        "u c g", positive=True
    )  # u = x - r, g = 1 - r: (z - J)^{-1} = [[1/u, c/u^2], [0, 1/u]] at z = x
    kreiss = formula("kreiss_jordan")(1 - g, c)
    best = 2 * c**2 * g / (c**2 - 4 * g**2)
    excess = kreiss**2 * u**2 - c * kreiss * (u - g) - (u - g) ** 2
    return [
        Equation(excess, (((c**2 - 4 * g**2) * u - 2 * c**2 * g) / (4 * c * g)) ** 2),
        Equation(excess.subs(u, best), sp.Integer(0)),
    ]


def jordan_kreiss_bound() -> list[Sentence]:
    """That constant bounds (x - 1)|(x - J)^{-1}| and is attained."""
    u, c, g, s, kreiss = sp.symbols("u c g s K")
    # s = |(x - J)^{-1}|_2: u^2 s^2 - c s - 1 = 0 (corner_norm at a = 1/u, b = c/u^2); x - 1 = u - g
    given = (kreiss > 0, sp.Eq(u**2 * s**2, c * s + 1))
    square = kreiss**2 * u**2 - c * kreiss * (u - g) - (u - g) ** 2
    best = sp.Eq((c**2 - 4 * g**2) * u, 2 * c**2 * g)
    return [
        Sentence((*given, square >= 0), (u - g) * s <= kreiss),
        Sentence((*given, u > g, s > 0, sp.Eq(square, 0)), sp.Eq((u - g) * s, kreiss)),
        Sentence((g > 0, c > 2 * g, best), u > g),
    ]


def example() -> list[Bound]:
    """r = 1/2, c = 8 in numbers."""
    r, c = flint.arb("0.5"), flint.arb(8)
    kreiss = flint.arb(
        flint.fmpq(*map(int, sp.fraction(formula("kreiss_jordan")(sp.Rational(1, 2), 8))))
    )
    # |J^t| <= t c r^{t-1} + r^t, below 8 from t = 3 on
    powers = [_corner_norm(r**t, t * c * r ** (t - 1)) for t in (1, 2)]
    return [
        Bound("sup|J^t|", powers[0].max(powers[1]), "8.031", "8.032"),
        Bound("sup|J^t|/K", powers[0].max(powers[1]) / kreiss, "1.976", "1.977"),
        Bound("|(I - J)^{-1}|", _corner_norm(flint.arb(2), c * 4), "32.124", "32.125"),
    ]
