"""Steps of N7 for inputs that are not Gaussian: the share of the input in the state.

They prove its existence and uniqueness, and the outlier. At the fixed point h = sqrt(1 - u^2) g + u
e with u = beta/w, whatever beta, sigma and a; so the only unknown is u, or v = u^2.
"""

from __future__ import annotations

import random
from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, rational
from ..kernel.proof import Sentence, both, cited, decided, deduced, enclosed, identity
from ..kernel.vectors import span
from .gaussian import ball, digits

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


SQUARE_SHARE, SQUARE_KURTOSIS = sp.Rational(7, 10), sp.Integer(50)


def square_moment(v: Any, kurtosis: Any) -> Any:
    """The moment q = E h^4 of phi(x) = x^2, where h = sqrt(1 - v) g + sqrt(v) e.

    `kurtosis` is E e^4.
    """
    return 3 + (kurtosis - 3) * v**2


def _square():
    v, kurtosis, r, u = sp.symbols("v kappa r u")
    q = square_moment(v, kurtosis)
    # the average of (r g + u e)^4; odd powers of g average to 0
    fourth = 3 * r**4 + 6 * r**2 * u**2 + kurtosis * u**4
    in_v = {r**4: (1 - v) ** 2, r**2: 1 - v, u**2: v, u**4: v**2}
    share = formula("input_outlier")(v, q, sp.diff(q, v))
    at = {v: SQUARE_SHARE, kurtosis: SQUARE_KURTOSIS}
    moment, outlier = q.subs(at), share.subs(at)
    # sigma sqrt(c)/w with c = E (2h)^2 = 4 and sigma^2 q/w^2 = 1 - v
    bulk = sp.sqrt(4 * (1 - SQUARE_SHARE) / moment)
    return [
        Equation(sp.expand(fourth).subs(in_v), q),
        Equation(share, -2 * (kurtosis - 3) * v**2 * (1 - v) / q),
        Equation(outlier, -sp.Rational(6909, 13015)),
        Equation(bulk**2, sp.Rational(120, 2603)),
        Equation(formula("mean_field_rho_outlier")(0, 1, bulk, outlier), sp.Rational(6909, 13015)),
    ]


def _fold():
    v = sp.Symbol("v", positive=True)
    q = sp.Function("q")(v)
    x, y = sp.symbols("x y", positive=True)
    slope = sp.diff(v * q / (1 - v), v).subs(sp.diff(q, v), y).subs(q, x)
    return [Equation(slope, x / (1 - v) ** 2 * (1 - formula("input_outlier")(v, x, y)))]


def _relu():
    x, y = sp.symbols("x y")  # y = |x|
    plus, minus = (x + y) / 2, (-x + y) / 2
    given = (sp.Eq(y**2, x**2), y >= 0)
    parts = both(plus >= 0, minus >= 0, sp.Eq(plus - minus, x), sp.Eq(plus * minus, 0))
    return [Sentence(given, sp.Eq(plus**2 + minus**2, x**2)), Sentence(given, parts)]


def _variance():
    g, e = span("g e", {("g", "g"): 1, ("e", "g"): 0, ("e", "e"): 1})
    root = sp.Symbol("root", positive=True)
    h = root * g + U * e

    def point(rng: random.Random):
        t = sp.Rational(rng.randint(1, 9), 10)
        return {root: (1 - t**2) / (1 + t**2), U: 2 * t / (1 + t**2)}

    return [Equation(h.dot(h), sp.Integer(1), (root**2 + U**2 - 1,), point)]


def _sine_pair():
    # phi = sin(pi x) has phi(e) = 0 at e = +-1, so that h = e is a fixed point for every beta; a
    # second one exists below beta = pi sigma
    v = sp.Symbol("v", positive=True)
    q = formula("sin_moment")(sp.pi, sp.sqrt(1 - v), sp.sqrt(v))
    return [
        Equation(sp.simplify(q.subs(v, 1)), sp.Integer(0)),
        # (beta/sigma)^2 = v q/(1 - v) tends to pi^2 as v -> 1, where E phi'^2 is pi^2: h = e is
        # stable iff beta > pi sigma
        Equation(sp.limit(v * q / (1 - v), v, 1) / sp.pi**2, sp.Integer(1)),
        Equation(sp.simplify(formula("sin_slope")(sp.pi, 0, 1)) / sp.pi**2, sp.Integer(1)),
    ]


