"""Steps of N7 for Gaussian inputs: norm balance, bulk, outlier, edge, Hermite form of the threshold, global reachability at a = 0.

Exact algebra around one heuristic: that diag phi'(h) may be treated as independent of A (the cavity assumption).
"""

from __future__ import annotations

import random
from math import factorial
from typing import Any

import sympy as sp

from theory.algebra import Equation, Words, diagonal, random_matrix, rational
from theory.formulas import formula
from theory.mean_field.invariance import rotations, second_moments
from theory.proof import Sentence, both, cited, decided, deduced, identity
from theory.vectors import span

A, SIGMA, BETA, W, Q, C, M = sp.symbols("a sigma beta w q c m", positive=True)
BALANCE = (W**2 - SIGMA**2 * Q - BETA**2,)
SLOPE = M**2 - C  # m = sqrt(c)


def _balanced(rng: random.Random):
    """Rational values with w^2 = sigma^2 q + beta^2 and m^2 = c."""
    beta, sigma, gap, m = (rational(rng, positive=True) for _ in range(4))
    w = beta + gap
    return {A: rational(rng, positive=True), SIGMA: sigma, BETA: beta, W: w, Q: (w**2 - beta**2) / sigma**2, M: m, C: m**2}


def _named(expression: Any) -> Any:
    """Write w for the norm and m for sqrt(c)."""
    return expression.subs({sp.sqrt(SIGMA**2 * Q + BETA**2): W, sp.sqrt(C): M})


def _norm_balance():
    # x = A phi(h) and e: |x|^2 = d sigma^2 q, <x, e> = 0, |e|^2 = d, in units of d
    x, e = span("x e", {("x", "x"): SIGMA**2 * Q, ("e", "x"): 0, ("e", "e"): 1})
    h = (1 / W) * (x + BETA * e)
    z = A * h + x + BETA * e
    scale = _named(formula("mean_field_scale_nonlinear")(A, SIGMA, BETA, Q))
    return [
        Equation(h.dot(h), sp.Integer(1), BALANCE, _balanced),
        *(Equation(z[name], (scale * h)[name]) for name in ("x", "e")),
    ]


def _pinned(rng: random.Random, size: int):
    """F = f f^+ and its complement for a random f of lower rank."""
    f, g = sp.symbols("F G", commutative=False)
    basis, other, rank = random_matrix(rng, size), random_matrix(rng, size), rng.randint(1, size)
    head = [1] * rank + [0] * (size - rank)
    return {f: basis * diagonal(head) * other, g: other.inv() * diagonal(head) * basis.inv()}


def _conditioning():
    weights, f, g = sp.symbols("A F G", commutative=False)  # G = F^+: F G F = F
    rules = (((f, g, f), f),)
    # given A F = Y, A = Y G + A (1 - F G); the second part does not see F
    return [
        Words(weights * f * g + weights * (1 - f * g), weights),
        Words((weights * f * g + weights * (1 - f * g)) * f, weights * f, rules, _pinned),
        Words(weights * (1 - f * g) * f, 0 * f, rules, _pinned),
    ]


def _outlier_gaussian():
    # per coordinate: h = (sigma sqrt(q) g + beta e)/w; e - (beta/w) h and h are uncorrelated, hence independent (jointly Gaussian)
    root = sp.Symbol("root_q", positive=True)
    where = (W**2 - SIGMA**2 * root**2 - BETA**2,)

    def pythagoras(rng: random.Random):
        t, size, sigma = sp.Rational(rng.randint(1, 9), 10), rational(rng, positive=True), rational(rng, positive=True)
        return {W: size, BETA: size * (1 - t**2) / (1 + t**2), root: size * 2 * t / (1 + t**2) / sigma, SIGMA: sigma}

    g, e = span("g e", {("g", "g"): 1, ("e", "g"): 0, ("e", "e"): 1})
    h = (1 / W) * ((SIGMA * root) * g + BETA * e)
    rest = e - (BETA / W) * h
    return [
        Equation(rest.dot(h), sp.Integer(0), where, pythagoras),
        Equation(rest.dot(rest), (SIGMA * root / W) ** 2, where, pythagoras),
    ]


def _law():
    return [
        Equation(_named(formula("mean_field_rho_nonlinear")(A, SIGMA, BETA, Q, C)), (A + SIGMA * M) / (A + W)),
        # q = c = 1 is N6
        Equation(formula("mean_field_rho_nonlinear")(A, SIGMA, BETA, 1, 1) / formula("mean_field_rho")(A, SIGMA, BETA), sp.Integer(1)),
    ]


