"""Attacks on A2: constructed exceptions, because random parameters avoid a null set.

Everything is computed exactly.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product
from typing import Any, NamedTuple

import sympy as sp

from ...kernel.exact import Matrix, add, apply, multiply
from ...kernel.random_falsifier import RandomFalsifier


class _Mlp(NamedTuple):
    """h' = h + W2 relu(W1 h + b1) + b2 on R^2 with three hidden units."""

    w1: list[list[Fraction]]
    b1: list[Fraction]
    w2: list[list[Fraction]]
    b2: list[Fraction]
    probes: list[list[Fraction]]


def _mlp(rng: random.Random, keep: bool) -> _Mlp:
    def draw(rows: int, columns: int, scale: int) -> list[list[Fraction]]:
        flat = [Fraction(scale * rng.randint(-997, 997), 991) for _ in range(rows * columns)]
        return [flat[i * columns : (i + 1) * columns] for i in range(rows)]

    scale = int(keep)  # in the exception the last layer is zero
    w1, b1 = draw(3, 2, 1), draw(1, 3, 1)[0]
    w2, b2 = draw(2, 3, scale), draw(1, 2, scale)[0]
    return _Mlp(w1, b1, w2, b2, probes=draw(3, 2, 1))


def _last_layer_acts(case: _Mlp) -> bool:
    return any(x != 0 for row in (*case.w2, case.b2) for x in row)


def _degenerate_mlp(case: _Mlp) -> str | None:
    """A fixed point with det(I - J) = 0, in words.

    The candidates are the probes and the solution of each activation pattern.
    """
    candidates = [list(probe) for probe in case.probes]
    for pattern in product((0, 1), repeat=3):
        (a, b), (c, d) = _slope(case, pattern)
        det = a * d - b * c
        if det != 0:
            hidden = [on * bias for on, bias in zip(pattern, case.b1, strict=True)]
            x, y = add(apply(case.w2, hidden), case.b2)
            candidates.append([(-d * x + b * y) / det, (c * x - a * y) / det])
    for h in candidates:
        hidden = add(apply(case.w1, h), case.b1)
        update = add(apply(case.w2, [max(x, Fraction(0)) for x in hidden]), case.b2)
        (a, b), (c, d) = _slope(case, [int(x > 0) for x in hidden])
        if not any(update) and a * d == b * c:
            weights = f"W2 = {_rows(case.w2)}, b2 = {_rows([case.b2])}"
            return f"h = ({h[0]}, {h[1]}) is fixed with det(I - J) = 0; {weights}"
    return None


def _slope(case: _Mlp, pattern: Sequence[int]) -> Matrix:
    """J - I = W2 D W1, where the diagonal matrix D is the activation pattern."""
    active = [[on * x for x in row] for on, row in zip(pattern, case.w1, strict=True)]
    return multiply(case.w2, active)


def _rows(matrix: Matrix) -> str:
    return "[" + "; ".join(", ".join(map(str, row)) for row in matrix) + "]"


class _Cubic(NamedTuple):
    """h' = h - (h^3 + p h + q)."""

    p: Fraction
    q: Fraction


def _cubic(rng: random.Random, keep: bool) -> _Cubic:
    if keep:
        return _Cubic(Fraction(rng.randint(-30, 30), 7), Fraction(2 * rng.randint(-30, 30) + 1, 11))
    root = Fraction(rng.choice((-1, 1)) * rng.randint(1, 9), rng.randint(1, 4))
    return _Cubic(-3 * root**2, 2 * root**3)


def _multiple_root(case: _Cubic) -> str | None:
    h = sp.Symbol("h")
    value = sp.Poly(h**3 + sp.Rational(case.p) * h + sp.Rational(case.q), h)
    common: Any = sp.gcd(value, value.diff(h))
    if common.degree() > 0:
        return (
            f"p = {case.p}, q = {case.q}: a fixed point h with {common.as_expr()} = 0 has slope 1"
        )
    return None


class _Family(NamedTuple):
    """F(h, theta) = f - h on R^2 as polynomials, and a point where it vanishes."""

    equations: tuple[sp.Expr, sp.Expr]
    state: tuple[sp.Symbol, ...]
    parameters: tuple[sp.Symbol, ...]
    point: dict[sp.Symbol, sp.Rational]

    def derivative(self, letters: tuple[sp.Symbol, ...]) -> sp.Matrix:
        return sp.Matrix(self.equations).jacobian(letters).subs(self.point)


def _family(rng: random.Random, keep: bool) -> _Family:
    """f = h + (|h|^2 - t0, h1 - t1), or an exception.

    The exception f = h + (|h|^2 - t0)(t1, t2) has a derivative in t that is onto at almost every
    state, but not on its circle of fixed points.
    """
    x, y, t0, t1, t2 = sp.symbols("x y t0 t1 t2")
    u, r = sp.Rational(rng.randint(1, 9), rng.randint(2, 7)), sp.Rational(rng.randint(1, 9), 2)
    point = {x: r * (1 - u**2) / (1 + u**2), y: r * 2 * u / (1 + u**2), t0: r**2}
    point |= {t1: sp.Rational(rng.randint(1, 9)), t2: sp.Integer(2)}
    circle = x**2 + y**2 - t0
    if keep:
        return _Family((circle, x - t1), (x, y), (t0, t1), {**point, t1: point[x]})
    return _Family((t1 * circle, t2 * circle), (x, y), (t0, t1, t2), point)


