"""R2: the role of rho(W_x) = 1.

At 1 orbits grow polynomially; above it a stable fixed point is possible, but not for
W_x = omega I with one sub-block and eps = 0.
"""

from __future__ import annotations

import random

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.proof import Bound, Sentence, both, cited, decided, deduced, enclosed, identity
from ..kernel.vectors import span


def _jordan_powers():
    # the entry j above the diagonal of J^t is binomial(t, j) lambda^{t-j}; p = lambda^{t-j+1} and
    # b = binomial(t, j - 1), so that binomial(t, j) = b (t - j + 1)/j
    t, j, eigenvalue, p, b = sp.symbols("t j lambda p b")
    here, above = b * (t - j + 1) / j, b
    after = b * (t + 1) / j  # binomial(t + 1, j)
    return [
        Equation(eigenvalue * (here * p / eigenvalue) + above * p, after * p),
        Equation((here + above) * j, (t + 1) * b),
    ]


def _jordan_drift():
    # h_t = c (binomial(t, k), ..., t): entry binomial(t, j) gains binomial(t, j - 1) = b
    t, j, b, c = sp.symbols("t j b c")
    return [Equation(c * b * (t - j + 1) / j + c * b, c * b * (t + 1) / j)]


def _attained():
    t, k, i = sp.symbols("t k i")
    # each of the k factors (t - i)/(k - i) of binomial(t, k) is t/k at least
    return [Sentence((i >= 0, i < k, k <= t), both((t - i) * k >= t * (k - i), k - i > 0))]


def _multipliers():
    root = flint.arb(2).sqrt()
    step, weight, level = flint.arb("0.5"), flint.arb(105) / 100, flint.arb(10) / 9
    # h* = (0, 10/9), z* = h*, N(z)_1 = sqrt(2) z_1/|z|: the first multiplier is 1.05 (1 - 0.5
    # sqrt(2)/|z*|)
    return [Bound("first multiplier", weight * (1 - step * root / level), "0.38178", "0.38179")]


def _example():
    """The step of the example: h_1' = z_1 (1 - w) with w = 0.5 sqrt(2)/|z|.

    p is |h_1| before the step and q after it (with the sign of h_1), k is h_2.
    """
    p, q, second, w = sp.symbols("p q k w")
    z = (sp.Rational(21, 20) * p, second / 10 + 1)
    square = z[0] ** 2 + z[1] ** 2
    return p, q, second, w, z, square, (sp.Eq(2 * w**2 * square, 1), sp.Eq(q, z[0] * (1 - w)))


def _basin():
    p, q, second, w, z, square, step = _example()
    after, fixed = sp.Symbol("l"), sp.Rational(10, 9)
    falls, inside = both(q < p, q > -p), both(second >= 0, second <= 5)
    ring = both(2 * square < 21**2, 2 * 41**2 * square > 21**2)
    image = both(after >= 1, after <= sp.Rational(3, 2))
    moves = (sp.Eq(after, z[1]),)
    return [
        Sentence((*step, p > 0, w > 0), sp.Equivalent(falls, ring)),
        Sentence(
            (second <= 5, second >= 0, 441 * p**2 < 87300), both(2 * square < 21**2, square >= 1)
        ),
        Sentence(moves, sp.Equivalent(inside, image)),
        Sentence(moves, sp.Eq(after - fixed, (second - fixed) / 10)),
    ]


def _beyond():
    p, q, _, _, _, _, step = _example()
    edge = sp.Symbol("E")  # 10 sqrt(2), the escape radius; 20 (q - E) >= 21 (p - E)
    return [Sentence((*step, sp.Eq(edge**2, 200), edge > 0), 20 * q + edge >= 21 * p)]


def _edge():
    root = sp.Symbol("sqrt2", positive=True)
    return [Equation(formula("escape_radius")(sp.Rational(21, 20), root / 2), 10 * root)]


def _null_model(rng: random.Random, size: int):
    slope, zero, z = letters("U D z")
    basis = random_matrix(rng, size)
    first = [1] + [0] * (size - 1)
    rest = [0] + [rational(rng) for _ in range(size - 1)]
    return {
        slope: random_matrix(rng, size),
        zero: basis * diagonal(rest) * basis.inv(),
        z: basis * diagonal(first) * random_matrix(rng, size),
    }