def _edge():
    a, sigma, beta, w, q, m = sp.symbols("a sigma beta w q m")
    given = (sigma > 0, m >= 0, w > 0, sp.Eq(w**2, sigma**2 * q + beta**2))
    return [
        Sentence(given, sp.Equivalent(a + sigma * m < a + w, beta**2 > sigma**2 * (m**2 - q))),
        Sentence(given, sp.Equivalent(sp.Eq(a + sigma * m, a + w), sp.Eq(beta**2, sigma**2 * (m**2 - q)))),
        Sentence((*given, m**2 <= q, beta > 0), a + sigma * m < a + w),
    ]


def _edge_identity():
    threshold = formula("mean_field_threshold")(SIGMA, Q, C)
    # exact gap: 1 - rho = (beta^2 - beta_c^2)/((a + w)(w + sigma m))
    gap = 1 - (A + SIGMA * M) / (A + W)
    return [
        Equation(threshold**2, SIGMA**2 * (C - Q)),
        Equation(gap, (BETA**2 - SIGMA**2 * (M**2 - Q)) / ((A + W) * (W + SIGMA * M)), BALANCE, _balanced),
    ]


def _sensitivity():
    x, t = sp.symbols("X t", positive=True)  # X = (t/w)^{2n}
    # (w^2 - t^2) Sum_{k<n} t^{2k}/w^{2k+2} = 1 - X_n: induction over n, then n = 1..4 in full
    partial = [
        Equation((W**2 - t**2) * sum(t ** (2 * k) / W ** (2 * k + 2) for k in range(n)), 1 - (t / W) ** (2 * n)) for n in range(1, 5)
    ]
    law = formula("mean_field_sensitivity")
    threshold = formula("mean_field_threshold")(SIGMA, Q, C)
    return [
        Equation((1 - x) + (W**2 - t**2) * x / W**2, 1 - x * t**2 / W**2),
        *partial,
        Equation(BETA**2 / (W**2 - SIGMA**2 * C), law(SIGMA, BETA, Q, C), BALANCE, _balanced),
        Equation(law(SIGMA, BETA, Q, C) * (BETA**2 - threshold**2), BETA**2),
        Equation(law(SIGMA, BETA, Q, Q), sp.Integer(1)),
    ]


def _levels():
    rho = sp.Symbol("rho", positive=True)
    level = formula("mean_field_level_nonlinear")(A, SIGMA, rho, Q, C)
    norm = (A + SIGMA * M) / rho - A
    return [
        Equation(_named(sp.expand(level**2)), sp.expand(norm**2 - SIGMA**2 * Q)),
        Equation((A + SIGMA * M) / (A + norm), rho),
        Equation(_named(sp.expand((level**2).subs(rho, 1))), SIGMA**2 * (M**2 - Q)),
    ]


def _finite_width():
    b, quarter = sp.symbols("b q_d", positive=True)  # b = beta^2 - beta_c^2, w = sqrt(c sigma^2 + b)
    gap = sp.series(sp.sqrt(1 + b / (C * SIGMA**2)) - 1, b, 0, 2).removeO()  # w/(sigma sqrt(c)) - 1
    beta = sp.sqrt(b + SIGMA**2 * (C - Q))
    x = formula("scaling_variable_nonlinear")(SIGMA, beta, quarter**4, Q, C)
    linear = formula("scaling_variable_nonlinear")(SIGMA, BETA, quarter**4, 1, 1)
    return [
        Equation(quarter**2 * gap, sp.expand(x**2) / 2),
        Equation(linear, formula("scaling_variable")(SIGMA, BETA, quarter**4)),
    ]


DEGREE = 5


def _hermite():
    """Polynomials of degree 5 with free coefficients in the basis He_k/sqrt(k!); Gaussian moments are exact."""
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

    phi = sum((c[k] * hermite[k] for k in range(DEGREE + 1)), sp.Integer(0))  # c_k sqrt(k!) in the orthonormal basis
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
        # a mean can cancel the threshold
        Sentence((rest >= 0, zero**2 >= two**2 + 2 * three**2 + rest), gap <= 0),
    ]


def _bernoulli():
    r, k, power = sp.symbols("r k p")  # p = r^k
    bump = power - 1 - k * (r - 1)
    # the next one from the last: induction from k = 1, where it is 0
    return [Equation(r * power - 1 - (k + 1) * (r - 1), r * bump + k * (r - 1) ** 2), Equation(bump.subs({k: 1, power: r}), sp.Integer(0))]