def _sparse_parts(name: str, gain: int, share: Any, density: Any) -> flint.acb:
    """E phi(h)^2 or E phi'(h)^2 for phi = tanh(gain x), at the share u of a sparse input.

    The entries of the input are +-1/sqrt(density) with that density, and 0 otherwise.
    """
    spread = sp.sqrt(1 - share**2)
    with flint.ctx.workprec(64):
        on = ball(formula(name)(gain, spread, share / sp.sqrt(density)), growth=gain**2)
        off = ball(formula(name)(gain, spread, 0), growth=gain**2) if density != 1 else on
    mixture = formula("sparse_mixture")
    p, x, y = sp.symbols("p x y")
    return ball(mixture(p, x, y), {p: ball(density), x: on, y: off})


def _mixture():
    p, x = sp.symbols("p x", positive=True)
    mixture = formula("sparse_mixture")
    # the variance is p (1/p) = 1, the fourth moment 1/p, and a constant keeps its mean
    return [
        Equation(mixture(p, 1 / p, 0), sp.Integer(1)),
        Equation(mixture(p, 1 / p**2, 0), 1 / p),
        Equation(mixture(p, x, x), x),
    ]


SIGNS, SPARSE = sp.Integer(1), sp.Rational(1, 20)
SIGNS_SHARE, SIGNS_RHO = "0.90448485652391836", "0.3263230532"
"""u and rho of tanh(3x), +-1 entries, sigma = 1, beta = 2, a = 0 (certified in step input_examples)
"""


def _examples():
    """The share and the law for phi = tanh(3x), sigma = 1, beta = 2, a = 0.

    The entries are +-1, sparse with a density of 5 %, or Gaussian.
    """
    bounds = []
    u, q, c = sp.symbols("u q c")
    law = formula("mean_field_rho_nonlinear")(0, 1, 2, q, c)
    cases = (
        ("+-1 entries", SIGNS, SIGNS_SHARE, SIGNS_RHO),
        ("5 % sparse entries", SPARSE, "0.95521977571879441", "0.9949983991"),
    )
    for label, density, share, rho in cases:
        exact = sp.Rational(share)
        names = ("tanh_moment", "tanh_slope")
        moment, slope = (_sparse_parts(name, 3, exact, density) for name in names)
        recall = ball(formula("recall_of_share")(u, q), {u: ball(exact), q: moment})
        radius = ball(law, {q: moment, c: slope})
        bounds += [
            digits(f"beta/sigma at u = {share}, {label}", recall, "2.0000000000"),
            digits(f"rho, {label}", radius, rho),
        ]
    moment = ball(formula("tanh_moment")(3, 1, 0))
    slope = ball(formula("tanh_slope")(3, 1, 0), growth=9)
    radius = ball(law, {q: moment, c: slope})
    return [*bounds, digits("rho, Gaussian entries", radius, "0.57485213")]


