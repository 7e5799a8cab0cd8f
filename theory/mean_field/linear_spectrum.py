"""Steps of N6 on the plain loop: its fixed point, the balance of its norm, no eigenvalue outside.

Outside the disc of radius sigma the resolvent of A is, uniformly, a limit of finitely many powers
of A. So every limit here follows from the moments (1/d) <A^j x, A^k y>, is uniform in w and nu, and
holds at a random w.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.proof import Sentence, cited, decided, deduced, identity

A, SIGMA, BETA, W, NU = sp.symbols("a sigma beta w nu", positive=True)
BALANCE = (W**2 - SIGMA**2 - BETA**2,)
"""the relation w^2 = sigma^2 + beta^2"""


def triple(rng: random.Random):
    """Random rational values with w^2 = sigma^2 + beta^2 and nu > w."""
    q = sp.Rational(rng.randint(1, 9), 10)
    size, a, gap = (rational(rng, positive=True) for _ in range(3))
    sigma, beta = size * (1 - q**2) / (1 + q**2), size * 2 * q / (1 + q**2)
    return {SIGMA: sigma, BETA: beta, W: size, A: a, NU: gap + size}


def named(expression: Any) -> Any:
    """The expression with w for sqrt(sigma^2 + beta^2)."""
    return expression.subs(sp.sqrt(SIGMA**2 + BETA**2), W)


def _equation():
    m, e, q = letters("A e Q")  # Q = w - A is invertible
    a, w, beta = sp.symbols("a w beta")
    h = beta * q**-1 * e
    # s h = a h + A h + beta e with s = a + w and A = w - Q
    return [Words((a + w) * h, a * h + (w - q) * h + beta * e), Words(q**-1 * (q * m), m)]


def _turned():
    m, e, h, turn = letters("A e h U")
    a, beta = sp.symbols("a beta")
    image = turn * (a * h + m * h + beta * e)
    return [Words(image, a * (turn * h) + turn * m * turn**-1 * (turn * h) + beta * (turn * e))]


def _isometry():
    m, b, turn, back = letters("A B U T")  # T is the transpose of U, B that of another matrix
    rules = (((back, turn), sp.Integer(1)),)

    def model(rng: random.Random, size: int):
        matrix = random_matrix(rng, size)
        return {turn: matrix, back: matrix.inv()}

    return [Words(turn * m * back * (turn * b * back), turn * m * b * back, rules, model)]


def _powers_model(rng: random.Random, size: int):
    """A, a number nu, and for a random n the power A^n, nu^n and the sum S of nu^{n-1-j} A^j."""
    m, power, total = letters("A P S")
    nu, scale = sp.symbols("nu x")
    matrix, value = random_matrix(rng, size), rational(rng)
    high, sum_, number = diagonal([1] * size), diagonal([0] * size), sp.Integer(1)
    for _ in range(rng.randint(1, 4)):
        sum_, high, number = diagonal([value] * size) * sum_ + high, high * matrix, number * value
    return {m: matrix, power: high, total: sum_, nu: value, scale: number}


def _geometric():
    m, power, total = letters("A P S")
    nu, scale = sp.symbols("nu x")
    # from n to n + 1: the hypothesis (nu - A) S = nu^n - A^n rewrites A S; S = 1 for n = 1
    rules = (((m, total), nu * total - scale + power),)
    following = nu * total + power
    return [
        Words((nu - m) * 1, nu - m),
        Words((nu - m) * following, nu * scale - m * power, rules, _powers_model),
    ]


def _block_size():
    k, delta = sp.symbols("K delta", positive=True)

    def point(rng: random.Random):
        value = rational(rng, positive=True)
        return {delta: value, k: 32 / value**2}

    # with 8 K >= 2 K + 3 the square is at least 2 (K + 2)
    square = (1 + k * delta / 2) ** 2
    return [Equation(square, 1 + k * delta + 8 * k, (k * delta**2 - 32,), point)]


def _series():
    # X = X_n = (sigma^2/p)^n with p = w nu; n = 1, and from n to n + 1
    x, product = sp.symbols("X p", positive=True)
    return [
        Equation((product - SIGMA**2) / product, 1 - SIGMA**2 / product),
        Equation((1 - x) + (product - SIGMA**2) * x / product, 1 - x * SIGMA**2 / product),
    ]


def _balance():
    moment = 1 / (W**2 - SIGMA**2)
    return [
        Equation(BETA**2 * moment, sp.Integer(1), BALANCE, triple),
        Equation(named(formula("mean_field_scale")(A, SIGMA, BETA)), A + W),
    ]


def _outside():
    w, v, sigma, beta = sp.symbols("w v sigma beta")
    at_w, at_v = (sp.Eq(x**2, sigma**2 + beta**2) for x in (w, v))
    return [
        Sentence((sigma > 0, beta > 0, w > 0, at_w), w > sigma),
        # the balance beta^2 = w^2 - sigma^2 has one root beyond sigma
        Sentence((sigma > 0, w > sigma, v > sigma, at_w, at_v), sp.Eq(w, v)),
    ]


def _largest():
    w, sigma, beta, v = sp.symbols("w sigma beta v")
    root = (w > 0, v > 0, sp.Eq(w**2, sigma**2 + beta**2))
    # the limit beta^2/(v^2 - sigma^2) of |h|^2/d exceeds 1 before the root and is below 1 beyond it
    return [
        Sentence(root, sp.Equivalent(v < w, beta**2 > v**2 - sigma**2)),
        Sentence(root, sp.Equivalent(v > w, beta**2 < v**2 - sigma**2)),
    ]


def _projector():
    equations = []
    mu = sp.Symbol("mu")
    for d in (1, 2, 3):
        m = sp.Matrix(d, d, sp.symbols(f"m:{d * d}"))
        h = sp.Matrix(sp.symbols(f"h:{d}"))
        size = h.dot(h)
        shifted = mu * sp.eye(d) - m
        # |h|^2 P = |h|^2 - h h^T; the determinant times |h|^{2d} is a polynomial
        left = (size * mu * sp.eye(d) - (size * sp.eye(d) - h * h.T) * m).det(method="berkowitz")
        right = size ** (d - 1) * mu * (h.T * shifted.adjugate() * h)[0, 0]
        equations.append(Equation(left, right))
    return equations


def _determinant_every_d():
    (q,), mu = letters("Q"), sp.Symbol("mu")  # Q = mu - M is invertible
    # M (mu - M)^{-1} = -1 + mu (mu - M)^{-1}, so that for |h|^2 = d
    # 1 + (1/d) h^T M (mu - M)^{-1} h = (mu/d) h^T (mu - M)^{-1} h
    return [Words((mu - q) * q**-1, mu * q**-1 - 1)]


def _outlier_function():
    # h^T (nu - A)^{-1} h has the terms <A^j e, A^{k+l} e>/(w^{j+1} nu^{k+1} w^{l+1}), and only
    # j = k + l survives: the product of the geometric series of sigma^2/(w nu) and sigma^2/w^2
    series = (1 / (1 - SIGMA**2 / (W * NU))) * (1 / (1 - SIGMA**2 / W**2)) / (W**2 * NU)
    k, m = sp.symbols("k l", integer=True, nonnegative=True)
    term = SIGMA ** (2 * (k + m)) / (W ** (k + m + 1) * NU ** (k + 1) * W ** (m + 1))
    first = term.subs({k: 0, m: 0}, simultaneous=True)
    ratio_k = sp.simplify(term.subs(k, k + 1) / term)
    ratio_m = sp.simplify(term.subs(m, m + 1) / term)
    return [
        Equation(first, 1 / (W**2 * NU)),
        Equation(ratio_k, SIGMA**2 / (W * NU)),
        Equation(ratio_m, SIGMA**2 / W**2),
        Equation(BETA**2 * series, W / (W * NU - SIGMA**2), BALANCE, triple),
    ]


def _zero_free():
    w, sigma, u, v = sp.symbols("w sigma u v")
    # 2 |w nu| >= |w nu - sigma^2| > 0 for nu = u + i v
    distance = (w * u - sigma**2) ** 2 + (w * v) ** 2
    closed = (sigma > 0, w >= sigma, u**2 + v**2 >= sigma**2)
    return [
        Sentence((sigma > 0, w > sigma, u**2 + v**2 > sigma**2), distance > 0),
        Sentence(closed, 4 * w**2 * (u**2 + v**2) >= distance),
    ]


SPECTRUM_STEPS = (
    identity(
        "fixed_point_equation",
        "s h = a h + A h + beta e with s = a + w gives h = beta (w - A)^{-1} e",
        "every d",
        _equation,
        ("eps_zero_gain_one",),
    ),
    decided(
        "outside_the_disc",
        "w^2 = sigma^2 + beta^2, beta > 0: w > sigma, one such w",
        "no size",
        _outside,
        ("recall",),
    ),
    identity(
        "turned_loop",
        "U orthogonal: the loop of (U A U^T, U e) is that of (A, e) seen from the turned axes, with"
        " the same s, spectrum and (1/d) tr S S^T",
        "every d",
        _turned,
    ),
    identity(
        "isometry",
        "(U A U^T)(U B U^T)^T = U A B^T U^T: A -> U A U^T keeps every inner product tr A B^T, so it"
        " is an orthogonal map of the d^2 entries",
        "every d",
        _isometry,
    ),
    cited(
        "uniform_input",
        "gaussian_rotation",
        "U uniformly random, independent of A and e: given U and e, U A U^T has the law of A, so"
        " it is independent of U e, which is uniform on the sphere: e may be taken as sqrt(d)"
        " g/|g|, g Gaussian and independent of A",
        "every d",
        {"gaussian": ("ginibre",), "orthogonal": ("isometry",)},
        ("independent", "turned_loop"),
    ),
    cited(
        "bounded_powers",
        "powers_of_iid",
        "for each fixed K: |A^K|_2 <= (K + 2) sigma^K with probability -> 1",
        "d -> infinity",
        {"entries": ("ginibre",), "fixed_power": ("limit",)},
    ),
    identity(
        "geometric_sum",
        "(nu - A) Sum_{j<n} nu^{n-1-j} A^j = nu^n - A^n",
        "every d, every n by induction",
        _geometric,
    ),
    identity(
        "block_size",
        "K >= 32, delta = sqrt(32/K): (1 + delta)^K >= (1 + K delta/2)^2 = 1 + K delta + 8 K >= 2"
        " (K + 2), by Bernoulli's inequality",
        "no size",
        _block_size,
    ),
    deduced(
        "resolvent_series",
        "so |(A/nu)^K| <= 1/2 for every |nu| >= (1 + delta) sigma, with probability -> 1; delta"
        " is as small as one likes. There (nu - A)^{-1} = (1 - (A/nu)^K)^{-1} Sum_{j<K}"
        " A^j/nu^{j+1} has a norm below a constant C(delta), and differs from its first n K terms"
        " Sum_{j<nK} A^j/nu^{j+1} by (A/nu)^{nK} (nu - A)^{-1}, of norm at most C 2^{-n}:"
        " uniformly in nu, whether nu is random or not",
        "d -> infinity",
        ("bounded_powers", "geometric_sum", "block_size"),
    ),
    cited(
        "moments",
        "tensor_program",
        "x, y among e and finitely many Gaussian vectors independent of A and e: (1/d) <A^j x, A^k"
        " y> -> sigma^{2k} lim <x, y>/d for j = k, else 0, because the covariance of A^{j+1} x and"
        " A^{k+1} y is sigma^2 times that of A^j x and A^k y, and A^j x, j >= 1, is uncorrelated"
        " with y",
        "d -> infinity",
        {
            "gaussian": ("ginibre",),
            "input": ("uniform_input",),
            "growth": ("geometric_sum",),
            "steps": ("limit",),
        },
    ),
    identity(
        "moment_series",
        "(p - sigma^2) Sum_{j<n} sigma^{2j}/p^{j+1} = 1 - (sigma^2/p)^n",
        "every n by induction",
        _series,
    ),
    deduced(
        "resolvent_moments",
        "(1/d) x^T (w-A)^{-T} (nu-A)^{-1} x -> 1/(w nu - sigma^2) in probability, uniformly in"
        " |w|, |nu| >= (1 + delta) sigma, for x = e and for x Gaussian independent of A and e: cut"
        " both series; finitely many moments remain",
        "d -> infinity",
        ("resolvent_series", "moments", "moment_series"),
    ),
    identity(
        "norm_balance",
        "|h|^2 = d becomes beta^2/(w^2 - sigma^2) = 1: w = sqrt(sigma^2 + beta^2), s = a + w",
        "d -> infinity",
        _balance,
        ("fixed_point_equation", "resolvent_moments"),
    ),
    decided(
        "balance_falls",
        "v > sigma: the limit beta^2/(v^2 - sigma^2) of |h|^2/d is above 1 for v < w and below 1"
        " for v > w",
        "no size",
        _largest,
    ),
    deduced(
        "largest_root",
        "|beta (v - A)^{-1} e|^2/d converges uniformly in v >= (1 + delta) sigma, so with"
        " probability -> 1 it crosses 1 near w = sqrt(sigma^2 + beta^2) and nowhere else beyond (1"
        " + delta) sigma: the fixed point of the largest s exists and has s -> a + w",
        "d -> infinity",
        ("resolvent_moments", "norm_balance", "balance_falls", "outside_the_disc", "largest"),
    ),
    identity(
        "projector_determinant",
        "P = I - h h^T/|h|^2: det(mu - P M) = det(mu - M) (mu/|h|^2) h^T (mu - M)^{-1} h",
        "d in {1, 2, 3}",
        _projector,
    ),
    identity(
        "resolvent_shift",
        "M (mu - M)^{-1} = -1 + mu (mu - M)^{-1}",
        "every d",
        _determinant_every_d,
    ),
    cited(
        "projector_determinant_every_d",
        "determinant_lemma",
        "the same determinant formula for every d: mu - P M = (mu - M) + (h/|h|^2) (h^T M)",
        "every d",
        {"invertible": ("resolvent_shift",)},
    ),
    identity(
        "outlier_series",
        "beta^2 times the double series of h^T (nu-A)^{-1} h is w/(w nu - sigma^2)",
        "d -> infinity",
        _outlier_function,
        ("moments",),
    ),
    deduced(
        "outlier_function",
        "(1/d) h^T (nu-A)^{-1} h -> w/(w nu - sigma^2) in probability, uniformly in |nu| >= (1 +"
        " delta) sigma, at the random w of the fixed point: cut the three series",
        "d -> infinity",
        ("resolvent_series", "outlier_series", "largest_root"),
    ),
    decided(
        "zero_free",
        "|nu| > sigma, w > sigma: w nu - sigma^2 != 0 and |w nu/(w nu - sigma^2)| >= 1/2",
        "no size",
        _zero_free,
    ),
    deduced(
        "no_outliers",
        "so (nu/d) h^T (nu-A)^{-1} h is above 1/4 in modulus, and for every delta > 0, with"
        " probability -> 1, P A has no eigenvalue with |nu| >= (1 + delta) sigma",
        "d -> infinity",
        ("projector_determinant_every_d", "outlier_function", "zero_free", "resolvent_series"),
    ),
)
