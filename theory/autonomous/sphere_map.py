"""Steps of A4 about h' = N(M h) on the sphere: its determinant between tangent spaces."""

from __future__ import annotations

import random

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation, Words, letters, random_matrix, rational
from ..kernel.proof import cited, identity
from ..kernel.vectors import span


def _outer_model(rng: random.Random, size: int):
    m, inverse = letters("M M_inv")
    value = random_matrix(rng, size)
    return {m: value, inverse: value.inv()} | {x: rational(rng) for x in sp.symbols("a b r")}


def _outer_onto():
    m, inverse, w, h = letters("M M_inv w h")
    beta, zz, zw, k = sp.symbols("beta zz zw k", positive=True)
    rules = (((m, inverse), sp.Integer(1)),)
    z, x = span("z w", {("z", "z"): zz, ("w", "z"): 0, ("w", "w"): 1})
    moved = x + beta * z  # M(M^{-1} w + beta h) = w + beta z
    image = (1 / k) * (moved - (z.dot(moved) / zz) * z)
    b = sp.Symbol("b")
    return [
        Words(m * (inverse * w + b * h), w + b * m * h, rules, _outer_model),
        Equation(image["w"], 1 / k),
        Equation(image["z"] + zw, zw),
    ]


def _outer_singular():
    zz, hh, hk, k = sp.symbols("zz hh hk k", positive=True)
    # M q = 0: v = q - h <h, q>/|h|^2 is a tangent vector, and M v = -(<h, q>/|h|^2) z
    h, q = span("h q", {("h", "h"): hh, ("h", "q"): hk, ("q", "q"): 1})
    tangent = q - (hk / hh) * h
    (z,) = span("z", {("z", "z"): zz})
    moved = (-hk / hh) * z
    image = (1 / k) * (moved - (z.dot(moved) / zz) * z)
    return [
        Equation(h.dot(tangent) + hk, hk),
        Equation(tangent.dot(tangent), 1 - hk**2 / hh),
        Equation(image["z"] + k, k),
    ]


def _outer_frames():
    hh, zz, hv, zmv = sp.symbols("hh zz hv zmv", positive=True)
    # G(h) = |h| z/|z| with z = M h has DG v = rho (M v + z <c, v>), where rho^2 = hh/zz and
    # c = h/|h|^2 - M^T z/|z|^2; back = M^T z has <back, h> = |z|^2 and <back, v> = <z, M v>
    z, mv = span("z mv", {("z", "z"): zz, ("mv", "z"): zmv, ("mv", "mv"): 1})
    table = {("h", "h"): hh, ("h", "v"): hv, ("v", "v"): 1}
    table |= {("back", "h"): zz, ("back", "v"): zmv, ("back", "back"): 1}
    h, back, v = span("h back v", table)
    c = (1 / hh) * h - (1 / zz) * back
    return [
        # <G, DG v> = <h, v>: tangent spaces are mapped to tangent spaces, and h to G
        Equation((hh / zz) * z.dot(mv + c.dot(v) * z), hv),
        # 1 + c^T M^{-1} z of the matrix determinant lemma
        Equation(1 + c.dot(h), 1),
    ]


def _outer_determinant():
    equations = []
    stretch = sp.Symbol("k", positive=True)
    for d in (2, 3):
        m = sp.Matrix(d, d, sp.symbols(f"m:{d * d}"))
        # for d = 3 the state lies on the first axis, after a rotation
        h = sp.Matrix(sp.symbols("h0 h1") if d == 2 else [sp.Symbol("h0"), 0, 0])
        z = m * h
        c = h / h.dot(h) - m.T * z / z.dot(z)
        derivative = (m + z * c.T) / stretch
        value = formula("tangential_determinant")(m.det(), stretch, d)
        equations.append(Equation(derivative.det(method="berkowitz"), value))
    return equations


STEPS = (
    identity(
        "outer_norm_invertible",
        "h' = N(M h), eps = 0, M invertible: v = M^{-1} w + beta h goes to w (up to the factor"
        " |h|/|z|) for w across z = M h; beta makes v tangent: onto the tangent space",
        "every d",
        _outer_onto,
        ("nonsingular",),
    ),
    identity(
        "outer_norm_singular",
        "M q = 0, q not along h: the tangent vector q - h<h, q>/|h|^2 is not zero and goes to 0:"
        " the tangential determinant vanishes iff det M does",
        "every d",
        _outer_singular,
    ),
    identity(
        "outer_norm_frames",
        "G(h) = |h| N(M h)/R maps h to G and tangent spaces to tangent spaces, so det DG is the"
        " tangential determinant; DG = rho(M + z c^T) with <c, h> = 0",
        "every d",
        _outer_frames,
    ),
    cited(
        "outer_norm_lemma",
        "determinant_lemma",
        "so det DG = rho^d det M (1 + c^T M^{-1} z) = det M (|h|/|M h|)^d",
        "every d",
        {"invertible": ("outer_norm_invertible",)},
        ("outer_norm_frames",),
    ),
    identity(
        "outer_norm_determinant",
        "the same without the lemma, for every M: det DG = det M (|h|/|M h|)^d",
        "d in {2, 3}",
        _outer_determinant,
        ("outer_norm_frames",),
    ),
)
