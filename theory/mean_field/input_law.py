"""Steps of N7 for inputs that are not Gaussian: the share of the input in the state.

They prove its existence and uniqueness, and the outlier. At the fixed point h = sqrt(1 - u^2) g + u
e with u = beta/w, whatever beta, sigma and a; so the only unknown is u, or v = u^2.
"""

from __future__ import annotations

import random

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from ..kernel.vectors import span

U, Q, BETA, SIGMA, W = sp.symbols("u q beta sigma w", positive=True)


def _share():
    # w^2 = sigma^2 q + beta^2 with u = beta/w and beta = ratio sigma
    root = sp.Symbol("root", positive=True)  # stands for sqrt(q/(1 - u^2))
    ratio = formula("recall_of_share")(U, Q).subs(sp.sqrt(Q / (1 - U**2)), root)
    where = (root**2 * (1 - U**2) - Q,)

    def point(rng: random.Random):
        u, r = sp.Rational(rng.randint(1, 9), 10), rational(rng, positive=True)
        return {U: u, root: r, Q: r**2 * (1 - u**2), SIGMA: rational(rng, positive=True)}

    beta = ratio * SIGMA
    return [
        Equation((beta / U) ** 2, SIGMA**2 * Q + beta**2, where, point),
        # the variance of the Gaussian part of h is sigma^2 q/w^2 = 1 - u^2
        Equation(SIGMA**2 * Q, (1 - U**2) * (beta / U) ** 2, where, point),
    ]


def _substitution():
    # h = r (g + t e) with t^2 = v/(1 - v) and r = sqrt(1 - v) = 1/sqrt(1 + t^2)
    t, v = sp.symbols("t v", positive=True)
    r2, q = sp.symbols("R q", positive=True)
    return [
        Equation((t**2 / (1 + t**2)) / (1 - t**2 / (1 + t**2)), t**2),
        Equation(1 - t**2 / (1 + t**2), 1 / (1 + t**2)),
        # (beta/sigma)^2 = v q/(1 - v) = v (q/R) with R = r^2 = 1 - v
        Equation(v * q / (1 - v), v * (q / r2).subs(r2, 1 - v)),
    ]


def _star_shaped():
    y = sp.Symbol("y")  # y = tanh x has the derivative 1 - y^2
    second = sp.diff(1 - y**2, y) * (1 - y**2)
    x = sp.Symbol("x")
    return [
        Equation(second, -2 * y * (1 - y**2)),
        Equation(sp.simplify(sp.diff(sp.erf(x), x, 2) / sp.diff(sp.erf(x), x)), -2 * x),
    ]


def _concave():
    y, x, bell = sp.symbols("y x E")
    f, g, r, s = sp.symbols("f g r s")
    return [
        Sentence((y >= 0, y < 1), both(-2 * y * (1 - y**2) <= 0, 1 - y**2 > 0)),
        Sentence((x >= 0, bell > 0), -2 * x * bell <= 0),
        # a concave phi with phi(0) = 0 has phi(r) >= (r/s) phi(s) for 0 < r <= s, and so
        # (phi(r)/r)^2 >= (phi(s)/s)^2
        Sentence((r > 0, s >= r, f >= 0, g >= 0, s * f >= r * g), f**2 * s**2 >= g**2 * r**2),
    ]


def _product():
    v1, v2, p1, p2 = sp.symbols("v1 v2 p1 p2")
    return [Sentence((v1 > 0, v2 > v1, p1 > 0, p2 >= p1), v2 * p2 > v1 * p1)]


def _parts():
    # with F = phi phi': X = E e F(h), Y = E F'(h), and E g F(h) = sqrt(1 - v) Y by parts in g
    x, y = sp.symbols("X Y")
    mean_h = (1 - U**2) * y + U * x  # E h F(h)
    # dq/dv = E 2 F(h) (e/(2u) - g/(2 sqrt(1 - v))), as h = sqrt(1 - v) g + sqrt(v) e
    slope = 2 * (x / (2 * U) - y / 2)
    share = formula("input_outlier")(U**2, Q, slope)
    return [
        Equation(x - U * mean_h, (1 - U**2) * (x - U * y)),
        # nu* = -(beta/q) E F(h) (e - u h), in units of w = beta/u
        Equation(share, -(U / Q) * (x - U * mean_h)),
    ]


