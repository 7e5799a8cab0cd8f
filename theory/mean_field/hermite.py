"""Steps of N7 from the Hermite coefficients of phi: which phi have a threshold.

They also prove global reachability above the threshold at a = 0.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import sympy as sp

from ..kernel.algebra import Equation
from ..kernel.proof import Sentence, cited, decided, deduced, identity

DEGREE = 5
"""degree of the polynomials in step hermite_polynomials"""


def _hermite():
    """The moments q and c of polynomials of degree 5 with free Hermite coefficients, exactly."""
    x = sp.Symbol("x")
    c = sp.symbols(f"c:{DEGREE + 1}")
    hermite = [sp.Integer(1), x]
    for k in range(1, DEGREE):
        hermite.append(sp.expand(x * hermite[k] - k * hermite[k - 1]))

    def mean(poly: sp.Expr) -> sp.Expr:
        total = sp.Integer(0)
        for (power,), value in sp.Poly(sp.expand(poly), x).terms():
            total += value * (sp.factorial2(power - 1) if power % 2 == 0 else 0)
        return total

    def weighted(weight: Any) -> sp.Expr:
        return sum((weight(k) * c[k] ** 2 * factorial(k) for k in range(DEGREE + 1)), sp.Integer(0))

    # the coefficient in the orthonormal basis He_k/sqrt(k!) is c_k sqrt(k!)
    phi = sum((c[k] * hermite[k] for k in range(DEGREE + 1)), sp.Integer(0))
    q, slope = mean(phi**2), mean(sp.diff(phi, x) ** 2)
    return [
        *(Equation(sp.diff(hermite[k], x), k * hermite[k - 1]) for k in range(1, DEGREE + 1)),
        Equation(q, weighted(lambda k: 1)),
        Equation(slope, weighted(lambda k: k)),
        Equation(slope - q, weighted(lambda k: k - 1)),
    ]


def _signs():
    zero, two, three, rest = sp.symbols("c0 c2 c3 T")  # T = Sum_{k >= 4} (k - 1) c_k^2 >= 0
    gap = -(zero**2) + two**2 + 2 * three**2 + rest
    return [
        Sentence((rest >= 0,), gap >= -(zero**2)),
        Sentence((rest >= 0, sp.Eq(zero, 0)), sp.Equivalent(gap > 0, two**2 + three**2 + rest > 0)),
        # a non-zero mean can remove the threshold
        Sentence((rest >= 0, zero**2 >= two**2 + 2 * three**2 + rest), gap <= 0),
    ]


def _bernoulli():
    r, k, power = sp.symbols("r k p")  # p = r^k
    bump = power - 1 - k * (r - 1)
    # induction over k, from k = 1 where the left side is 0
    return [
        Equation(r * power - 1 - (k + 1) * (r - 1), r * bump + k * (r - 1) ** 2),
        Equation(bump.subs({k: 1, power: r}), sp.Integer(0)),
    ]


def _reach():
    sigma2, beta2, q, c, r, bump, zero = sp.symbols("s b q c r B c0sq")
    # Q(r) = q + c (r - 1) + B with B = Sum c_k^2 (r^k - 1 - k (r - 1)) >= 0; everything is in units
    # of w^2 = sigma^2 q + beta^2
    image = sigma2 * (q + c * (r - 1) + bump) + beta2
    norm = sigma2 * q + beta2
    return [
        Sentence((sigma2 > 0, r < 1, bump >= 0, sigma2 * c < norm), image > r * norm),
        Sentence((sigma2 > 0, bump > 0, sp.Eq(sigma2 * c, norm)), image > r * norm),
        # slope > 1: the map lies above the diagonal at r = 0 and below it at r = 1 - delta, where
        # B = o(delta) makes B <= delta (slope - 1)/2
        Sentence(
            (r < 1, sigma2 * c > norm, 2 * sigma2 * bump <= (1 - r) * (sigma2 * c - norm)),
            image < r * norm,
        ),
        Sentence((sigma2 > 0, beta2 > 0, zero >= 0), sigma2 * zero + beta2 > 0),
        # an affine phi has c = c_1^2 and q = c_0^2 + c_1^2, and its slope is below 1 for beta > 0
        Sentence((sigma2 > 0, beta2 > 0, zero >= 0, sp.Eq(q, zero + c)), sigma2 * c < norm),
    ]


HERMITE_STEPS = (
    identity(
        "hermite_polynomials",
        "E phi^2 = Sum c_k^2, E phi'^2 = Sum k c_k^2, c - q = Sum (k - 1) c_k^2 for polynomials",
        "m in {0..5}",
        _hermite,
    ),
    cited(
        "hermite",
        "hermite_expansion",
        "the same for every activation; and Q(r) = Sum c_k^2 r^k, so Q(1) = q, Q'(1) = c",
        "no size",
        {"square_integrable": ("activation",)},
        ("hermite_polynomials",),
    ),
    decided(
        "threshold_sign",
        "c - q >= -c_0^2; for E phi = 0 it is > 0 iff phi is not linear (some c_k != 0, k >= 2):"
        " odd nonlinear phi has a threshold; a large mean removes it",
        "no size",
        _signs,
        ("hermite",),
    ),
    identity(
        "tangent_line",
        "r^k - 1 - k(r - 1) obeys B_{k+1} = r B_k + k (r - 1)^2, B_1 = 0",
        "every k by induction",
        _bernoulli,
    ),
    cited(
        "finite_loops",
        "tensor_program",
        "a = 0, h_0 = e, finitely many loops: the entries of h_1, ..., h_t tend to Gaussians of"
        " unit variance, <h_t, h_{t+1}>/d to r_t with r_{t+1} = (sigma^2 Q(r_t) + beta^2)/w^2",
        "every t, d -> infinity",
        {
            "gaussian": ("ginibre", "independent"),
            "input": ("gaussian_input",),
            "growth": ("activation",),
            "steps": ("limit",),
        },
        ("hermite", "norm_balance"),
    ),
    decided(
        "global_reachability",
        "on 0 <= r < 1: slope sigma^2 c/w^2 < 1, or = 1 with phi not affine: r' > r; slope > 1: r'"
        " > r at 0 and r' < r near 1; for affine phi the slope is < 1",
        "no size",
        _reach,
        ("tangent_line", "hermite", "recall"),
    ),
    deduced(
        "reachable_in_the_mean_field",
        "so r_t increases to 1 iff beta >= beta_c: |h_{t+1} - h_t|^2/d = 2(1 - r_t) -> 0 as first"
        " d, then t tends to infinity; below beta_c it stays away from 0. At fixed d with t ->"
        " infinity this is the cavity assumption, measured below",
        "d -> infinity, t -> infinity",
        ("finite_loops", "global_reachability", "edge"),
    ),
)
