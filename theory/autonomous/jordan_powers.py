"""Steps of A5: powers of M on the eigenvalues of largest modulus, and the limit of the direction.

They also show when that limit does not exist.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, fmpq, letters, random_matrix, rational
from ..kernel.proof import Sentence, both, cited, decided, deduced, identity


def _weights():
    t, j, previous = sp.symbols("t j b")
    # b_j(t) = b_{j-1}(t) (t - j + 1)/j defines the binomial coefficients, `previous` is b_{j-1}(t);
    # induction over j for b_j(t + 1) = b_j(t) (t + 1)/(t + 1 - j) and Pascal's rule
    now = previous * (t - j + 1) / j
    later = (previous * (t + 1) / (t + 2 - j)) * (t + 2 - j) / j
    return [Equation(later, now + previous), Equation(later * (t + 1 - j), now * (t + 1))]


def _commuting(rng: random.Random, size: int) -> dict[sp.Symbol, Any]:
    """Random matrices that commute: polynomials of one matrix."""
    basis = random_matrix(rng, size)
    inverse = basis.inv()
    return {
        x: basis * diagonal([rational(rng) for _ in range(size)]) * inverse
        for x in letters("A N X Y")
    }


def _block_power():
    # A = rho U; X stands for A^{t-j} and Y for N^{j-1}: the terms with A^{t+1-j} N^j in
    # (A + N)(b_j A^{t-j} N^j + b_{j-1} A^{t-j+1} N^{j-1})
    a, n, x, y = letters("A N X Y")
    rules = (((n, a), a * n), ((n, x), x * n))
    this, previous = sp.symbols("b_j b_i")
    terms = a * (this * x * n * y) + n * (previous * a * x * y)
    return [Words(terms, (this + previous) * a * x * n * y, rules, _commuting)]


def _leading():
    rho, t, j, k, weight, ratio = sp.symbols("rho t j k b r")
    # b_{j-1}(t) rho^{t-j+1} over b_j(t) rho^{t-j}, where b_j = b_{j-1} (t - j + 1)/j
    given = (rho > 0, weight > 0, j >= 1, j <= k - 1, t > k - 2)
    quotient = sp.Eq(ratio * weight * (t - j + 1), weight * rho * j)
    return [Sentence((*given, quotient), both(ratio > 0, ratio * (t - k + 2) <= rho * (k - 1)))]


def _last_model(rng: random.Random, size: int) -> dict[sp.Symbol, Any]:
    """U and N with U Y = Y and N Y = 0 on the image of Y, the first axis of a random basis."""
    u, n, y = letters("U N Y")
    basis = random_matrix(rng, size)
    inverse = basis.inv()
    first = diagonal([1] + [0] * (size - 1))
    turn = diagonal([1] + [rational(rng) for _ in range(size - 1)])
    shift = diagonal([0] + [rational(rng) for _ in range(size - 1)])
    return {u: basis * turn * inverse, n: basis * shift * inverse, y: basis * first * inverse}


def _eigenvector():
    u, n, y = letters("U N Y")  # Y stands for N^{k-1}
    rho = sp.Symbol("rho")
    rules = (((u, y), y), ((n, y), sp.Integer(0)))
    return [Words((rho * u + n) * y, rho * y, rules, _last_model)]


def _isometric(rng: random.Random, size: int) -> dict[sp.Symbol, Any]:
    """An isometry U of x^T G y, T = U^T, V a power of U and S the transpose of V."""
    t, g, u, s, v = letters("T G U S V")
    basis = random_matrix(rng, size)
    order = rng.sample(range(size), size)
    signed = diagonal([0] * size)
    for i in range(size):
        signed[i, order[i]] = fmpq(rng.choice((-1, 1)))
    inverse = basis.inv()
    values = {u: basis * signed * inverse, g: inverse.transpose() * inverse}
    values[v] = values[u] ** rng.randint(1, 3)
    return values | {t: values[u].transpose(), s: values[v].transpose()}


def _isometry():
    t, g, u, s, v = letters("T G U S V")  # <x, y> = x^T G y; V stands for U^t
    rules = (((t, g, u), g), ((s, g, v), g))
    return [
        Words(t * s * g * v * u, g, rules, _isometric),
        Words((t - 1) * s * g * v * (u - 1), 2 * g - t * g - g * u, rules, _isometric),
    ]


def _unit_eigenvalue():
    x, y = sp.symbols("x y")
    return [Sentence((sp.Eq(x**2 + y**2, 1),), sp.Equivalent((x - 1) ** 2 + y**2 > 0, x < 1))]


def _jordan_rate():
    rho, x, y, t = sp.symbols("rho x y t", positive=True)
    tangent = formula("power_iteration_jordan_tangent")
    equations = [Equation(t * tangent(rho, x, y, t) - rho, -(rho**2) * x / (rho * x + t * y))]
    start, now = y / x, tangent(rho, x, y, t)
    # M (1, tan) = (rho + tan, rho tan)
    equations += [
        Equation(tangent(rho, x, y, 0), start),
        Equation(rho * now / (rho + now), tangent(rho, x, y, t + 1)),
    ]
    return equations


JORDAN_STEPS = (
    cited(
        "decomposition",
        "jordan_chevalley",
        "on the eigenvalues of modulus rho M = rho U + N, U an isometry that commutes with N, N^k ="
        " 0, N^{k-1} != 0",
        "every d",
        {"not_nilpotent": ("power",)},
    ),
    identity(
        "weights", "binom(t + 1, j) = binom(t, j) + binom(t, j - 1)", "every j, every t", _weights
    ),
    identity(
        "block_power",
        "(rho U + N)^t = Sum_{j<k} binom(t, j) (rho U)^{t-j} N^j, since N^k = 0",
        "every d, every k, every t by induction",
        _block_power,
        ("decomposition", "weights"),
    ),
    decided(
        "leading_term",
        "for t > k - 2 the weight of N^{j-1} is at most rho (k-1)/(t-k+2) times that of N^j, j < k:"
        " all terms but the one of N^{k-1} are O(1/t) of it",
        "every d, every k, every t",
        _leading,
        ("block_power",),
    ),
    cited(
        "rest",
        "gelfand",
        "(M/rho)^t -> 0 geometrically on the eigenvalues of modulus < rho",
        "every d",
        {"radius": ("decomposition",)},
    ),
    identity(
        "eigenvectors",
        "all largest blocks at +rho: U = 1 on im N^{k-1}, so (rho U + N) N^{k-1} = rho N^{k-1}: the"
        " limit is an eigenvector of rho, and fixed",
        "every d, every k",
        _eigenvector,
        ("decomposition", "positive"),
    ),
    deduced(
        "convergence",
        "W = N^{k-1} times the spectral projector is not 0, so W h_0 != 0 off a proper subspace, a"
        " null set; there h_t -> N(W h_0)",
        "every d",
        ("homogeneous", "leading_term", "rest", "eigenvectors", "almost_every"),
    ),
    identity(
        "isometry",
        "the leading terms v_t = U^t v have constant |v_t| and constant |v_{t+1} - v_t| = |U v - v|"
        " in the adapted norm",
        "every d, every t by induction",
        _isometry,
        ("decomposition",),
    ),
    decided(
        "unit_eigenvalue",
        "|l/rho| = 1: |l/rho - 1| > 0 iff l is not +rho",
        "every d",
        _unit_eigenvalue,
        ("decomposition",),
    ),
    deduced(
        "necessity",
        "if h_t converges, so does v_t (its adapted norm is constant), hence U v = v for v = W h_0"
        " (up to a power of U): with a largest block at l != +rho this is a proper subspace of h_0,"
        " so h_t converges from no h_0 outside it",
        "every d",
        ("isometry", "unit_eigenvalue", "leading_term", "rest", "outside"),
    ),
    identity(
        "jordan_rate",
        "M = [[rho, 1], [0, rho]]: the tangent of the angle to the limit is rho y/(rho x + t y), t"
        " times it tends to rho: rate 1/t",
        "d = 2, every t by induction",
        _jordan_rate,
        ("block_power",),
    ),
)
