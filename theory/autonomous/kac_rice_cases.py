"""Steps of M3: worked examples in which the two sides of the formula are computed independently.

They are ReLU and tanh on a line, and ReLU in the plane.
"""

from __future__ import annotations

import random
from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.proof import Bound, Sentence, both, decided, enclosed, identity

HAT_FALL, HAT_RISE = 2, 4
"""slopes p and q of the ReLU map in the example with a Gaussian bias"""
MUTUAL = ((-1, 2), (2, -1))
"""I - W of the planar ReLU map h = W relu(h) + b, W = [[2, -2], [-2, 2]]"""


def _hat_pieces():
    h, p, q, b, early, late = sp.symbols("h p q b r l")  # r = relu(h), l = relu(h - 1)
    image = h - ((1 + p) * early - (p + q) * late)
    last = image.subs({early: h, late: h - 1})
    return [
        Equation(image.subs({early: 0, late: 0}), h),
        Equation(image.subs({early: h, late: 0}), -p * h),
        Equation(last, -p + q * (h - 1)),
        Equation(last.subs(h, 1 + (b + p) / q), b),
    ]


def _hat_counts():
    h, p, q, b = sp.symbols("h p q b")
    # the branch h <= 0 solves h = b, which needs b <= 0; these are the other two
    return [
        Sentence((p > 0, sp.Eq(-p * h, b)), sp.Equivalent(both(h > 0, h < 1), both(b > -p, b < 0))),
        Sentence((q > 0, sp.Eq(q * (h - 1) - p, b)), sp.Equivalent(h > 1, b > -p)),
    ]


def _hat_uniform():
    p, q, half, h = sp.symbols("p q L h", positive=True)
    density = 1 / (2 * half)
    # F^{-1}([-L, L]) = [-L, 1 + (L + p)/q], L > p
    pieces = ((1, -half, 0), (p, 0, 1), (q, 1, 1 + (half + p) / q))
    parts = [sp.integrate(slope * density, (h, low, high)) for slope, low, high in pieces]
    integral = sum(parts, sp.Integer(0))
    # the count times the length of the interval of b in which it is the count
    lengths = 3 * p + 1 * (2 * half - p)
    return [Equation(integral, lengths / (2 * half)), Equation(integral, 1 + p / half)]


def _density(x: Any) -> Any:
    return (-(x**2) / 2).exp() / (2 * flint.arb.pi()).sqrt()


def _mean_over(pieces: Any) -> flint.arb:
    """Sum of Int |slope| phi(F(h)) dh over pieces (slope, F, low, high), phi the normal density.

    The ball allows for less than 1e-40 beyond the pieces.
    """
    total = flint.arb(0)
    for slope, image, low, high in pieces:

        def integrand(h: flint.acb, _: bool, s: Any = slope, f: Any = image) -> flint.acb:
            return s(h) * _density(f(h))

        total += flint.acb.integral(integrand, low, high).real
    return total + flint.arb(0).union(flint.arb("1e-40"))


def _hat_gaussian():
    p, q = HAT_FALL, HAT_RISE
    pieces = (
        (lambda h: flint.acb(1), lambda h: h, -15, 0),
        (lambda h: flint.acb(p), lambda h: -p * h, 0, 1),
        (lambda h: flint.acb(q), lambda h: -p + q * (h - 1), 1, 6),
    )
    counted = 1 + 2 * (flint.arb(p) / flint.arb(2).sqrt()).erf() / 2  # 1 + 2 P(-p < b < 0)
    low, high = "1.954499736103641585599434725", "1.954499736103641585599434726"
    return [
        Bound("integral over h", _mean_over(pieces), low, high),
        Bound("mean of the count over b", counted, low, high),
    ]


def _tanh_fold():
    a, h = sp.symbols("a h", real=True)
    m = sp.Symbol("m", positive=True)  # tanh at the fold, a = 1/(1 - m^2)
    fold = formula("tanh_fold_bias")(1 / (1 - m**2))
    slope = sp.diff(h - a * sp.tanh(h), h).subs(sp.tanh(h), sp.Symbol("y"))
    y = sp.Symbol("y")
    return [
        Equation(slope, 1 - a + a * y**2),
        # F(-atanh m) = m/(1 - m^2) - atanh m: equal derivatives in m, and both sides 0 at m = 0
        Equation(sp.simplify(sp.diff(fold, m)), sp.diff(m / (1 - m**2), m) - 1 / (1 - m**2)),
        Equation(sp.diff(sp.atanh(m), m), 1 / (1 - m**2)),
    ]