def _reach():
    sigma2, beta2, q, c, r, bump, zero = sp.symbols("s b q c r B c0sq")
    # Q(r) = q + c (r - 1) + B, B = Sum c_k^2 (r^k - 1 - k (r - 1)) >= 0; all in units of w^2 = sigma^2 q + beta^2
    image = sigma2 * (q + c * (r - 1) + bump) + beta2
    norm = sigma2 * q + beta2
    return [
        Sentence((sigma2 > 0, r < 1, bump >= 0, sigma2 * c < norm), image > r * norm),
        Sentence((sigma2 > 0, bump > 0, sp.Eq(sigma2 * c, norm)), image > r * norm),
        # slope > 1: below the diagonal at r = 1 - delta, where B <= delta (slope - 1)/2 (B = o(delta)); above it at r = 0
        Sentence((r < 1, sigma2 * c > norm, 2 * sigma2 * bump <= (1 - r) * (sigma2 * c - norm)), image < r * norm),
        Sentence((sigma2 > 0, beta2 > 0, zero >= 0), sigma2 * zero + beta2 > 0),
        # affine phi: c = c_1^2, q = c_0^2 + c_1^2, and the slope is < 1 for beta > 0
        Sentence((sigma2 > 0, beta2 > 0, zero >= 0, sp.Eq(q, zero + c)), sigma2 * c < norm),
    ]


def _gain_cavity():
    x, beta2, m2 = sp.symbols("x b m2")
    # x = sigma^2 E gamma^2 k^2 = (x + beta^2) m2, m2 = sigma^2 E gamma^2/(s - a gamma)^2
    return [Sentence((x > 0, beta2 > 0, sp.Eq(x, (x + beta2) * m2)), both(m2 > 0, m2 < 1))]


def _gain_edge():
    s, n, a, g, z = sp.symbols("s n a g z")
    # |n - a gamma| >= s - a gamma for |n| >= s > a gamma: so sigma^2 E gamma^2/|n - a gamma|^2 <= m2 < 1 outside the disc of radius s
    return [Sentence((a >= 0, g > 0, s > a * g, n**2 + z**2 >= s**2), (n - a * g) ** 2 + z**2 >= (s - a * g) ** 2)]


