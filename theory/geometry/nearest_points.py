"""Steps of R4 on the projection to the closed stable sets: quartics, and one root per point.

They also give the cut locus, and coordinates in which the map is explicit. After reflections both
curved boundaries are t u = 1 in one quadrant: (t, u) is (|x|, |1 + y|) for external recall, and
(|x|, |y|)/sqrt2 for internal recall.
"""

from __future__ import annotations

import sympy as sp

from ..kernel.algebra import Equation
from ..kernel.claim import Step
from ..kernel.proof import Sentence, both, decided, deduced, identity


def _quartics():
    x, p, q = sp.symbols("x p q")
    internal = (x - p) ** 2 + (-2 / x - q) ** 2
    pairs = [Equation(sp.diff(internal, x) * x**3 / 2, x**4 - p * x**3 - 2 * q * x - 4)]
    for sign in (1, -1):
        external = (x - p) ** 2 + (sign / x - 1 - q) ** 2
        quartic = x**4 - p * x**3 + sign * (q + 1) * x - 1
        pairs.append(Equation(sp.diff(external, x) * x**3 / 2, quartic))
    # the boundary |x y| = k^2, with all lengths divided by k
    t, k = sp.symbols("t k")
    scaled = (k * t) ** 4 - (k * p) * (k * t) ** 3 + k**2 * (k * q) * (k * t) - k**4
    return [*pairs, Equation(scaled, k**4 * (t**4 - p * t**3 + q * t - 1))]


def _same_quadrant():
    p, q, t, u = sp.symbols("p q t u")
    return [
        # a point of the set comes nearer when it is reflected into the quadrant of (p, q)
        Sentence((p > 0, t < 0), (-t - p) ** 2 < (t - p) ** 2),
        # p, q > 0 lies outside the internal set, whose points have t u <= 0 and are no nearer than
        # the nearer axis
        Sentence((p > 0, q >= p, t * u <= 0), (t - p) ** 2 + (u - q) ** 2 >= p**2),
    ]


def _one_root():
    p, q, s = sp.symbols("p q s")
    shifted = sp.Poly(sp.expand((1 + s) ** 4 - p * (1 + s) ** 3 + q * (1 + s) - 1), s)
    wanted = s**4 + (4 - p) * s**3 + (6 - 3 * p) * s**2 + (4 - 3 * p + q) * s + (q - p)
    return [Equation(shifted.as_expr(), wanted), Equation((p**4 - p * p**3 + q * p - 1), p * q - 1)]


def _descartes():
    p, q = sp.symbols("p q")
    third, second, first = 4 - p, 6 - 3 * p, 4 - 3 * p + q
    given = (p > q, q > 0, p * q > 1)
    ordered = (sp.Implies(first >= 0, second > 0), sp.Implies(second >= 0, third > 0))
    return [
        # the signs of the coefficients of s^3, s^2 and s are + ... + - ... -, and the constant is
        # negative: the signs change once
        Sentence(given, both(*ordered, q - p < 0)),
        # the root lies between 1, where the quartic is negative, and p > 1, where it is positive
        Sentence(given, both(p > 1, p * q - 1 > 0)),
        # on the diagonal p = q the polynomial s (s^3 + ...) has no positive root for p <= 2, and
        # its signs change exactly once for p > 2
        Sentence((p > 1, sp.Eq(q, p), p <= 2), both(first >= 0, second >= 0, third > 0)),
        Sentence((sp.Eq(q, p), p > 2), both(first < 0, second < 0)),
    ]


def _half_plane():
    p, q, t, u = sp.symbols("p q t u")
    # a point (t, u) beyond the diagonal comes nearer when it is reflected in it, so that the
    # nearest point has t >= u when p > q
    return [Sentence((p > q, t < u), (u - p) ** 2 + (t - q) ** 2 < (t - p) ** 2 + (u - q) ** 2)]