def _homogeneous():
    omega, radius, length, c = sp.symbols("omega R n c", positive=True)
    z, v = span("z v", {("z", "z"): length**2, ("v", "z"): c})
    derivative = (radius / length) * (v - (v.dot(z) / length**2) * z)  # DN(z) v at eps = 0
    radial = (radius / length) * (z - (z.dot(z) / length**2) * z)
    slope, zero, letter, other = letters("U D z x")
    rules = (((zero, letter), sp.Integer(0)),)
    jacobian = omega * (1 + slope * zero)
    moved = omega * letter + omega * (other + slope * zero * other)
    return [
        Equation(radial["z"], sp.Integer(0)),
        Equation(derivative.dot(z), sp.Integer(0)),
        Words(jacobian * (letter + other), moved, rules, _null_model),
    ]


UNIT_RADIUS_STEPS = (
    identity(
        "jordan_powers",
        "J_k(lambda)^t has the entries binomial(t, j) lambda^(t-j), j < k: J = lambda + shift adds"
        " the entries j and j - 1 (Pascal's rule); at t = 0 it is the identity",
        "every k, every t by induction",
        _jordan_powers,
    ),
    cited(
        "jordan",
        "jordan_form",
        "rho(W_x) = 1, k the largest Jordan block on the unit circle: |W_x^t| <= K (1 + t)^{k-1}",
        "every d, every k",
        {"square": ("jordan_powers", "critical")},
    ),
    identity(
        "jordan_drift",
        "W_x = J_k(1) and a constant push c along the last axis give h_t = c (binomial(t, k), ...,"
        " t) from 0",
        "every k, every t by induction",
        _jordan_drift,
    ),
    decided(
        "attained",
        "binomial(t, k) >= (t/k)^k for t >= k, factor by factor: the order t^k is attained",
        "every k, every t",
        _attained,
        ("jordan_drift",),
    ),
    deduced(
        "critical_growth",
        "rho(W_x) = 1: |h_t| <= K (1 + t)^{k-1} |h_0| + C K Sum_{s<t} (1 + s)^{k-1} = O(t^k), C ="
        " sup |c + U|, and no smaller order holds for every block",
        "every d, every k",
        ("jordan", "attained", "bounded"),
    ),
    identity(
        "example_radius",
        "W_x = diag(1.05, 0.1), c = (0, 1), u(n) = (-n_1/2, 0), eps = 0: the escape radius is 10"
        " sqrt(2)",
        "d = 2",
        _edge,
    ),
    enclosed(
        "example_stable",
        "that loop has the fixed point (0, 10/9), of multipliers 0.3818 and 0.1, although rho(W_x)"
        " = 1.05",
        "d = 2",
        _multipliers,
    ),
    decided(
        "example_basin",
        "|h_1| falls iff 21/41 < sqrt(2)|z| < 21; so it does on |h_1| <= 14, 0 <= h_2 <= 5, a"
        " compact set mapped into itself, and h_2 - 10/9 shrinks to a tenth: (0.5, 1), (-2, 0) and"
        " (5, 1) tend to (0, 10/9)",
        "d = 2",
        _basin,
        ("example_stable",),
    ),
    decided(
        "example_escape",
        "|h_1'| - 10 sqrt(2) >= 1.05 (|h_1| - 10 sqrt(2)): (20, 1) diverges",
        "d = 2",
        _beyond,
        ("example_radius",),
    ),
    identity(
        "radial_eigenvalue",
        "W_x = omega I: DN(z) z = 0 and J = omega (I + Du DN(z)), where Du of peri contains the"
        " outer factor DN, so J z = omega z: omega is an eigenvalue of J at every state",
        "every d",
        _homogeneous,
        ("scalar_weight", "one_sub_block", "eps_zero"),
    ),
    deduced(
        "scalar_threshold",
        "so |omega| > 1 makes every fixed point expansive, and |omega| < 1 bounds every orbit: for"
        " such loops rho(W_x) = 1 is also the threshold for a stable fixed point",
        "every d",
        ("radial_eigenvalue", "absorbing"),
    ),
)