def _tanh_monotone():
    a, y, m = sp.symbols("a y m")
    given = (a > 1, m > 0, sp.Eq(a * m**2, a - 1))
    return [
        Sentence(given, sp.Equivalent(1 - a + a * y**2 < 0, both(y < m, y > -m))),
        Sentence(given, sp.Equivalent(1 - a + a * y**2 > 0, sp.Or(y > m, y < -m))),
    ]


def ball(expression: Any) -> flint.arb:
    """The value of a constant as a ball: rationals, sums, products, powers, erf and atanh."""
    if expression.is_Rational:
        return flint.arb(int(expression.p)) / int(expression.q)
    parts = [ball(part) for part in expression.args]
    if expression.is_Add:
        return sum(parts, flint.arb(0))
    if expression.is_Mul:
        product = flint.arb(1)
        for part in parts:
            product *= part
        return product
    if expression.is_Pow:
        return parts[0] ** parts[1]
    return {sp.erf: flint.arb.erf, sp.atanh: flint.arb.atanh}[expression.func](parts[0])


def _tanh_count():
    a = 2
    fold = (flint.arb(1) - flint.arb(1) / a).sqrt().atanh()

    def image(h: flint.acb) -> flint.acb:
        return h - a * h.tanh()

    def slope(h: flint.acb) -> flint.acb:
        return 1 - a + a * h.tanh() ** 2

    # the integrand is even; beyond h = 18 slope <= 1 and F >= h - 2 leave less than erfc(16/sqrt 2)
    halves = ((lambda h: -slope(h), image, 0, fold), (slope, image, fold, 18))
    low, high = "1.811711281960298259014589736", "1.811711281960298259014589737"
    edge = (a * (flint.arb(1) / a).sqrt() - fold) / flint.arb(2).sqrt()  # m^2 = 1 - 1/a = 1/a
    wider = ball(formula("tanh_expected_count")(a, 3)) - 1 - 2 * (edge / 3).erf()
    return [
        Bound("integral over h", 2 * _mean_over(halves), low, high),
        Bound("the formula at b ~ N(0, 9) less its value", wider, "-1e-27", "1e-27"),
        Bound("1 + 2 P(|b| < fold)", ball(formula("tanh_expected_count")(a, 1)), low, high),
    ]


def _planar_counts():
    u, v, x, y = sp.symbols("u v x y")  # b = (x, y)
    (a, b), (c, d) = MUTUAL
    # F has the columns of I - W where h > 0 and those of I where h < 0; the fixed point with that
    # pattern of signs exists under exactly these conditions
    both_on = both(x + 2 * y > 0, 2 * x + y > 0)
    first_on = both(x < 0, 2 * x + y < 0)
    second_on = both(y < 0, x + 2 * y < 0)
    generic = (sp.Ne(x + 2 * y, 0), sp.Ne(2 * x + y, 0))
    patterns = (
        ((a * u + b * v, c * u + d * v), both(u > 0, v > 0), both_on),
        ((a * u, c * u + v), both(u > 0, v < 0), first_on),
        ((u + b * v, d * v), both(u < 0, v > 0), second_on),
    )
    return [
        *(
            Sentence((sp.Eq(first, x), sp.Eq(second, y)), sp.Equivalent(signs, condition))
            for (first, second), signs, condition in patterns
        ),
        # h = b is fixed where x, y < 0; so three of the four patterns occur in the third quadrant
        # (with first_on and second_on), and one elsewhere
        Sentence(generic, sp.Equivalent(sp.Not(both_on), sp.Or(first_on, second_on))),
    ]


