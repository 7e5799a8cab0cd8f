"""Steps of N7 for Gaussian inputs above the threshold beta_c.

They give the edge of stability, the sensitivity, the level lines and the effect of a finite width.
"""

from __future__ import annotations

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.proof import Sentence, cited, decided, deduced, identity
from .cavity import BALANCE, BETA, SIGMA, A, C, M, Q, W, balanced, named


def _edge():
    a, sigma, beta, w, q, m = sp.symbols("a sigma beta w q m")
    given = (sigma > 0, m >= 0, w > 0, sp.Eq(w**2, sigma**2 * q + beta**2))
    radius, scale, threshold2 = a + sigma * m, a + w, sigma**2 * (m**2 - q)
    return [
        Sentence(given, sp.Equivalent(radius < scale, beta**2 > threshold2)),
        Sentence(given, sp.Equivalent(sp.Eq(radius, scale), sp.Eq(beta**2, threshold2))),
        Sentence((*given, m**2 <= q, beta > 0), radius < scale),
        Sentence((*given[2:], beta**2 > threshold2), radius < scale),
    ]


def _edge_identity():
    threshold = formula("mean_field_threshold")(SIGMA, Q, C)
    # the exact gap is 1 - rho = (beta^2 - beta_c^2)/((a + w)(w + sigma m))
    gap = 1 - (A + SIGMA * M) / (A + W)
    excess = BETA**2 - SIGMA**2 * (M**2 - Q)
    return [
        Equation(threshold**2, SIGMA**2 * (C - Q)),
        Equation(gap, excess / ((A + W) * (W + SIGMA * M)), BALANCE, balanced),
    ]


def _sensitivity():
    x, t = sp.symbols("X t", positive=True)  # X = X_n = (t/w)^{2n}
    # (w^2 - t^2) Sum_{k<n} t^{2k}/w^{2k+2} = 1 - X_n by induction over n, and in full for n = 1..4
    sums = {n: sum(t ** (2 * k) / W ** (2 * k + 2) for k in range(n)) for n in range(1, 5)}
    partial = [Equation((W**2 - t**2) * sums[n], 1 - (t / W) ** (2 * n)) for n in sums]
    law = formula("mean_field_sensitivity")
    threshold = formula("mean_field_threshold")(SIGMA, Q, C)
    return [
        Equation((1 - x) + (W**2 - t**2) * x / W**2, 1 - x * t**2 / W**2),
        *partial,
        Equation(BETA**2 / (W**2 - SIGMA**2 * C), law(SIGMA, BETA, Q, C), BALANCE, balanced),
        Equation(law(SIGMA, BETA, Q, C) * (BETA**2 - threshold**2), BETA**2),
        Equation(law(SIGMA, BETA, Q, Q), sp.Integer(1)),
    ]


def _levels():
    rho = sp.Symbol("rho", positive=True)
    level = formula("mean_field_level_nonlinear")(A, SIGMA, rho, Q, C)
    norm = (A + SIGMA * M) / rho - A
    return [
        Equation(named(sp.expand(level**2)), sp.expand(norm**2 - SIGMA**2 * Q)),
        Equation((A + SIGMA * M) / (A + norm), rho),
        Equation(named(sp.expand((level**2).subs(rho, 1))), SIGMA**2 * (M**2 - Q)),
    ]


def _finite_width():
    # b = beta^2 - beta_c^2, so that w = sqrt(c sigma^2 + b); gap = w/(sigma sqrt(c)) - 1
    b, quarter = sp.symbols("b q_d", positive=True)
    gap = sp.series(sp.sqrt(1 + b / (C * SIGMA**2)) - 1, b, 0, 2).removeO()
    beta = sp.sqrt(b + SIGMA**2 * (C - Q))
    x = formula("scaling_variable_nonlinear")(SIGMA, beta, quarter**4, Q, C)
    linear = formula("scaling_variable_nonlinear")(SIGMA, BETA, quarter**4, 1, 1)
    return [
        Equation(quarter**2 * gap, sp.expand(x**2) / 2),
        Equation(linear, formula("scaling_variable")(SIGMA, BETA, quarter**4)),
    ]


THRESHOLD_STEPS = (
    decided(
        "edge",
        "rho < 1 iff beta^2 > sigma^2 (c - q), rho = 1 iff equal, for every a >= 0; c <= q: rho < 1"
        " for every beta > 0",
        "d -> infinity",
        _edge,
        ("rho_law",),
    ),
    decided(
        "above_the_edge",
        "beta > 0, beta^2 > sigma^2 (c - q): rho < 1",
        "d -> infinity",
        lambda: _edge()[-1:],
        ("edge", "above_edge", "recall"),
    ),
    identity(
        "edge_identity",
        "beta_c = sigma sqrt(c - q), and 1 - rho = (beta^2 - beta_c^2)/((a + w)(w + sigma"
        " sqrt(c)))",
        "d -> infinity",
        _edge_identity,
        ("rho_law",),
    ),
    cited(
        "traces",
        "tensor_program",
        "M = A D, D = diag phi'(h) taken as independent of A, v Gaussian and independent: (1/d)"
        " <M^j v, M^k v>, hence (1/d) tr (M^j)^T M^k, tends to (sigma^2 c)^k for j = k, else to 0",
        "d -> infinity",
        {
            "gaussian": ("ginibre",),
            "input": ("cavity",),
            "growth": ("activation",),
            "steps": ("limit",),
        },
    ),
    identity(
        "sensitivity_series",
        "beta^2 Sum_k (sigma^2 c)^k/w^{2k+2} = beta^2/(w^2 - sigma^2 c) (partial sums) ="
        " beta^2/(beta^2 - beta_c^2); 1 for q = c (N6)",
        "every n by induction",
        _sensitivity,
        ("edge_identity", "norm_balance"),
    ),
    deduced(
        "sensitivity",
        "S = beta (w - P A D)^{-1} P differs from beta (w - A D)^{-1} = beta Sum_k (A D)^k/w^{k+1}"
        " by a matrix of rank <= 2, bounded since no eigenvalue of A D comes near w: (1/d) tr S S^T"
        " tends to beta^2/(beta^2 - beta_c^2), whatever a, and diverges at the threshold",
        "d -> infinity",
        ("traces", "sensitivity_series", "outlier_gaussian", "edge", "above_edge"),
    ),
    identity(
        "level_lines",
        "rho is constant where w = (a + sigma sqrt(c))/rho - a; rho = 1 is beta_c",
        "d -> infinity",
        _levels,
        ("rho_law",),
    ),
    identity(
        "finite_width",
        "the gap w/(sigma sqrt(c)) - 1 in units of the edge width d^(-1/2) is x^2/2 to leading"
        " order, x = d^(1/4) sqrt((beta^2 - beta_c^2)/c)/sigma: the edge is smeared where x is of"
        " order 1 (heuristic: the width of the Ginibre edge)",
        "no size",
        _finite_width,
        ("edge_identity",),
    ),
)