def _degenerate(case: _Family) -> str | None:
    if case.derivative(case.state).det() == 0:
        where = ", ".join(f"{name} = {value}" for name, value in case.point.items())
        return (
            f"F = {case.equations}: det(J - I) = 0 at the fixed point {where}, one of a circle, for"
            " every t0 > 0"
        )
    return None


class _Curve(NamedTuple):
    """h' = h - x(h) + b on [0, 1]: x piecewise linear, or the first coordinate of Peano's curve."""

    peano: bool
    digits: tuple[int, ...]


def peano_coordinate(digits: tuple[int, ...]) -> Fraction:
    """The first coordinate of Peano's curve at t = 0.t1 t2 ... in base 3.

    Its j-th digit is k^{t_2 + ... + t_{2j-2}} t_{2j-1} with k t = 2 - t; the number of digits of t
    is even.
    """
    turned, value = 0, Fraction(0)
    for j in range(0, len(digits), 2):
        value += Fraction(2 - digits[j] if turned % 2 else digits[j], 3 ** (j // 2 + 1))
        turned += digits[j + 1]
    # after an odd number of turns, the zeros that follow become twos
    return value + (Fraction(1, 3 ** (len(digits) // 2)) if turned % 2 else 0)


def ternary(digits: tuple[int, ...]) -> Fraction:
    """The number 0.t1 t2 ... in base 3."""
    return sum((Fraction(t, 3 ** (i + 1)) for i, t in enumerate(digits)), Fraction(0))


def _crowded(case: _Curve) -> str | None:
    """Two exact fixed points closer than 3^-7."""
    depth = len(case.digits)
    bias = ternary(case.digits)
    if case.peano:
        points = _peano_preimages(case.digits)
    else:
        bias += Fraction(1, 2 * 3**depth)
        points = _preimages_of_the_second_stage(bias)
    order = sorted(points)
    close = [(a, b) for a, b in pairwise(order) if b - a < Fraction(1, 3**7)]
    if not close:
        return None
    pair = f"{close[0][0]} and {close[0][1]}"
    return f"b = {bias}: {len(order)} fixed points at depth {depth}, e.g. {pair}"


def _peano_preimages(digits: tuple[int, ...]) -> set[Fraction]:
    """All t with twice as many ternary digits at which the coordinate is 0.digits exactly."""
    points = set()
    for turns in product((0, 1, 2), repeat=len(digits)):
        if sum(turns) % 2 == 0:
            odd = [2 - x if sum(turns[:j]) % 2 else x for j, x in enumerate(digits)]
            t = tuple(digit for pair in zip(odd, turns, strict=True) for digit in pair)
            if peano_coordinate(t) == ternary(digits):
                points.add(ternary(t))
    return points


def _preimages_of_the_second_stage(value: Fraction) -> set[Fraction]:
    """Where the coordinate, made linear between multiples of 1/9, has that value."""
    heights = [*(peano_coordinate((k // 3, k % 3)) for k in range(9)), Fraction(1)]
    knots = [(Fraction(k, 9), height) for k, height in enumerate(heights)]
    return {
        a + (value - x) / (y - x) * (b - a)
        for (a, x), (b, y) in pairwise(knots)
        if x != y and min(x, y) <= value <= max(x, y)
    }


MANY = 12
"""fixed points allowed in the compact set: [1/20, 1], the longest drawn, holds 9"""


class _Waves(NamedTuple):
    """h' = h + s(1/h) - 3/4 on Omega = {h > 0}, seen on the compact set [low, 1].

    s is the C^1 wave of period 2 that is made of parabolas.
    """

    low: Fraction


def _many(case: _Waves) -> str | None:
    count = 0
    for k in range(0, 400, 2):
        h = 1 / (k + Fraction(1, 4))
        rest = 1 / h - k
        if case.low <= h <= 1 and 4 * rest * (1 - rest) == Fraction(3, 4):
            count += 1
    if count <= MANY:
        return None
    points = "non-degenerate fixed points 1/(k + 1/4), k < 400 even"
    return f"{count} {points}, in [{case.low}, 1]: they accumulate at 0"


FALSIFIERS = (
    RandomFalsifier(
        "zero_last_layer",
        "generic",
        "no fixed point is degenerate",
        _mlp,
        _last_layer_acts,
        _degenerate_mlp,
        trials=10,
    ),
    RandomFalsifier(
        "double_root",
        "generic",
        "no fixed point is degenerate",
        _cubic,
        lambda case: 4 * case.p**3 + 27 * case.q**2 != 0,
        _multiple_root,
    ),
    RandomFalsifier(
        "rank_lost_at_fixed_points",
        "rank",
        "no fixed point is degenerate",
        _family,
        lambda case: case.derivative(case.parameters).rank() == 2,
        _degenerate,
        trials=10,
    ),
    RandomFalsifier(
        "peano_coordinate",
        "smooth",
        "fixed points are isolated",
        lambda rng, keep: _Curve(
            not keep, tuple(rng.randint(0, 2) for _ in range(2 if keep else 6))
        ),
        lambda case: not case.peano,
        _crowded,
        trials=5,
    ),
    RandomFalsifier(
        "accumulation_at_the_singular_set",
        "inside",
        "a compact set holds few fixed points (at most 12 here)",
        lambda rng, keep: _Waves(Fraction(1, rng.randint(3, 20)) if keep else Fraction(0)),
        lambda case: case.low > 0,
        _many,
        trials=5,
    ),
)
