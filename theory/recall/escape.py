"""R2 above rho(W_x) = 1: from an open set, orbits diverge at the rate log rho(W_x)."""

from __future__ import annotations

import sympy as sp

from ..kernel.algebra import Words, letters
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
    w, power, v, push, rest = letters("W W_t v c r")  # r_t = W^{-1}(c_t + r_{t+1})
    shifts = letters("c:4")
    equations = [Words(w * (power * v - w**-1 * (push + rest)) + push, w * power * v - rest)]
    state = v
    for t, shift in enumerate(shifts, 1):
        state = w * state + shift
        inside = v + sum((w ** (-k - 1) * shifts[k] for k in range(t)), sp.Integer(0))
        equations.append(Words(state, w**t * inside))
    return equations


def _shifted():
    q, h, b, u = letters("Q h B u")  # Q = W - I on the expanding part, B = W_e e
    return [Words(((1 + q) * h + b + u) + q**-1 * b, (1 + q) * (h + q**-1 * b) + u)]


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
        "g = h + (W_x - I)^{-1} W_e e absorbs the input: P g' = W_x P g + P k with k bounded"
        " whatever e is",
        "every d",
        _shifted,
        ("splitting",),
    ),
    decided(
        "escape",
        "C_* = sup |P k|_*: |P g|_* > r = C_*/(mu - 1) is open and forward invariant, and |P g|_* -"
        " r grows by mu in every loop",
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
        "|r_t|_* <= C_*/(mu - 1) < |P g_0|_* gives v != 0, so |W_x^t v|_* >= nu^t |v|_* in the norm"
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
        "h_0 = e = tau e_0 with P(e_0 + (W_x - I)^{-1} W_e e_0) != 0 lies in the escape set for"
        " every large tau, since C_* does not depend on e; a moderate e need not",
        "every d",
        ("input_shift", "escape"),
    ),
)
