"""Steps of N7 by the cavity method, for Gaussian inputs, and for a linear loop with gains.

They are the balance of the norm, the bulk, the outlier and the law of rho. The algebra is exact;
the one heuristic is that diag phi'(h) may be treated as independent of A, the cavity assumption.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.proof import Sentence, both, cited, decided, identity
from ..kernel.vectors import span

A, SIGMA, BETA, W, Q, C, M = sp.symbols("a sigma beta w q c m", positive=True)
BALANCE = (W**2 - SIGMA**2 * Q - BETA**2,)
"""the relation w^2 = sigma^2 q + beta^2"""


def balanced(rng: random.Random):
    """Random rational values with w^2 = sigma^2 q + beta^2 and m^2 = c."""
    beta, sigma, gap, m, a = (rational(rng, positive=True) for _ in range(5))
    w = beta + gap
    q = (w**2 - beta**2) / sigma**2
    return {A: a, SIGMA: sigma, BETA: beta, W: w, Q: q, M: m, C: m**2}


def named(expression: Any) -> Any:
    """The expression with w for sqrt(sigma^2 q + beta^2) and m for sqrt(c)."""
    return expression.subs({sp.sqrt(SIGMA**2 * Q + BETA**2): W, sp.sqrt(C): M})


def _norm_balance():
    # x = A phi(h) and e have |x|^2 = d sigma^2 q, <x, e> = 0, |e|^2 = d; in units of d
    x, e = span("x e", {("x", "x"): SIGMA**2 * Q, ("e", "x"): 0, ("e", "e"): 1})
    h = (1 / W) * (x + BETA * e)
    z = A * h + x + BETA * e
    scale = named(formula("mean_field_scale_nonlinear")(A, SIGMA, BETA, Q))
    return [
        Equation(h.dot(h), sp.Integer(1), BALANCE, balanced),
        *(Equation(z[name], (scale * h)[name]) for name in ("x", "e")),
    ]


def _pinned(rng: random.Random, size: int):
    """A random F, of full or lower rank, and a G with F G F = F."""
    f, g = letters("F G")
    basis, other, rank = random_matrix(rng, size), random_matrix(rng, size), rng.randint(1, size)
    head = [1] * rank + [0] * (size - rank)
    return {f: basis * diagonal(head) * other, g: other.inv() * diagonal(head) * basis.inv()}


def _conditioning():
    weights, f, g = letters("A F G")  # G = F^+, so that F G F = F
    rules = (((f, g, f), f),)
    # A F = Y means A = Y G + A (1 - F G), and the second part annihilates F
    return [
        Words(weights * f * g + weights * (1 - f * g), weights),
        Words((weights * f * g + weights * (1 - f * g)) * f, weights * f, rules, _pinned),
        Words(weights * (1 - f * g) * f, 0 * f, rules, _pinned),
    ]


def _outlier_gaussian():
    # in each coordinate h = (sigma sqrt(q) g + beta e)/w; e - (beta/w) h and h are jointly Gaussian
    # and uncorrelated, hence independent
    root = sp.Symbol("root_q", positive=True)
    where = (W**2 - SIGMA**2 * root**2 - BETA**2,)

    def pythagoras(rng: random.Random):
        t = sp.Rational(rng.randint(1, 9), 10)
        size, sigma = rational(rng, positive=True), rational(rng, positive=True)
        cosine, sine = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
        return {W: size, BETA: size * cosine, root: size * sine / sigma, SIGMA: sigma}

    g, e = span("g e", {("g", "g"): 1, ("e", "g"): 0, ("e", "e"): 1})
    h = (1 / W) * ((SIGMA * root) * g + BETA * e)
    rest = e - (BETA / W) * h
    return [
        Equation(rest.dot(h), sp.Integer(0), where, pythagoras),
        Equation(rest.dot(rest), (SIGMA * root / W) ** 2, where, pythagoras),
    ]


def _law():
    law, linear = formula("mean_field_rho_nonlinear"), formula("mean_field_rho")
    return [
        Equation(named(law(A, SIGMA, BETA, Q, C)), (A + SIGMA * M) / (A + W)),
        # q = c = 1 is N6
        Equation(law(A, SIGMA, BETA, 1, 1) / linear(A, SIGMA, BETA), sp.Integer(1)),
    ]


def _gain_cavity():
    x, beta2, m2 = sp.symbols("x b m2")
    # x = sigma^2 E gamma^2 k^2 = (x + beta^2) m2, m2 = sigma^2 E gamma^2/(s - a gamma)^2
    return [Sentence((x > 0, beta2 > 0, sp.Eq(x, (x + beta2) * m2)), both(m2 > 0, m2 < 1))]


def _gain_edge():
    s, n, a, g, z = sp.symbols("s n a g z")
    # |n - a gamma| >= s - a gamma for |n| >= s > a gamma, so that outside the disc of radius s
    # sigma^2 E gamma^2/|n - a gamma|^2 <= m2 < 1
    given = (a >= 0, g > 0, s > a * g, n**2 + z**2 >= s**2)
    return [Sentence(given, (n - a * g) ** 2 + z**2 >= (s - a * g) ** 2)]


CAVITY_STEPS = (
    identity(
        "norm_balance",
        "A phi(h) has entries of variance sigma^2 q, uncorrelated with e: w^2 = sigma^2 q + beta^2,"
        " s = a + w, the entries of h have variance 1",
        "every d",
        _norm_balance,
        ("ginibre", "independent", "recall", "eps_zero_gain_one"),
    ),
    identity(
        "conditioning",
        "given A F = Y: A = Y F^+ + A (1 - F F^+), and the second part annihilates F",
        "every d",
        _conditioning,
    ),
    cited(
        "bulk",
        "profile_radius",
        "A D, D = diag phi'(h) taken as independent of A, has the spectral radius sigma sqrt(c) in"
        " the limit",
        "d -> infinity",
        {"independent": ("ginibre", "cavity"), "profile": ("cavity",), "limit": ("limit",)},
    ),
    identity(
        "outlier_gaussian",
        "conditioning on A phi(h) = w h - beta e leaves one candidate outlier, nu* = -(beta/q)"
        " E[phi phi'(h)(e - (beta/w) h)]; e - (beta/w) h is uncorrelated with h: for Gaussian e"
        " independent of it, nu* = 0",
        "d -> infinity",
        _outlier_gaussian,
        ("conditioning", "cavity", "gaussian_input"),
    ),
    identity(
        "rho_law",
        "J on h^perp has the spectrum (a + nu)/(a + w) (M1): rho = (a + sigma sqrt(c))/(a +"
        " sqrt(sigma^2 q + beta^2)); N6 is q = c = 1",
        "d -> infinity",
        _law,
        ("bulk", "outlier_gaussian", "norm_balance"),
    ),
)

GAIN_STEPS = (
    decided(
        "gain_self_consistency",
        "linear loop with gains gamma and a > 0 (cavity equations, not simulated): k_i has variance"
        " (x + beta^2)/(s - a gamma_i)^2, x = sigma^2 E gamma^2 k^2; then sigma^2 E gamma^2/(s - a"
        " gamma)^2 = x/(x + beta^2) < 1",
        "d -> infinity",
        _gain_cavity,
        ("cavity",),
    ),
    decided(
        "gain_edge",
        "|n| >= s > a gamma: |n - a gamma| >= s - a gamma: no bulk outside the disc |n| < s, so"
        " gains make no threshold in a linear loop",
        "no size",
        _gain_edge,
        ("gain_self_consistency",),
    ),
)
