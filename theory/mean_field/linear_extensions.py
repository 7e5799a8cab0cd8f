"""Steps of N6 beyond the plain loop.

They treat the number of iterations, a partial residual, finite width and LayerNorm.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity
from ..kernel.vectors import span
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


def _compression():
    m, b, columns, rows = letters("M B V W")  # W is the transpose of V, B that of another matrix
    rules = (((rows, columns), sp.Integer(1)),)

    def model(rng: random.Random, size: int):
        matrix = random_matrix(rng, size)
        return {columns: matrix, rows: matrix.inv()}

    image, other = columns * m * rows, columns * b * rows
    return [Words(image * other, columns * m * b * rows, rules, model)]


def _centred_input():
    d, mean = sp.symbols("d mu", positive=True)
    e, one = span("e one", {("e", "e"): d, ("e", "one"): d * mean, ("one", "one"): d})
    centred = e - mean * one
    return [
        Equation(centred.dot(centred), d * (1 - mean**2)),
        Equation(centred.dot(one), sp.Integer(0)),
    ]


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
        ("eps_zero_gain_one", "layer_normalised"),
    ),
    identity(
        "layer_norm_input",
        "|C e|^2 = d(1 - mu^2), mu the mean entry of e; C e is orthogonal to 1",
        "every d",
        _centred_input,
    ),
    identity(
        "compression",
        "V^T V = 1: (V M V^T)(V B V^T)^T = V M B^T V^T: M -> V M V^T keeps every inner product tr M"
        " B^T, so its adjoint A -> V^T A V is a map Q of the entries with Q Q^T = 1",
        "every d",
        _compression,
    ),
    cited(
        "rotation",
        "gaussian_rotation",
        "V with d - 1 orthonormal columns on the complement of 1: V^T A V has independent N(0,"
        " sigma^2/d) entries, so C A C is a Ginibre matrix of size d - 1 there",
        "every d >= 2",
        {"gaussian": ("ginibre",), "orthogonal": ("compression",)},
    ),
    deduced(
        "layer_norm_law",
        "so LayerNorm obeys the law with sigma^2 (d - 1)/d -> sigma^2 and beta^2 (1 - mu^2) for"
        " beta^2",
        "d -> infinity",
        ("layer_norm", "layer_norm_input", "rotation", "rho_law", "largest_root"),
    ),
)
