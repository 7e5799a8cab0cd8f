"""Steps of N4: I - J is invertible on the tangent spaces, so that the sensitivity S exists.

They also give its rank, range and kernel.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.proof import Sentence, decided, identity
from ..kernel.vectors import span

# P is the projector on the tangent spaces of one token or of all, s the block diagonal matrix of
# the scales |z_i|/R, D = D_h G, B = D_e G and T = s - P D P; z is any vector with P z = 0
P, SCALE, D, B, T, NULL = letters("P s D B T z")

_RULES: Any = (
    ((P, NULL), sp.Integer(0)),
    ((P, D, P), SCALE * P - P * T),
    ((P, P), P),
    ((P, SCALE), SCALE * P),
    ((P, SCALE**-1), SCALE**-1 * P),
    ((T, P), P * T),
    ((T**-1, P), P * T**-1),
)


def _model(rng: random.Random, size: int):
    """Random matrices: s commutes with P, T = s - P D P is invertible, P is 1 or of lower rank."""
    while True:
        basis = random_matrix(rng, size)
        rank = rng.randint(1, max(1, size - 1))
        p = basis * diagonal([1] * rank + [0] * (size - rank)) * basis.inv()
        scale = basis * diagonal([rational(rng) for _ in range(size)]) * basis.inv()
        d = random_matrix(rng, size)
        t = scale - p * d * p
        if t.det() != 0:
            vectors, b = random_matrix(rng, size), random_matrix(rng, size)
            return {P: p, SCALE: scale, D: d, B: b, T: t, NULL: vectors - p * vectors}


def _projector():
    radius, s, hv, vv = sp.symbols("R s hv vv", positive=True)
    h, v = span("h v", {("h", "h"): radius**2, ("h", "v"): hv, ("v", "v"): vv})
    projected = v - (hv / radius**2) * h
    z = s * h
    # N1 at eps = 0: DN(z) v = (R/|z|)(v - z <z, v>/|z|^2) with |z| = s R
    derivative = (radius / (s * radius)) * (v - (z.dot(v) / (s * radius) ** 2) * z)
    return [
        *(Equation(derivative[n], ((1 / s) * projected)[n]) for n in ("h", "v")),
        Equation(h.dot(projected), sp.Integer(0)),
        Equation((h - (h.dot(h) / radius**2) * h)["h"], sp.Integer(0)),
        Equation(projected.dot(projected) + hv**2 / radius**2, vv),
        # P v = 0 means v = (<h, v>/R^2) h
        Equation((v - projected)["h"], hv / radius**2),
    ]


def _tangent():
    anything = sp.Symbol("X", commutative=False)
    return [Words(P * SCALE**-1 * P * anything, SCALE**-1 * P * anything, _RULES, _model)]


def _resolvent():
    jacobian, recalled = SCALE**-1 * P * D, SCALE**-1 * P * B
    sensitivity = T**-1 * P * B
    return [
        Words((1 - jacobian) * (1 + T**-1 * P * D), sp.Integer(1), _RULES, _model),
        Words(jacobian * sensitivity + recalled, sensitivity, _RULES, _model),
        Words(T * sensitivity, P * B, _RULES, _model),
        Words(sensitivity * B**-1 * NULL, sp.Integer(0), _RULES, _model),
    ]


def rank() -> list[Words]:
    """S maps onto the range of P, with the right inverse B^{-1} T P, and kills B^{-1} (I - P)."""
    sensitivity = T**-1 * P * B
    return [
        Words(P * sensitivity, sensitivity, _RULES, _model),
        Words(sensitivity * (B**-1 * T * P), P, _RULES, _model),
        Words(sensitivity * B**-1 * (1 - P), sp.Integer(0), _RULES, _model),
    ]


def _gram():
    u, w, c, k = sp.symbols("u w c k")
    # |u - M u|^2 = u^2 - 2c + w^2 with w = |M u| <= k u and -u w <= c = <u, M u> <= u w
    square = u**2 - 2 * c + w**2
    return [
        Sentence((u >= 0, k < 1, w <= k * u, c <= u * w), square >= (1 - k) ** 2 * u**2),
        Sentence((u >= 0, w >= 0, w <= k * u, c >= -u * w), square <= (1 + k) ** 2 * u**2),
    ]


def _from_contraction():
    k, kappa, s, lipschitz, r, radius = sp.symbols("k q s l r R")
    # s = |z|/R with |z| >= r, |P D P| = k s <= l, and kappa = R l/r
    constants = (r > 0, radius > 0, lipschitz >= 0, sp.Eq(kappa * r, radius * lipschitz))
    return [Sentence((*constants, s * radius >= r, k * s <= lipschitz), k <= kappa)]


INVERSE_STEPS = (
    identity(
        "tangent_range",
        "J and K map into the tangent space: P s^{-1} P X = s^{-1} P X for every X, s the scales of"
        " all tokens",
        "every d, every L",
        _tangent,
        ("projector",),
    ),
    decided(
        "triangle",
        "|M u| <= k|u|, 0 <= k < 1: (1 - k)|u| <= |u - M u| <= (1 + k)|u|, from <u, M u>^2 <= |u|^2"
        " |M u|^2",
        "every d, every L",
        _gram,
    ),
    decided(
        "k_below_kappa",
        "one token: k = |P D_h G P|_2/s <= kappa = R l/r < 1",
        "every d",
        _from_contraction,
        ("small", "projector"),
    ),
    identity(
        "resolvent",
        "T = s - P D_h G P: (I - J)(I + T^{-1} P D_h G) = I; S = T^{-1} P B solves S = J S + K; T S"
        " = P B; S B^{-1} z = 0 for P z = 0",
        "every d, every L",
        _resolvent,
        ("tangent_range",),
    ),
)
"""the steps that hold for every projector P and block diagonal s that commute"""

RESOLVENT_STEPS = (
    identity(
        "projector",
        "s DN(z) = P, s = |z|/R: P v = v - h<h, v>/R^2 is orthogonal to h, P h = 0, |v|^2 = |P v|^2"
        " + <h, v>^2/R^2, and P v = 0 means v parallel to h",
        "every d",
        _projector,
        ("eps_zero", "gain_one"),
    ),
    *INVERSE_STEPS,
    identity(
        "rank",
        "T = s(I - M), M = s^{-1} P D_h G P, is invertible (k < 1). For invertible B, P S = S, S"
        " B^{-1} T P = P and S B^{-1} (I - P) = 0: the range of S is that of P, which is h*^perp in"
        " every token, so rank S = L(d-1), and its kernel is spanned by the B^{-1} z_i",
        "every d, every L",
        rank,
        ("resolvent", "triangle", "k_below_kappa", "projector", "recall_invertible"),
    ),
)