INPUT_STEPS = (
    identity(
        "share_balance",
        "w^2 = sigma^2 q + beta^2 with u = beta/w: beta/sigma = u sqrt(q(u)/(1 - u^2)), q(u) = E"
        " phi(sqrt(1 - u^2) g + u e)^2",
        "every input law",
        _share,
        ("norm_balance",),
    ),
    identity(
        "share_variance",
        "h = sqrt(1 - u^2) g + u e has variance 1 for every input law of variance 1",
        "every u",
        _variance,
    ),
    deduced(
        "existence",
        "u sqrt(q/(1 - u^2)) is continuous, 0 at u = 0 and unbounded at u = 1 if q(1) = E phi(e)^2"
        " > 0: a share for every beta > 0; if q(1) = 0, u = 1 (h = e, w = beta) solves the balance"
        " itself",
        "every continuous phi",
        ("share_balance", "activation", "recall"),
    ),
    identity(
        "share_substitution",
        "t^2 = v/(1 - v): h = r (g + t e), r^2 = 1/(1 + t^2), (beta/sigma)^2 = v E phi(h)^2/r^2",
        "every v in (0, 1)",
        _substitution,
        ("share_balance",),
    ),
    identity(
        "second_derivatives",
        "tanh'' = -2 tanh (1 - tanh^2), erf'' = -2 x erf'",
        "every x",
        _star_shaped,
    ),
    decided(
        "star_shaped",
        "tanh and erf are concave on x >= 0; a concave phi with phi(0) = 0 has (phi(x)/x)^2"
        " non-increasing in |x|",
        "every x",
        _concave,
        ("second_derivatives", "concave"),
    ),
    cited(
        "shift",
        "anderson",
        "E phi(r (g + t e))^2 is non-decreasing in t at fixed r, for every value of e",
        "every input law",
        {"even": ("concave",), "monotone": ("concave",)},
    ),
    decided(
        "increasing_product",
        "v increasing, E phi(h)^2/r^2 > 0 non-decreasing: their product increases",
        "every v",
        _product,
    ),
    deduced(
        "uniqueness",
        "phi odd, non-decreasing, concave on x >= 0 and not 0: as v grows r falls, so (phi(r"
        " y)/r)^2 rises for each y = g + t e, and t rises: (beta/sigma)^2 increases with v. One"
        " share, one w for every beta > 0 and every input law",
        "every input law",
        ("share_substitution", "star_shaped", "shift", "increasing_product", "existence"),
    ),
    identity(
        "outlier",
        "the candidate outlier -(beta/q) E phi phi'(h)(e - u h) is nu* = -v (1 - v) q'(v)/q in"
        " units of w",
        "every input law",
        _parts,
        ("by_parts", "conditioning", "share_variance", "cavity"),
    ),
    identity(
        "fold",
        "d/dv (v q/(1 - v)) = q/(1 - v)^2 (1 - nu*/w): the outlier reaches the multiplier 1 exactly"
        " where the branch folds; where beta increases with u it is below w",
        "every input law",
        _fold,
        ("outlier", "share_balance"),
    ),
    identity(
        "square_outlier",
        "phi = x^2 (cut off beyond the entries of h): q = 3 + (E e^4 - 3) v^2, c = 4; at E e^4 ="
        " 50, v = 7/10: nu* = -0.531 w, the bulk ends at 0.215 w: rho is the outlier's, not (a +"
        " sigma sqrt(c))/(a + w)",
        "every kurtosis and share",
        _square,
        ("outlier", "share_balance"),
    ),
    decided(
        "relu_split",
        "ReLU(x)^2 + ReLU(-x)^2 = x^2, and just one of the two is active for x != 0",
        "every x",
        _relu,
    ),
    deduced(
        "relu_immune",
        "h symmetric of variance 1 without an atom at 0: q = E ReLU(h)^2 = 1/2 and c = P(h > 0) ="
        " 1/2 for every symmetric input law: the Gaussian law holds, w and rho included, and nu* ="
        " 0 since q' = 0",
        "every symmetric input law",
        ("relu_split", "share_variance", "outlier"),
    ),
    identity(
        "two_solutions",
        "phi = sin(pi x), e = +-1: h = e solves the balance for every beta, a share u < 1 besides"
        " it for beta < pi sigma (the law there is rho = pi sigma/beta at a = 0): uniqueness needs"
        " more than oddness",
        "d -> infinity",
        _sine_pair,
        ("share_balance", "sin_moments"),
    ),
    identity(
        "sparse_mixture",
        "entries +-1/sqrt(p) with probability p, else 0: moments are mixtures; variance 1, fourth"
        " moment 1/p (p = 1: signs)",
        "every density p",
        _mixture,
    ),
    enclosed(
        "input_examples",
        "tanh(3x), sigma = 1, beta = 2, a = 0: rho = 0.5749 for Gaussian, 0.3263 for +-1, 0.9950"
        " for 5 % sparse entries",
        "d -> infinity",
        _examples,
        ("uniqueness", "rho_law", "tanh_moments", "sparse_mixture"),
    ),
)
