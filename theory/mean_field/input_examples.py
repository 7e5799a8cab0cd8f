"""Steps of N7 with worked inputs that are not Gaussian.

They are x^2 and sparse entries, where the outlier decides; ReLU, which no input law affects; sin,
with two solutions; and tanh with +-1 and with sparse entries.
"""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.proof import Sentence, both, decided, deduced, enclosed, identity
from .gaussian import ball, digits

SQUARE_SHARE, SQUARE_KURTOSIS = sp.Rational(7, 10), sp.Integer(50)
"""v = u^2 and E e^4 in step square_outlier; 2 % sparse entries have this kurtosis"""


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
    radius, half = formula("mean_field_rho_outlier"), sp.Rational(1, 2)
    return [
        Equation(sp.expand(fourth).subs(in_v), q),
        Equation(share, -2 * (kurtosis - 3) * v**2 * (1 - v) / q),
        Equation(outlier, -sp.Rational(6909, 13015)),
        Equation(bulk**2, sp.Rational(120, 2603)),
        Equation(radius(0, 1, bulk, outlier), sp.Rational(6909, 13015)),
        # with a residual: the bulk reaches farther, then an eigenvalue on the right, on the left
        Equation(radius(1, 2, half, -half / 2), sp.Rational(2, 3)),
        Equation(radius(1, 2, half, 3 * half / 2), sp.Rational(5, 6)),
        Equation(radius(1, 5, half / 5, -9 * half / 5), sp.Rational(7, 12)),
    ]


def _relu():
    x, y = sp.symbols("x y")  # y = |x|
    plus, minus = (x + y) / 2, (-x + y) / 2
    given = (sp.Eq(y**2, x**2), y >= 0)
    parts = both(plus >= 0, minus >= 0, sp.Eq(plus - minus, x), sp.Eq(plus * minus, 0))
    return [Sentence(given, sp.Eq(plus**2 + minus**2, x**2)), Sentence(given, parts)]


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
"""densities of the entries of the input"""


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


EXAMPLE_STEPS = (
    identity(
        "square_outlier",
        "phi = x^2 (cut off beyond the entries of h): q = 3 + (E e^4 - 3) v^2, c = 4; at E e^4 ="
        " 50, v = 7/10: nu* = -0.531 w, the bulk ends at 0.215 w: rho is the outlier's, not (a +"
        " sigma sqrt(c))/(a + w)",
        "no size",
        _square,
        ("outlier", "share_balance"),
    ),
    decided(
        "relu_split",
        "ReLU(x)^2 + ReLU(-x)^2 = x^2, and just one of the two is active for x != 0",
        "no size",
        _relu,
    ),
    deduced(
        "relu_immune",
        "h symmetric of variance 1 without an atom at 0: q = E ReLU(h)^2 = 1/2 and c = P(h > 0) ="
        " 1/2 for every symmetric input law: the Gaussian law holds, w and rho included, and nu* ="
        " 0 since q' = 0",
        "no size",
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
        "no size",
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
