"""R2 above rho(W_x) = 1: from an open set, orbits diverge at the rate log rho(W_x)."""

from __future__ import annotations

import random

import sympy as sp

from ..kernel.algebra import Words, diagonal, letters, random_matrix
from ..kernel.proof import Sentence, cited, decided, deduced, identity


def _escape():
    mu, c, x, y, radius = sp.symbols("mu C x y r")
    step = (sp.Eq(radius * (mu - 1), c), y >= mu * x - c)
    return [
        Sentence(step, y - radius >= mu * (x - radius)),
        Sentence((*step, mu > 1, x > radius), y > x),
    ]


def _expanding():
    # S = |W x|_*, T = |W^{-1} W x|_* = |x|_*, nu = 1/mu
    mu, nu, y0, last, total, moved = sp.symbols("mu nu x y S T")
    step = sp.Eq(moved, nu * (total - y0 + last))
    return [Sentence((mu > 0, sp.Eq(mu * nu, 1), last <= y0, step), total >= mu * moved)]


def _variation():
    # on im P, where W is invertible; r_t = W^{-1}(c_t + r_{t+1})
    w, power, v, push, rest = letters("W W_t v c r")
    return [Words(w * (power * v - w**-1 * (push + rest)) + push, w * power * v - rest)]


def _split_model(rng: random.Random, size: int):
    """W with a part where 1 is no eigenvalue (P) and a part with the eigenvalue 1; V = (W - 1)^{-1}
    on the first part, 0 on the other.
    """
    w, p, v = letters("W P V")
    basis, lead = random_matrix(rng, size), rng.randint(2, 5)
    image = rng.randint(1, size)

    def in_basis(inside: list, outside: list):
        return basis * diagonal(inside[:image] + outside[image:]) * basis.inv()

    moduli = [lead * rng.choice((-1, 1)) for _ in range(size)]
    ones, zeros = [1] * size, [0] * size
    return {
        w: in_basis(moduli, ones),
        p: in_basis(ones, zeros),
        v: in_basis([sp.Rational(1, x - 1) for x in moduli], zeros),
    }


def _shifted():
    w, p, v, h, c, u = letters("W P V h c u")  # V = (W - 1)^{-1} P on im P, and 0 on ker P
    rules = (((w, p), p * w), ((w, v), v + p))
    after = p * (w * h + c + u) + v * c
    return [Words(after, w * p * h + w * v * c + p * u, rules, _split_model)]


ESCAPE_STEPS = (
    cited(
        "splitting",
        "spectral_projector",
        "rho(W_x) > 1: P, the projector on the eigenvalues of modulus rho, commutes with W_x, which"
        " is invertible on im P",
        "every d",
        {"separated": ("expansive",)},
    ),
    cited(
        "backward_bound",
        "gelfand",
        "1 < mu < rho: on im P, mu W_x^{-1} has spectral radius mu/rho < 1, so |W_x^{-m}| <= mu^-m"
        " for some m",
        "every d",
        {"radius": ("splitting", "expansive")},
    ),
    decided(
        "expanding_norm",
        "the adapted norm of W_x^{-1} on im P has |W_x x|_* >= mu |x|_*",
        "every d",
        _expanding,
        ("telescoping", "backward_bound", "adapted_norm"),
    ),
    identity(
        "input_shift",
        "On im P no eigenvalue is 1, so V = (W_x - I)^{-1} P exists there (also where W_x has the"
        " eigenvalue 1 elsewhere). g = P h + V c absorbs the input: g' = W_x g + P U, and U is"
        " bounded whatever e is.",
        "every d",
        _shifted,
        ("splitting",),
    ),
    decided(
        "escape",
        "C_* = sup |P U|_*: |g|_* > r = C_*/(mu - 1) is open and forward invariant, and |g|_* - r"
        " grows by mu in every loop",
        "every d, every L",
        _escape,
        ("expanding_norm", "input_shift", "bounded", "radii"),
    ),
    identity(
        "variation_of_constants",
        "P g_t = W_x^t v - r_t with v = P g_0 + Sum_{k>=0} W_x^{-k-1} P k_k, r_t = Sum_{j>=0}"
        " W_x^{-j-1} P k_{t+j}",
        "every d, every t by induction",
        _variation,
        ("splitting",),
    ),
    deduced(
        "lower_rate",
        "|r_t|_* <= C_*/(mu - 1) < |g_0|_* gives v != 0, so |W_x^t v|_* >= nu^t |v|_* in the norm"
        " adapted to any nu < rho: liminf (1/t) log|h_t| >= log rho",
        "every d",
        ("variation_of_constants", "expanding_norm", "escape", "escaping"),
    ),
    cited(
        "upper_power",
        "gelfand",
        "nu > rho: W_x/nu has spectral radius < 1, so |W_x^t| <= K nu^t",
        "every d",
        {"radius": ("expansive",)},
    ),
    deduced(
        "rate",
        "|h_t| <= K nu^t |h_0| + C K Sum_{s<t} nu^s, so (1/t) log|h_t| -> log rho(W_x)",
        "every d, every L",
        ("upper_power", "lower_rate", "bounded"),
    ),
    deduced(
        "model_start",
        "h_0 = e = tau e_0 with P e_0 + V W_e e_0 != 0 lies in the escape set for every large tau,"
        " since C_* does not depend on e; a moderate e need not",
        "every d",
        ("input_shift", "escape"),
    ),
)
