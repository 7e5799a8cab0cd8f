"""Steps of N7 on linear loops with an elementwise gain, and on the two linear block forms.

Moments and scales are exact; what is not proved, and measured instead, is the edge of the spectrum:
`loopstab.theory.mean_field.linear_edge` proves it for A alone.
"""

from __future__ import annotations

import random
import statistics
from typing import Any

import sympy as sp

from ..activations import ACTIVATIONS
from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters
from ..kernel.claim import Finding, Verdict
from ..kernel.proof import Sentence, cited, decided, identity, measured
from .linear_spectrum import BETA, SIGMA, W
from .simulation import dot, ginibre, settle, spectral_radius, times, unit


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


def _same_point():
    h, e = letters("k e")
    a, w, beta = sp.symbols("a w beta")
    # A k = w k - beta e
    return [Words(a * h + (w * h - beta * e) + beta * e, (a + w) * h)]


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


WIDTH, DRAWS, TOLERANCE = 60, 6, 0.2
"""width, number and tolerance of the simulated blocks; at this d the bulk of a product of two
Ginibre matrices is wider than its limit by a tenth, and the law of the other form is off by 0.6
"""


def product(left: Any, right: Any) -> list[list[float]]:
    """The product of two matrices, given by their rows."""
    columns = list(zip(*right, strict=True))
    return [[dot(row, column) for column in columns] for row in left]


def _form(name: str, rng: random.Random) -> tuple[float, float]:
    """rho and s of one draw over their laws, for s_A = 1, s_x = 1/2, s_e = 1, or gains 1/2, 3/2."""
    first, mix, recall = (ginibre(rng, WIDTH) for _ in range(3))
    e, a = unit([rng.gauss(0, 1) for _ in range(WIDTH)]), 0.0
    half = sp.Rational(1, 2)
    if name == "gain":
        size = float(sp.sqrt(sp.Rational(5, 4)))  # root mean square of 1/2 and 3/2
        matrix = [[(0.5 + j % 2) * x for j, x in enumerate(row)] for row in first]
        drive, rho = e, formula("mean_field_rho_gain")(size, 1, 1)
        scale = formula("mean_field_scale")(0, size, 1)
    else:
        if name == "external":
            first = [[x + (i == j) for j, x in enumerate(row)] for i, row in enumerate(first)]
            rho = formula("external_block_rho")(half, 1)
            scale = formula("mean_field_scale")(0, sp.sqrt(2) / 2, sp.sqrt(2))
        else:
            a, rho = 1.0, formula("internal_block_rho")(1, half, 1)
            scale = formula("mean_field_scale")(1, half, 1)
        matrix = [[0.5 * x for x in row] for row in product(first, mix)]
        drive = times(first, times(recall, e))
    linear = ACTIVATIONS["identity"]
    at = settle(matrix, drive, 1.0, a=a, tol=1e-10)
    radius = spectral_radius(matrix, at, linear, a, rng)
    return radius / float(rho), at.s / float(scale)


def _compare_forms() -> Finding:
    parts, good = [], True
    for name in ("gain", "external", "internal"):
        draws = [_form(name, random.Random(seed)) for seed in range(DRAWS)]
        means = [statistics.mean(values) for values in zip(*draws, strict=True)]
        good = good and all(abs(mean - 1) <= TOLERANCE for mean in means)
        parts.append(f"{name}: rho {means[0]:.3f}, s {means[1]:.3f}")
    text = f"{DRAWS} draws each, d = {WIDTH}, means over the law: {'; '.join(parts)}"
    return Finding(Verdict.PASSED if good else Verdict.FAILED, text)


BLOCK_STEPS = (
    cited(
        "gain_bulk",
        "profile_radius",
        "A Gamma, Gamma = diag(gamma), has the spectral radius sigma rms(gamma) in the limit",
        "d -> infinity",
        {"independent": ("ginibre", "gain"), "profile": ("gain",), "limit": ("limit",)},
    ),
    cited(
        "form_moments",
        "tensor_program",
        "M = A Gamma, (I + A) W_x or A W_x, and b = e, (I + A) W_e e or A W_e e: (1/d) <M^j b, M^k"
        " b> -> 0 for j != k and |b|^2/d times r^{2j}, r = sigma rms(gamma), s_x sqrt(1 + s_A^2),"
        " s_A s_x; |b|^2/d -> 1, (1 + s_A^2) s_e^2, s_A^2 s_e^2",
        "d -> infinity",
        {
            "gaussian": ("ginibre",),
            "input": ("independent", "gain"),
            "growth": ("gain",),
            "steps": ("limit",),
        },
    ),
    cited(
        "block_bulk",
        "single_ring",
        "(I + A) W_x and A W_x: their spectral measures fill discs of radius s_x sqrt(1 + s_A^2)"
        " and s_A s_x",
        "d -> infinity",
        {
            "invariant": ("ginibre",),
            "bounded": ("ginibre",),
            "technical": ("edges",),
            "limit": ("limit",),
        },
    ),
    identity(
        "gain_law",
        "a = 0, h = Gamma k: w k = A Gamma k + beta e, and rho = sigma g/sqrt(sigma^2 g^2 +"
        " beta^2), g = rms(gamma): N6 with sigma g",
        "d -> infinity",
        _gain,
        ("form_moments", "gain_bulk", "edges"),
    ),
    identity(
        "same_point",
        "gamma = 1: at a fixed point k of a = 0, A k + beta e = w k, the pre-norm state a k + A k +"
        " beta e is (a + w) k for every a",
        "every d",
        _same_point,
        ("eps_zero_gain_one",),
    ),
    decided(
        "gain_moves_the_point",
        "d = 2, a != 0: a fixed point k of a = 0 without zero entries stays fixed iff the two gains"
        " are equal: M1's independence of a needs gamma = 1",
        "d = 2",
        _gain_moves,
        uses=("eps_zero_gain_one",),
    ),
    identity(
        "block_scales",
        "N((I + A)(W_x h + W_e e)): a = 0, rho = s_x/sqrt(s_x^2 + s_e^2), the common factor"
        " cancels; N(h + A(W_x h + W_e e)): a = 1, sigma = s_A s_x, beta = s_A s_e",
        "d -> infinity",
        _blocks,
        ("form_moments", "block_bulk", "edges"),
    ),
    measured(
        "forms_measured",
        "gain, external and internal block: the means of rho and s are within 20 % of these laws",
        "d = 60",
        _compare_forms,
        ("gain_law", "block_scales"),
    ),
)
