"""Steps of N6 on the plain loop: its fixed point, the balance of its norm, the spectrum of P A.

P A has no outliers.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters, rational
from ..kernel.proof import Sentence, cited, decided, identity

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


def _series():
    x, product = sp.symbols("X p", positive=True)  # p = w nu and X = X_n = (sigma^2/p)^n
    # (p - sigma^2) Sum_{j<n} sigma^{2j}/p^{j+1} = 1 - X_n by induction over n, and in full for
    # n = 1..6
    equations = [Equation((1 - x) + (product - SIGMA**2) * x / product, 1 - x * SIGMA**2 / product)]
    for n in range(1, 7):
        total = sum(SIGMA ** (2 * j) / product ** (j + 1) for j in range(n))
        equations.append(Equation((product - SIGMA**2) * total, 1 - (SIGMA**2 / product) ** n))
    return equations


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


def _resolvent_difference():
    x, y, a = letters("X Y A")  # X = nu - A, Y = w - A
    w, nu = sp.symbols("w nu")
    return [
        Words(x**-1 - y**-1, x**-1 * (y - x) * y**-1),
        Words((w - a) - (nu - a), w - nu + 0 * a),
    ]


def _outlier_function():
    moment_nu, moment_w = 1 / (W * NU - SIGMA**2), 1 / (W**2 - SIGMA**2)
    quotient = BETA**2 * (moment_nu - moment_w) / (W - NU)
    return [Equation(quotient, W / (W * NU - SIGMA**2), BALANCE, triple)]


def _zero_free():
    w, sigma, u, v = sp.symbols("w sigma u v")
    given = (sigma > 0, w > sigma, u**2 + v**2 > sigma**2)
    return [Sentence(given, (w * u - sigma**2) ** 2 + (w * v) ** 2 > 0)]


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
        "every d",
        _outside,
        ("recall",),
    ),
    identity(
        "moment_series",
        "Sum_j sigma^{2j}/(w nu)^{j+1} = 1/(w nu - sigma^2): partial sums",
        "every d, every n by induction",
        _series,
    ),
    cited(
        "resolvent_moments",
        "ginibre_resolvent",
        "(1/d) e^T (w-A)^{-T} (nu-A)^{-1} e -> 1/(w nu - sigma^2), and the trace likewise",
        "d -> infinity",
        {
            "gaussian": ("ginibre",),
            "independent": ("independent",),
            "outside": ("outside_the_disc",),
            "limit": ("limit",),
        },
        ("moment_series",),
    ),
    identity(
        "norm_balance",
        "|h|^2 = d becomes beta^2/(w^2 - sigma^2) = 1: w = sqrt(sigma^2 + beta^2), s = a + w",
        "d -> infinity",
        _balance,
        ("fixed_point_equation", "resolvent_moments"),
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
        "the same determinant formula for every d",
        "every d",
        {"invertible": ("resolvent_shift",)},
        ("projector_determinant",),
    ),
    identity(
        "resolvent_difference",
        "(nu-A)^{-1} - (w-A)^{-1} = (w - nu)(nu-A)^{-1}(w-A)^{-1}",
        "every d",
        _resolvent_difference,
    ),
    identity(
        "outlier_function",
        "(1/d) h^T (nu-A)^{-1} h -> w/(w nu - sigma^2) for the h of the balance",
        "d -> infinity",
        _outlier_function,
        ("resolvent_difference", "resolvent_moments", "norm_balance"),
    ),
    decided(
        "zero_free",
        "that limit is finite and not zero for complex |nu| > sigma",
        "every d",
        _zero_free,
        ("outlier_function",),
    ),
    cited(
        "bounded_spectrum",
        "ginibre_norm",
        "|A|_2 -> 2 sigma: all nu lie in a compact set",
        "d -> infinity",
        {"gaussian": ("ginibre",), "limit": ("limit",)},
    ),
    cited(
        "no_outliers",
        "hurwitz",
        "for every delta > 0, with probability -> 1 P A has no eigenvalue with |nu| > sigma +"
        " delta",
        "d -> infinity",
        {
            "convergence": ("resolvent_moments", "outlier_function"),
            "zero_free": ("zero_free",),
            "compact": ("bounded_spectrum",),
        },
        ("projector_determinant_every_d",),
    ),
    cited(
        "bulk",
        "circular_law_low_rank",
        "the eigenvalues of P A fill the disc |nu| <= sigma: some come near nu = sigma",
        "d -> infinity",
        {"gaussian": ("ginibre",), "rank": ("bounded_spectrum",), "limit": ("limit",)},
    ),
)
