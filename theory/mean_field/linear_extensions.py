"""Steps of N6 beyond the plain loop.

They treat the number of iterations, a partial residual, finite width, LayerNorm, an elementwise
gain, and the two block forms.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from ..kernel.vectors import span
from .invariance import rotations, second_moments
from .linear_spectrum import BALANCE, BETA, SIGMA, A, W, named, triple


def _rho(a: Any) -> Any:
    return named(formula("mean_field_rho")(a, SIGMA, BETA))


def _gap():
    return [
        Equation(1 - _rho(A), BETA**2 / ((A + W) * (W + SIGMA)), BALANCE, triple),
        # the product is w - sigma for every a
        Equation((A + W) * (1 - _rho(A)), W - SIGMA),
    ]


def _iterations():
    shrink = sp.Symbol("shrink", positive=True)
    loops = formula("mean_field_iterations")(A, SIGMA, BETA, shrink)
    rate = sp.log(formula("mean_field_rho")(A, SIGMA, BETA))
    # rho^loops = shrink
    return [Equation(sp.simplify(loops * rate / sp.log(shrink)), sp.Integer(1))]


def _partial():
    a, b, sigma, w = sp.symbols("a b sigma w")
    rho_a, rho_b = (a + sigma) * (b + w), (b + sigma) * (a + w)
    # rho_a < rho_b < 1, and the gap at b <= 1 is at least w/(1 + w) of that at a = 0
    return [
        Sentence((a >= 0, b > a, sigma > 0, w > sigma), both(rho_a < rho_b, b + sigma < b + w)),
        Sentence((b <= 1, w > sigma), (w - sigma) * (1 + w) >= (w - sigma) * (b + w)),
    ]


def _rays():
    rho = sp.Symbol("rho", positive=True)
    level = formula("mean_field_level")(0, SIGMA, rho)
    return [Equation(sp.expand(level**2), SIGMA**2 * (1 / rho**2 - 1))]


def _level_exists():
    a, sigma, rho, w = sp.symbols("a sigma rho w")
    given = (a >= 0, sigma > 0, rho > 0, sp.Eq(rho * (a + w), a + sigma))
    return [Sentence((*given, rho <= 1), w >= sigma), Sentence((*given, w > sigma), rho < 1)]


def _radius_bounds():
    a, r, u, v = sp.symbols("a r u v")
    circle = sp.Eq(u**2 + v**2, r**2)
    square, largest = (a + u) ** 2 + v**2, (a + r) ** 2
    attained = both(sp.Eq(u, r), sp.Eq(v, 0))
    return [
        Sentence((a > 0, r > 0, circle), square <= largest),
        Sentence((a > 0, circle), sp.Equivalent(sp.Eq(square, largest), attained)),
    ]


def _centred(rng: random.Random, size: int):
    c, h = letters("C h")
    basis = random_matrix(rng, size)
    projector = basis * diagonal([0] + [1] * (size - 1)) * basis.inv()
    return {c: projector, h: projector * random_matrix(rng, size)}


def _layer_norm():
    c, m, h, e = letters("C A h e")
    a, beta = sp.symbols("a beta")
    rules = (((c, c), c), ((c, h), h))
    image = c * (a * h + m * h + beta * e)
    return [Words(image, a * h + c * m * c * h + beta * (c * e), rules, _centred)]


def _centred_input():
    d, mean = sp.symbols("d mu", positive=True)
    e, one = span("e one", {("e", "e"): d, ("e", "one"): d * mean, ("one", "one"): d})
    centred = e - mean * one
    return [
        Equation(centred.dot(centred), d * (1 - mean**2)),
        Equation(centred.dot(one), sp.Integer(0)),
    ]


def _gain():
    g = sp.Symbol("g", positive=True)
    moment = 1 / (W**2 - (g * SIGMA) ** 2)
    law = formula("mean_field_rho_gain")(g, SIGMA, BETA)
    norm2 = (g * SIGMA) ** 2 + BETA**2
    return [
        # |k|^2 = d means beta^2/(w^2 - g^2 sigma^2) = 1
        Equation(sp.expand(BETA**2 * moment.subs(W, sp.sqrt(norm2))), sp.Integer(1)),
        Equation(law**2, (g * SIGMA) ** 2 / norm2),
        Equation(law.subs(g, 1) / formula("mean_field_rho")(0, SIGMA, BETA), sp.Integer(1)),
    ]


def _gain_moves():
    # d = 2, and k is a fixed point at a = 0: A Gamma k + beta e = w k; at a the pre-norm state is
    # a Gamma k + w k
    a, w, g1, g2, k1, k2 = sp.symbols("a w g1 g2 k1 k2")
    z1, z2 = (a * g1 + w) * k1, (a * g2 + w) * k2
    parallel = sp.Eq(z1 * k2, z2 * k1)
    given = (sp.Ne(k1, 0), sp.Ne(k2, 0), sp.Ne(a, 0))
    return [Sentence(given, sp.Equivalent(parallel, sp.Eq(g1, g2)))]


def _blocks():
    # external recall has k^2 = 1 + s_A^2, internal recall k = s_A
    scale, x, e = sp.symbols("k s_x s_e", positive=True)
    law = formula("mean_field_rho")
    external = formula("external_block_rho")(x, e)
    internal = formula("internal_block_rho")(scale, x, e)
    return [
        Equation(sp.simplify(law(0, scale * x, scale * e) / external), sp.Integer(1)),
        Equation(sp.simplify(law(1, scale * x, scale * e) / internal), sp.Integer(1)),
    ]


def _second_moment():
    a, x, t = letters("A X T")  # T = A^T
    # (1 + A) X (1 + A)^T term by term: A^T and A average to 0, and A X A^T to s_A^2 tr(X)/d, by
    # `second_moments`
    return [Words((1 + a) * x * (1 + t), x + a * x + x * t + a * x * t), *second_moments()]


EXTENSION_STEPS = (
    identity(
        "gap",
        "1 - rho = beta^2/((a + w)(w + sigma)), and (a + w)(1 - rho) = w - sigma whatever a",
        "d -> infinity",
        _gap,
        ("rho_law",),
    ),
    identity(
        "iterations",
        "loops to shrink a distance by a factor: log(shrink)/log(rho), about log(1/shrink)(a + w)(w"
        " + sigma)/beta^2 for small beta",
        "d -> infinity",
        _iterations,
        ("rho_law", "gap"),
    ),
    decided(
        "partial_residual",
        "rho grows with a and stays below 1; for a <= 1 the gap 1 - rho keeps at least w/(1 + w) of"
        " its value at a = 0",
        "d -> infinity",
        _partial,
        ("rho_law", "outside_the_disc"),
    ),
    identity(
        "level_rays",
        "a = 0: the level line of rho is the ray beta = sigma sqrt(1/rho^2 - 1)",
        "d -> infinity",
        _rays,
        ("level_lines",),
    ),
    decided(
        "level_exists",
        "(a + sigma)/rho - a >= sigma for rho <= 1: every level 0 < rho <= 1 has its line; w >"
        " sigma gives rho < 1",
        "d -> infinity",
        _level_exists,
        ("level_lines",),
    ),
    decided(
        "finite_width_radius",
        "|a + nu| <= a + |nu|, for a > 0 with equality only at nu = |nu|: with the width-d radius r"
        " = E rho(Ginibre_d) the law is right for a = 0 and an upper bound for a > 0",
        "every d",
        _radius_bounds,
        ("edge",),
    ),
    identity(
        "layer_norm",
        "C = I - 11^T/d, C h = h: C(a h + A h + beta e) = a h + (C A C) h + beta C e: LayerNorm's"
        " loop is RMSNorm's with C A C and C e",
        "every d",
        _layer_norm,
        ("eps_zero_gain_one",),
    ),
    identity(
        "layer_norm_input",
        "|C e|^2 = d(1 - mu^2), mu the mean entry of e; C e is orthogonal to 1",
        "every d",
        _centred_input,
    ),
    identity(
        "rotation",
        "U^T A V has independent entries of variance sigma^2/d for orthonormal columns: C A C is a"
        " Ginibre matrix of size d - 1 on the complement of 1",
        "d in {2, 3}",
        rotations,
        ("ginibre",),
    ),
    deduced(
        "layer_norm_law",
        "so LayerNorm obeys the law with sigma^2 (d - 1)/d -> sigma^2 and beta^2 (1 - mu^2) for"
        " beta^2",
        "d -> infinity",
        ("layer_norm", "layer_norm_input", "rotation", "rho_law"),
    ),
    identity(
        "second_moment",
        "E A X A^T = E A^T X A = (sigma^2/d) tr(X) I, so E (1 + A) X (1 + A)^T = X + (s_A^2/d)"
        " tr(X) I",
        "d in {2, 3}",
        _second_moment,
        ("ginibre",),
    ),
    cited(
        "gain_bulk",
        "single_ring",
        "A Gamma, Gamma = diag(gamma) bounded and independent of A, has the spectral radius sigma"
        " rms(gamma) in the limit",
        "d -> infinity",
        {"invariant": ("rotation",), "bounded": ("gain_independent",), "limit": ("limit",)},
    ),
    deduced(
        "gain_moments",
        "E|A Gamma v|^2 = sigma^2 |Gamma v|^2 for v independent of A; Gamma e has mean square g^2,"
        " g = rms(gamma), and the entries of A Gamma e are again independent of gamma: (1/d)|(A"
        " Gamma)^j e|^2 -> (sigma g)^{2j}, mixed moments -> 0. So the resolvent moments, the"
        " determinant and its zeros are those of N6 with sigma g",
        "d -> infinity",
        ("second_moment", "gain_bulk", "gain_independent", "moment_series", "no_outliers"),
    ),
    identity(
        "gain_law",
        "a = 0, h = Gamma k: w k = A Gamma k + beta e, and rho = sigma g/sqrt(sigma^2 g^2 +"
        " beta^2), g = rms(gamma): N6 with sigma g",
        "d -> infinity",
        _gain,
        ("gain_moments",),
    ),
    decided(
        "gain_moves_the_point",
        "d = 2, a != 0: a fixed point k of a = 0 without zero entries stays fixed iff the two gains"
        " are equal: M1's independence of a needs gamma = 1",
        "d = 2",
        _gain_moves,
    ),
    cited(
        "block_bulk",
        "single_ring",
        "(I + A) W_x and A W_x, W_x Ginibre independent of A, are R-diagonal of spectral radius s_x"
        " sqrt(1 + s_A^2) and s_A s_x, with the moments of a Ginibre matrix of that radius",
        "d -> infinity",
        {
            "invariant": ("rotation", "ginibre"),
            "bounded": ("bounded_spectrum", "independent"),
            "limit": ("limit",),
        },
        ("second_moment",),
    ),
    deduced(
        "block_moments",
        "b = (I + A) W_e e (or A W_e e) is independent of W_x given A, |b|^2/d -> (1 + s_A^2) s_e^2"
        " (or s_A^2 s_e^2); b and M = (I + A) W_x (or A W_x) have the moments (1/d) b^T (M^j)^T M^k"
        " b -> 0 for j != k and |b|^2/d times the radius^{2j}: the steps of N6 hold with beta^2 ="
        " |b|^2/d",
        "d -> infinity",
        ("second_moment", "block_bulk", "moment_series", "no_outliers"),
    ),
    identity(
        "block_scales",
        "N((I + A)(W_x h + W_e e)): a = 0, rho = s_x/sqrt(s_x^2 + s_e^2), the common factor"
        " cancels; N(h + A(W_x h + W_e e)): a = 1, sigma = s_A s_x, beta = s_A s_e",
        "d -> infinity",
        _blocks,
        ("rho_law", "block_moments"),
    ),
)