CAVITY_STEPS = (
    identity(
        "norm_balance",
        "A phi(h) has entries of variance sigma^2 q, uncorrelated with e: w^2 = sigma^2 q + beta^2, s = a + w, the entries of h have "
        "variance 1",
        "every d (Gram symbols)",
        _norm_balance,
        ("ginibre", "independent", "recall", "eps_zero_gain_one"),
    ),
    identity(
        "conditioning",
        "given A F = Y: A = Y F^+ + A (1 - F F^+), and the second part annihilates F",
        "every d, F of every rank",
        _conditioning,
    ),
    identity("second_moment", "E A X A^T = E A^T X A = (sigma^2/d) tr(X) I", "d = 2, 3, every X", second_moments, ("ginibre",)),
    identity(
        "rotation",
        "the covariances of U^T A V are products of inner products of columns: orthogonal U, V leave the law of A as it is",
        "d = 2, 3, every U, V",
        rotations,
        ("ginibre",),
    ),
    cited(
        "bulk",
        "single_ring",
        "A D, D = diag phi'(h) taken as independent of A, has the spectral radius sigma sqrt(c) in the limit",
        "d -> infinity",
        {"invariant": ("rotation",), "bounded": ("activation",), "limit": ("limit",)},
        ("second_moment", "cavity"),
    ),
    identity(
        "outlier_gaussian",
        "conditioning on A phi(h) = w h - beta e leaves one candidate outlier, nu* = -(beta/q) E[phi phi'(h)(e - (beta/w) h)]; e - "
        "(beta/w) h is uncorrelated with h: for Gaussian e independent of it, nu* = 0",
        "d -> infinity",
        _outlier_gaussian,
        ("conditioning", "cavity", "gaussian_input"),
    ),
    identity(
        "rho_law",
        "J on h^perp has the spectrum (a + nu)/(a + w) (M1): rho = (a + sigma sqrt(c))/(a + sqrt(sigma^2 q + beta^2)); N6 is q = c = 1",
        "d -> infinity",
        _law,
        ("bulk", "outlier_gaussian", "norm_balance"),
    ),
    decided(
        "edge",
        "rho < 1 iff beta^2 > sigma^2 (c - q), rho = 1 iff equal, for every a >= 0; c <= q: rho < 1 for every beta > 0",
        "d -> infinity",
        _edge,
        ("rho_law",),
    ),
    identity(
        "edge_identity",
        "beta_c = sigma sqrt(c - q), and 1 - rho = (beta^2 - beta_c^2)/((a + w)(w + sigma sqrt(c)))",
        "d -> infinity",
        _edge_identity,
        ("rho_law",),
    ),
    cited(
        "traces",
        "single_ring",
        "M = A D: (1/d) tr (M^j)^T M^k tends to (sigma^2 c)^k for j = k, else to 0",
        "d -> infinity",
        {"invariant": ("rotation",), "bounded": ("activation",), "limit": ("limit",)},
        ("second_moment", "cavity"),
    ),
    identity(
        "sensitivity_series",
        "beta^2 Sum_k (sigma^2 c)^k/w^{2k+2} = beta^2/(w^2 - sigma^2 c) (partial sums) = beta^2/(beta^2 - beta_c^2); 1 for q = c (N6)",
        "every n (induction)",
        _sensitivity,
        ("edge_identity", "norm_balance"),
    ),
    deduced(
        "sensitivity",
        "S = beta (w - P A D)^{-1} P differs from beta (w - A D)^{-1} = beta Sum_k (A D)^k/w^{k+1} by a matrix of rank <= 2, bounded since "
        "no eigenvalue of A D comes near w: (1/d) tr S S^T tends to beta^2/(beta^2 - beta_c^2), whatever a, and diverges at the threshold",
        "d -> infinity",
        ("traces", "sensitivity_series", "outlier_gaussian", "edge", "above_edge"),
    ),
    identity(
        "level_lines", "rho is constant where w = (a + sigma sqrt(c))/rho - a; rho = 1 is beta_c", "d -> infinity", _levels, ("rho_law",)
    ),
    identity(
        "finite_width",
        "the gap w/(sigma sqrt(c)) - 1 in units of the edge width d^(-1/2) is x^2/2 to leading order, x = d^(1/4) sqrt((beta^2 - "
        "beta_c^2)/c)/sigma: the edge is smeared where x is of order 1 (heuristic: the width of the Ginibre edge)",
        "leading order",
        _finite_width,
        ("edge_identity",),
    ),
    identity(
        "hermite_polynomials",
        "E phi^2 = Sum c_k^2, E phi'^2 = Sum k c_k^2, c - q = Sum (k - 1) c_k^2 for polynomials",
        "degree <= 5, every coefficient",
        _hermite,
    ),
    cited(
        "hermite",
        "hermite_expansion",
        "the same for every activation; and Q(r) = Sum c_k^2 r^k, so Q(1) = q, Q'(1) = c",
        "every phi",
        {"square_integrable": ("activation",)},
        ("hermite_polynomials",),
    ),
    decided(
        "threshold_sign",
        "c - q >= -c_0^2; for E phi = 0 it is > 0 iff phi is not linear (some c_k != 0, k >= 2): odd nonlinear phi has a threshold; a "
        "large mean removes it",
        "every phi",
        _signs,
        ("hermite",),
    ),
    identity("tangent_line", "r^k - 1 - k(r - 1) obeys B_{k+1} = r B_k + k (r - 1)^2, B_1 = 0", "every k (induction)", _bernoulli),
    cited(
        "finite_loops",
        "tensor_program",
        "a = 0, h_0 = e, finitely many loops: the entries of h_1, ..., h_t tend to Gaussians of unit variance, <h_t, h_{t+1}>/d to r_t "
        "with r_{t+1} = (sigma^2 Q(r_t) + beta^2)/w^2",
        "every t, d -> infinity",
        {"gaussian": ("ginibre", "independent"), "input": ("gaussian_input",), "growth": ("activation",), "steps": ("limit",)},
        ("hermite", "norm_balance"),
    ),
    decided(
        "global_reachability",
        "on 0 <= r < 1: slope sigma^2 c/w^2 < 1, or = 1 with phi not affine: r' > r; slope > 1: r' > r at 0 and r' < r near 1; for "
        "affine phi the slope is < 1",
        "every phi, beta > 0",
        _reach,
        ("tangent_line", "hermite", "recall"),
    ),
    deduced(
        "reachable_in_the_mean_field",
        "so r_t increases to 1 iff beta >= beta_c: |h_{t+1} - h_t|^2/d = 2(1 - r_t) -> 0 as first d, then t tends to infinity; below "
        "beta_c it stays away from 0. At fixed d with t -> infinity this is the cavity assumption, measured below",
        "first d -> infinity, then t",
        ("finite_loops", "global_reachability", "edge"),
    ),
    decided(
        "gain_self_consistency",
        "linear loop with gains gamma and a > 0 (cavity equations, not simulated): k_i has variance (x + beta^2)/(s - a gamma_i)^2, x = "
        "sigma^2 E gamma^2 k^2; then sigma^2 E gamma^2/(s - a gamma)^2 = x/(x + beta^2) < 1",
        "d -> infinity",
        _gain_cavity,
        ("cavity",),
    ),
    decided(
        "gain_edge",
        "|n| >= s > a gamma: |n - a gamma| >= s - a gamma: no bulk outside the disc |n| < s, so gains make no threshold in a linear loop",
        "every complex n",
        _gain_edge,
        ("gain_self_consistency",),
    ),
)