def _angle():
    a, b, c, d, x, y = sp.symbols("a b c d x y")  # x = cos, y = sin of the angle of h
    u, v = a * x + b * y, c * x + d * y
    turn = u * (-c * y + d * x) - v * (-a * y + b * x)  # u v' - v u' along the circle
    r, s = sp.symbols("r s", positive=True)
    density = sp.exp(-(r**2) * s / 2) / (2 * sp.pi)

    def circle(rng: random.Random):
        q = rational(rng)
        values = {n: rational(rng) for n in (a, b, c, d)}
        return {**values, x: (1 - q**2) / (1 + q**2), y: 2 * q / (1 + q**2)}

    return [
        Equation(turn, a * d - b * c, (x**2 + y**2 - 1,), circle),
        Equation(sp.integrate(r * density, (r, 0, sp.oo)) * 2 * sp.pi, 1 / s),  # s = |A u|^2
    ]


def _planar_integral():
    shares = []
    half_pi = flint.arb.pi() / 2
    (a, b), (c, d) = MUTUAL
    # on each quadrant DF has the columns of I - W where h > 0, and those of I where h < 0
    slopes = (((a, b), (c, d)), ((1, b), (0, d)), ((1, 0), (0, 1)), ((a, 0), (c, 1)))
    for number, slope in enumerate(slopes):

        def integrand(t: flint.acb, _: bool, slope: Any = slope) -> flint.acb:
            (w, x), (y, z) = slope
            c, s = t.cos(), t.sin()
            return abs(w * z - x * y) / ((w * c + x * s) ** 2 + (y * c + z * s) ** 2)

        part = flint.acb.integral(integrand, number * half_pi, (number + 1) * half_pi).real
        shares.append(part / (2 * flint.arb.pi()))
    total = sum(shares, flint.arb(0))
    low, high = "0.3975836176504332741754", "0.3975836176504332741755"
    return [
        Bound("share of the quadrant ++", shares[0], low, high),
        Bound("E # over the plane", total, "1.4999999999999999999999", "1.5000000000000000000001"),
    ]


WORKED_STEPS = (
    identity(
        "hat_pieces",
        "g(h) = (1 + p) relu(h) - (p + q) relu(h - 1): F has the branches h, -p h, -p + q(h - 1)",
        "d = 1",
        _hat_pieces,
    ),
    decided(
        "hat_counts",
        "p, q > 0: three fixed points for -p < b < 0, one for b > 0 or b < -p",
        "d = 1",
        _hat_counts,
        ("hat_pieces",),
    ),
    identity(
        "hat_uniform",
        "b uniform on [-L, L], L > p: integral over h = mean of the count over b = 1 + p/L",
        "d = 1",
        _hat_uniform,
        ("hat_counts", "expectation"),
    ),
    enclosed(
        "hat_gaussian",
        "b ~ N(0, 1), p = 2, q = 4: both sides are 1 + erf(sqrt 2) = 1.9544997361036...",
        "d = 1",
        _hat_gaussian,
        ("hat_counts", "expectation"),
    ),
    identity(
        "tanh_fold",
        "F = h - a tanh h: F' = 1 - a + a tanh^2 h; the fold tanh^2 h = 1 - 1/a lies at |b| = a m -"
        " atanh m",
        "d = 1",
        _tanh_fold,
    ),
    decided(
        "tanh_monotone",
        "a > 1: F falls exactly for |tanh h| < m, so there are 3 fixed points below the fold, 1"
        " above",
        "d = 1",
        _tanh_monotone,
        ("tanh_fold",),
    ),
    enclosed(
        "tanh_count",
        "a = 2, b ~ N(0, 1): integral over h and 1 + 2 P(|b| < fold) are 1.8117112819602982...",
        "d = 1",
        _tanh_count,
        ("tanh_monotone", "expectation"),
    ),
    decided(
        "planar_counts",
        "h = W relu(h) + b, W = [[2, -2], [-2, 2]]: for almost every b three fixed points (b1, b2 <"
        " 0) or one (else)",
        "d = 2",
        _planar_counts,
    ),
    identity(
        "angle",
        "h = r u(t): Int |det A| p(A h) r dr = |det A|/(2 pi |A u|^2), which is (1/2 pi) times the"
        " speed of the angle of A u",
        "d = 2",
        _angle,
    ),
    enclosed(
        "planar_integral",
        "its integral over the four quadrants is 3/2 = 1 + 2 P(third quadrant)",
        "d = 2",
        _planar_integral,
        ("planar_counts", "angle", "expectation"),
    ),
)