def _coordinates():
    t, r = sp.symbols("t r", positive=True)
    p, q = t + r / t, 1 / t + r * t
    jacobian = sp.diff(p, t) * sp.diff(q, r) - sp.diff(p, r) * sp.diff(q, t)
    tangent = (sp.Integer(1), -1 / t**2)
    return [
        Equation((p - t) * tangent[0] + (q - 1 / t) * tangent[1], sp.Integer(0)),
        Equation(t**4 - p * t**3 + q * t - 1, sp.Integer(0)),
        Equation(jacobian, t + 1 / t**3 - 2 * r / t),
        Equation(p - q, (1 - r) * (t - 1 / t)),
        Equation(p * q - 1, r * (t**2 + 1 / t**2 + r)),
        Equation(r, t * (p - t)),
    ]


def _bijection():
    t, r, p, q = sp.symbols("t r p q")
    # p = t + r/t and q = 1/t + r t, without denominators
    here = (t > 0, sp.Eq(p * t, t**2 + r), sp.Eq(q * t, 1 + r * t**2))
    return [
        Sentence((t > 0, r < 1, r > 0), t**4 + 1 - 2 * r * t**2 > 0),
        Sentence((*here, t > 1), both(sp.Equivalent(r < 1, p > q), sp.Equivalent(r > 0, p > t))),
        Sentence((*here, r > 0), p * q > 1),
        Sentence((*here, p * q > 1, t**2 + r > 0, 1 + r * t**2 > 0), r > 0),
    ]


NEAREST_STEPS: tuple[Step, ...] = (
    identity(
        "nearest_points",
        "critical points of the distance: x^4 - p x^3 - 2 q x - 4 = 0 on x y = -2, x^4 - p x^3 +-"
        " (q + 1) x - 1 = 0 on (1 + y) x = +-1; all are t^4 - P t^3 + Q t - 1 = 0 on t u = 1 after"
        " reflection (internal: and division by sqrt2)",
        "d = 1",
        _quartics,
        ("stable_sets",),
    ),
    decided(
        "same_quadrant",
        "the nearest point lies on the branch of its own quadrant; from x y > 0 (internal) it is"
        " the nearer axis",
        "d = 1",
        _same_quadrant,
        ("stable_sets",),
    ),
    decided("same_side", "P > Q: the nearest point of t u = 1 has t >= u", "d = 1", _half_plane),
    identity(
        "shifted_quartic",
        "at t = 1 + s the quartic is s^4 + (4-P)s^3 + (6-3P)s^2 + (4-3P+Q)s + (Q-P); at t = P it is"
        " P Q - 1",
        "d = 1",
        _one_root,
        ("nearest_points",),
    ),
    decided(
        "descartes",
        "P > Q > 0, P Q > 1: these coefficients change sign once, so (Descartes) there is exactly"
        " one root t > 1, and it is below P; on P = Q there is one iff P > 2",
        "d = 1",
        _descartes,
        ("shifted_quartic", "same_side"),
    ),
    deduced(
        "cut_locus",
        "outside the set the nearest point is unique except, in equal pairs, on |x| = |y|"
        " (internal) and on |x| = |1 + y| > 2 (external): it is the axis point or the one root of"
        " descartes",
        "d = 1",
        ("descartes", "same_quadrant", "same_side", "off_cut_locus"),
    ),
    identity(
        "normal_coordinates",
        "(P, Q) = (t + r/t, 1/t + r t) lies on the normal at (t, 1/t); dP dQ = (t + t^-3 - 2r/t) dt"
        " dr, P - Q = (1 - r)(t - 1/t), P Q - 1 = r (t^2 + t^-2 + r)",
        "d = 1",
        _coordinates,
        ("shifted_quartic",),
    ),
    decided(
        "normal_bijection",
        "0 < r < 1: the Jacobian is positive, and P > Q iff t > 1: t > 0, 0 < r < 1 covers P Q > 1"
        " off the diagonal once",
        "d = 1",
        _bijection,
        ("normal_coordinates", "descartes"),
    ),
)
