"""Steps of A5: how often a real 2 x 2 Ginibre matrix has a real positive dominant eigenvalue.

The probability is 1/(2 sqrt 2).
"""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.proof import Bound, Sentence, cited, decided, deduced, enclosed, identity

END = 15
"""the integral runs to here; its tail, at most e^{-END^2/2} < 1e-48, is added to the ball"""

SPREAD = sp.Matrix([[1, 0, 0, -1], [0, 1, 1, 0], [0, 1, -1, 0], [1, 0, 0, 1]])
"""maps the entries (a, b, c, d) of M = [[a, b], [c, d]] to (a - d, b + c, b - c, a + d)"""


def _coordinates():
    entries = sp.symbols("a b c d")
    matrix: Any = sp.Matrix(2, 2, entries)
    x, y, z, trace = SPREAD * sp.Matrix(entries)
    gram = SPREAD * SPREAD.T
    return [
        Equation(matrix.trace() ** 2 - 4 * matrix.det(), x**2 + y**2 - z**2),
        Equation(matrix.trace(), trace),
        *(Equation(gram[i, j], sp.Integer(2 * int(i == j))) for i in range(4) for j in range(4)),
    ]


def _sign_of_the_trace():
    p, q = sp.symbols("p q")
    # p > q are the two real eigenvalues; their signs follow from 2 p > p + q and 2 q < p + q
    return [
        Sentence((p > q,), sp.Equivalent(p**2 > q**2, p + q > 0)),
        Sentence((p > q,), sp.Equivalent(q**2 > p**2, p + q < 0)),
    ]


def _antiderivative():
    r = sp.Symbol("r", positive=True)
    integrand = r * sp.exp(-(r**2) / 2) * sp.erf(r / sp.sqrt(2))
    primitive = sp.erf(r) / sp.sqrt(2) - sp.exp(-(r**2) / 2) * sp.erf(r / sp.sqrt(2))
    end, start = sp.limit(primitive, r, sp.oo), primitive.subs(r, 0)
    z, v = sp.symbols("z v", positive=True)
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    other = 2 * sp.integrate(sp.exp(-v * z**2 / 2) * density, (z, 0, sp.oo))
    return [
        Equation(sp.simplify(other**2), 1 / (1 + v)),
        Equation((end - start) ** 2, sp.simplify(other**2).subs(v, 1)),
        Equation(sp.simplify(sp.diff(primitive, r) / integrand), sp.Integer(1)),
        Equation((end - start) ** 2, sp.Rational(1, 2)),
        Equation(formula("ginibre_dominant_positive_2")() * sp.sqrt(2), (end - start) / sp.sqrt(2)),
    ]


def _ball():
    def integrand(r: flint.acb, _: bool) -> flint.acb:
        return r * (-(r**2) / 2).exp() * (r / flint.acb(2).sqrt()).erf()

    body = flint.acb.integral(integrand, 0, END).real
    # beyond END the integrand lies between 0 and r e^{-r^2/2}
    tail = flint.arb(0).union((-(flint.arb(END) ** 2) / 2).exp())
    half = (body + tail) / 2
    value: Any = formula("ginibre_dominant_positive_2")() ** 2
    exact = (flint.arb(int(value.p)) / int(value.q)).sqrt()
    low, high = "0.353553390593273762200422", "0.353553390593273762200423"
    return [
        Bound("P from the integral", half, low, high),
        Bound("P from the formula", exact, low, high),
    ]


GINIBRE_STEPS = (
    identity(
        "coordinates",
        "x = a - d, y = b + c, z = b - c, w = a + d: tr^2 - 4 det = x^2 + y^2 - z^2, tr = w, and Q"
        " Q^T = 2 I for (x, y, z, w) = Q (a, b, c, d)",
        "d = 2",
        _coordinates,
    ),
    cited(
        "independent_coordinates",
        "gaussian_rotation",
        "x, y, z, w are independent N(0, 2)",
        "d = 2",
        {"gaussian": ("ginibre",), "orthogonal": ("coordinates",)},
    ),
    decided(
        "sign_of_the_trace",
        "real eigenvalues p > q: the dominant one is positive iff p + q > 0, negative iff p +"
        " q < 0",
        "d = 2",
        _sign_of_the_trace,
    ),
    deduced(
        "symmetry",
        "M and -M have the same law, and the eigenvalues of -M are those of M times -1: P(dominant"
        " real, positive) = P(dominant real)/2",
        "every d",
        ("ginibre",),
    ),
    deduced(
        "half",
        "w is symmetric and independent of x, y, z: P(dominant real, positive) = P(z^2 < x^2 +"
        " y^2)/2",
        "d = 2",
        ("independent_coordinates", "sign_of_the_trace", "coordinates"),
    ),
    identity(
        "probability",
        "r^2 = (x^2 + y^2)/2 has density r e^{-r^2/2}, |z|/sqrt 2 < r probability erf(r/sqrt 2):"
        " the integral of the product is 1/sqrt 2 (its primitive is erf(r)/sqrt 2 - e^{-r^2/2}"
        " erf(r/sqrt 2)), so P = 1/(2 sqrt 2); so does E e^{-v g^2/2} = 1/sqrt(1 + v), g = z/sqrt"
        " 2, at v = 1",
        "d = 2",
        _antiderivative,
        ("half",),
    ),
    enclosed(
        "probability_ball",
        "the same integral in balls: P = 0.3535533905932737622004...",
        "d = 2",
        _ball,
        ("probability",),
    ),
)
