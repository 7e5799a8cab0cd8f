"""Steps of N9: the states of a loop with LayerNorm, its existence, and its sensitivity.

With h = gamma o k + c a loop with gain gamma and bias c is one in k with gain 1 and bias 0, which
lives in the space of mean 0. There LayerNorm is the map u -> u/s of u = C z, so the steps of N2 to
N4 that hold in every Euclidean space apply to u.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from ..kernel.algebra import Equation, Words, diagonal, letters, random_matrix, rational
from ..kernel.proof import cited, decided, deduced, identity
from ..kernel.vectors import Span
from . import contraction, existence, sensitivity, sensitivity_variants, sharp_example
from .existence_cap import CAP_GEOMETRY
from .layer_norm_jacobian import EPS, D, S, centred, directions, entries, formula_of, vectors
from .layer_norm_jacobian import jacobian_every_d as jacobian
from .sensitivity_resolvent import INVERSE_STEPS, rank


def _states():
    z, _, one = vectors()
    c = centred(z, one)
    size = c.dot(c)
    normal = (1 / S) * c
    square = normal.dot(normal).subs(S, sp.sqrt(size / D + EPS))
    return [
        Equation(normal.dot(one), sp.Integer(0)),
        Equation(square, D - D**2 * EPS / (size + D * EPS)),
    ]


def _conclusion():
    gain, bias, k, u, s = sp.symbols("gamma c k u s")  # entries, with u that of C z(gamma o k + c)

    def point(rng: random.Random) -> dict[sp.Symbol, Any]:
        scale, entry = rational(rng, positive=True), rational(rng)
        size = sp.Integer(0) if rng.random() < 1 / 4 else rational(rng)
        return {gain: size, bias: rational(rng), s: scale, k: entry, u: scale * entry}

    return [Equation(gain * u / s + bias, gain * k + bias, (s * k - u,), point)]


def _centring():
    _, v, one = vectors()
    c = centred(v, one)
    mean = one.dot(v) / D
    return [
        Equation(c.dot(c) + D * mean**2, v.dot(v)),
        *(Equation(centred(c, one)[n], c[n]) for n in ("v", "one")),
    ]


def _projector():
    radius_squared, hv, v1, vv, s = sp.symbols("d hv v1 vv s", positive=True)
    gram = {("k", "k"): radius_squared, ("k", "v"): hv, ("v", "v"): vv, ("k", "one"): 0}
    gram |= {("one", "v"): v1, ("one", "one"): radius_squared}
    k, v, one = (Span({name: sp.Integer(1)}, _table(gram)) for name in ("k", "v", "one"))
    projected = v - (v1 / radius_squared) * one - (hv / radius_squared) * k
    u = s * k
    # DN(z) v at eps = 0 and C z = u, |u|^2 = d s^2
    moved = v - (v1 / radius_squared) * one
    derivative = (1 / s) * (moved - (u.dot(moved) / (radius_squared * s**2)) * u)
    return [
        *(Equation(derivative[n], ((1 / s) * projected)[n]) for n in ("k", "v", "one")),
        Equation(k.dot(projected), sp.Integer(0)),
        Equation(one.dot(projected), sp.Integer(0)),
        Equation(projected.dot(projected) + (hv**2 + v1**2) / radius_squared, vv),
        # P v = 0 means that v is this combination of k and 1
        Equation((v - projected)["k"], hv / radius_squared),
        Equation((v - projected)["one"], v1 / radius_squared),
    ]


def _table(gram: dict[tuple[str, str], Any]) -> dict[tuple[str, str], sp.Expr]:
    return {key: sp.sympify(value) for key, value in gram.items()}


def _epsilon_inverse():
    z, v, one = vectors()
    c, w = centred(z, one), centred(v, one)  # w is any vector of mean 0
    eps = S**2 - c.dot(c) / D
    preimage = S * w + (S * c.dot(w) / (D * eps)) * c
    image = formula_of(z, preimage, one)
    return [Equation(image[n], w[n]) for n in ("z", "v", "one")]


def _epsilon_rank():
    # N = DN, Q its inverse on the range of C, R = (I - J)^{-1}; C N = N = N C and C J = J, which
    # for R^{-1} = I - J says C R^{-1} = R^{-1} + C - 1, and the same for R
    c, n, q, r, b = letters("C N Q R B")
    rules: Any = (
        ((c, c), c),
        ((c, n), n),
        ((n, c), n),
        ((n, q, c), c),
        ((c, r), r + c - 1),
        ((c, r**-1), r**-1 + c - 1),
    )

    def model(rng: random.Random, size: int):
        basis = random_matrix(rng, size)
        values = [rational(rng) for _ in range(size - 1)]

        def diagonally(entries: list[Any]) -> Any:
            return basis * diagonal([*entries, 0]) * basis.inv()

        projector = diagonally([1] * (size - 1))
        while True:
            gap = diagonal([1] * size) - projector * random_matrix(rng, size)
            if gap.det() != 0:
                inverse = diagonally([1 / x for x in values])
                return {c: projector, n: diagonally(values), q: inverse, r: gap.inv()}

    sensitivity = r * n * b
    return [
        Words(c * sensitivity, sensitivity, rules, model),
        Words(sensitivity * (b**-1 * q * c * r**-1 * c), c, rules, model),
        Words(sensitivity * b**-1 * (1 - c), sp.Integer(0), rules, model),
    ]


STEPS = (
    identity(
        "jacobian",
        "gain 1: DN(z) v = (1/s)(C v - C z <C z, v>/(d s^2)); a gain multiplies entry by entry",
        "every d",
        jacobian,
        ("regular", "gain_one"),
    ),
    identity(
        "entries", "the same from the entries of LayerNorm", "d in {2, 3}", entries, ("jacobian",)
    ),
    identity(
        "directions",
        "DN 1 = 0 always, DN C z = (eps/s^3) C z, and DN v = v/s for v across both: null directions"
        " 1 and C z at eps = 0, only 1 at eps > 0",
        "every d",
        directions,
        ("jacobian", "eps_zero"),
    ),
    identity(
        "states",
        "mean(C z/s) = 0 and |C z/s|^2 = d - d^2 eps/(|C z|^2 + d eps): the ball (eps > 0) or the"
        " sphere (eps = 0) of radius R in the space of mean 0",
        "every d",
        _states,
        ("outer_norm",),
    ),
    identity(
        "centring",
        "|C v|^2 = |v|^2 - <1, v>^2/d and C C = C: C does not increase distances",
        "every d",
        _centring,
    ),
    identity(
        "convex",
        "|t k + (1 - t) l|^2 = t |k|^2 + (1 - t)|l|^2 - t (1 - t)|k - l|^2: the ball of the space"
        " of mean 0 is convex",
        "every d",
        existence.convex,
    ),
    cited(
        "brouwer_ball",
        "brouwer",
        "eps > 0: the loop in k has a fixed point for every e, in the product of the L balls",
        "every d, every L",
        {"convex": ("convex",), "continuous": ("epsilon", "continuous"), "self_map": ("states",)},
    ),
    *CAP_GEOMETRY,
    cited(
        "brouwer_cap",
        "brouwer",
        "eps = 0 and |C B e| > G >= |C g| (every token): the steps before with g and b replaced by"
        " C g and C B e give a fixed point of the loop in k, in the cap around C B e",
        "every d >= 2, every L",
        {
            "convex": ("round_cap", "flat_cap", "convex"),
            "continuous": ("in_the_cap", "continuous"),
            "self_map": ("in_the_cap", "states", "state_space"),
        },
    ),
    identity(
        "conclusion",
        "entry by entry: if k = u/s with u = C z(gamma o k + c, e), then h = gamma o k + c is a"
        " fixed point, also where gamma has zeros",
        "every d >= 2, every L",
        _conclusion,
        ("brouwer_ball", "brouwer_cap"),
    ),
    *contraction.LIPSCHITZ_STEPS,
    deduced(
        "complete",
        "the sphere and the ball of the space of mean 0 are closed",
        "every d",
        ("states",),
    ),
    cited(
        "one_fixed_point",
        "banach",
        "kappa < 1 for u(k) = C z(gamma o k + c, e): one fixed point, reached from every state at"
        " the rate kappa, measured in k",
        "every d >= 2",
        {
            "complete": ("complete",),
            "self_map": ("states",),
            "contraction": ("kappa", "centring", "small"),
        },
    ),
    decided(
        "affine_update",
        "z = A h + B e, |C(A c + B e)| = beta R, n = |C A diag(gamma) C|_2: |u| >= (beta - n) R, so"
        " kappa = n/(beta - n) < 1 iff beta > 2 n",
        "every d >= 2",
        contraction.affine,
        ("kappa", "conclusion"),
    ),
    identity(
        "sharp_fixed_point",
        "A = -a I, gain 1, bias 0, mean e = 0, beta > a: h = e is fixed, with the multiplier -a/"
        "(beta - a) across 1 and e, and kappa = a/(beta - a) is attained",
        "every d >= 3",
        sharp_example.sharp_fixed_point,
        ("affine_update", "plane"),
    ),
    decided(
        "sharp_threshold",
        "that point is stable iff beta > 2 a; for beta <= a there is no fixed point",
        "every d >= 3",
        sharp_example.sharp_threshold,
        ("sharp_fixed_point",),
    ),
    identity(
        "two_cycle",
        "0 < beta < 2 a: states at cos(h, e) = beta/(2a) have |u| = a R and period two",
        "every d >= 3",
        sharp_example.two_cycle,
        ("sharp_threshold",),
    ),
    identity(
        "projector",
        "eps = 0, gain 1: s DN(z) = P, P v = v - <1, v>/d 1 - <k, v>/d k is across 1 and k, |v|^2 ="
        " |P v|^2 + (<1, v>^2 + <k, v>^2)/d, and P v = 0 iff v is a combination of 1 and k",
        "every d",
        _projector,
        ("directions", "eps_zero", "gain_one"),
    ),
    *INVERSE_STEPS,
    identity(
        "rank",
        "T = s(I - M), M = s^{-1} P D P, is invertible (k < 1). For invertible B, P S = S, S B^{-1}"
        " T P = P and S B^{-1} (I - P) = 0: the range of S is that of P, which is across 1 and k in"
        " every token, so rank S = L(d - 2), and its kernel is spanned by B^{-1} 1 and B^{-1} C z",
        "every d >= 2, every L",
        rank,
        ("resolvent", "triangle", "k_below_kappa", "projector", "recall_invertible"),
    ),
    decided(
        "singular_values",
        "sigma_min(B)/(s(1 + k)) <= sigma_{d-2}(S) and sigma_1(S) <= |B|_2/(s(1 - k)), one token",
        "every d >= 3",
        sensitivity.singular_values,
        ("triangle", "resolvent", "rank"),
    ),
    cited(
        "smooth",
        "implicit_function",
        "k*(e) is C^1 on the sphere of the space of mean 0, with derivative S, and by N3's rate it"
        " is the limit from every state",
        "every d >= 2, every L",
        {"smooth": ("differentiable",), "invertible": ("resolvent", "triangle", "k_below_kappa")},
        ("one_fixed_point",),
    ),
    identity(
        "gain",
        "gain Gamma = diag(gamma) without zeros, h = Gamma k + c: J_h = Gamma J_k Gamma^{-1}, S_h ="
        " Gamma S_k, so the rank is d - 2 again",
        "every d, every L",
        sensitivity_variants.gain,
        ("resolvent",),
    ),
    identity(
        "epsilon_inverse",
        "eps > 0: DN(z)(s w + s C z <C z, w>/(d eps)) = w for every w of mean 0",
        "every d",
        _epsilon_inverse,
        ("jacobian", "epsilon"),
    ),
    identity(
        "epsilon_rank",
        "eps > 0: with Q the inverse of DN on the space of mean 0 and S = (I - J)^{-1} DN B, C S ="
        " S, S B^{-1} Q C (I - J) C = C and S B^{-1} (I - C) = 0: the range is the space of mean 0,"
        " the rank is d - 1, and B^{-1} 1 is the one null direction",
        "every d >= 2",
        _epsilon_rank,
        ("epsilon_inverse", "directions", "recall_invertible", "small"),
    ),
)
"""the steps of N9"""