def _fold():
    v = sp.Symbol("v", positive=True)
    q = sp.Function("q")(v)
    x, y = sp.symbols("x y", positive=True)
    slope = sp.diff(v * q / (1 - v), v).subs(sp.diff(q, v), y).subs(q, x)
    return [Equation(slope, x / (1 - v) ** 2 * (1 - formula("input_outlier")(v, x, y)))]


def _variance():
    g, e = span("g e", {("g", "g"): 1, ("e", "g"): 0, ("e", "e"): 1})
    root = sp.Symbol("root", positive=True)
    h = root * g + U * e

    def point(rng: random.Random):
        t = sp.Rational(rng.randint(1, 9), 10)
        return {root: (1 - t**2) / (1 + t**2), U: 2 * t / (1 + t**2)}

    return [Equation(h.dot(h), sp.Integer(1), (root**2 + U**2 - 1,), point)]


INPUT_STEPS = (
    identity(
        "share_balance",
        "w^2 = sigma^2 q + beta^2 with u = beta/w: beta/sigma = u sqrt(q(u)/(1 - u^2)), q(u) = E"
        " phi(sqrt(1 - u^2) g + u e)^2",
        "no size",
        _share,
        ("norm_balance", "input_law"),
    ),
    identity(
        "share_variance",
        "h = sqrt(1 - u^2) g + u e has variance 1 for every input law of variance 1",
        "no size",
        _variance,
    ),
    deduced(
        "existence",
        "u sqrt(q/(1 - u^2)) is continuous, 0 at u = 0 and unbounded at u = 1 if q(1) = E phi(e)^2"
        " > 0: a share for every beta > 0; if q(1) = 0, u = 1 (h = e, w = beta) solves the balance"
        " itself",
        "no size",
        ("share_balance", "activation", "recall"),
    ),
    identity(
        "share_substitution",
        "t^2 = v/(1 - v): h = r (g + t e), r^2 = 1/(1 + t^2), (beta/sigma)^2 = v E phi(h)^2/r^2",
        "no size",
        _substitution,
        ("share_balance",),
    ),
    identity(
        "second_derivatives",
        "tanh'' = -2 tanh (1 - tanh^2), erf'' = -2 x erf'",
        "no size",
        _star_shaped,
    ),
    decided(
        "star_shaped",
        "tanh and erf are concave on x >= 0; a concave phi with phi(0) = 0 has (phi(x)/x)^2"
        " non-increasing in |x|",
        "no size",
        _concave,
        ("second_derivatives", "concave"),
    ),
    cited(
        "shift",
        "anderson",
        "E phi(r (g + t e))^2 is non-decreasing in t at fixed r, for every value of e",
        "no size",
        {"even": ("concave",), "monotone": ("concave",)},
    ),
    decided(
        "increasing_product",
        "v increasing, E phi(h)^2/r^2 > 0 non-decreasing: their product increases",
        "no size",
        _product,
    ),
    deduced(
        "uniqueness",
        "phi odd, non-decreasing, concave on x >= 0 and not 0: as v grows r falls, so (phi(r"
        " y)/r)^2 rises for each y = g + t e, and t rises: (beta/sigma)^2 increases with v. One"
        " share, one w for every beta > 0 and every input law",
        "no size",
        ("share_substitution", "star_shaped", "shift", "increasing_product", "existence"),
    ),
    identity(
        "outlier",
        "the candidate outlier -(beta/q) E phi phi'(h)(e - u h) is nu* = -v (1 - v) q'(v)/q in"
        " units of w",
        "no size",
        _parts,
        ("by_parts", "conditioning", "share_variance", "cavity"),
    ),
    identity(
        "fold",
        "d/dv (v q/(1 - v)) = q/(1 - v)^2 (1 - nu*/w): the outlier reaches the multiplier 1 exactly"
        " where the branch folds; where beta increases with u it is below w",
        "no size",
        _fold,
        ("outlier", "share_balance"),
    ),
)
