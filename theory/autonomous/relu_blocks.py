"""Steps of A4 about ReLU blocks M h + b + O relu(W h + s): affine off finitely many null sets."""

from __future__ import annotations

import sympy as sp

from ..kernel.algebra import Equation, Words, letters
from ..kernel.proof import cited, identity
from ..kernel.vectors import span


def _kinks():
    s, b, length, wh = sp.symbols("s b n x")
    w, h = span("w h", {("w", "w"): length**2, ("h", "w"): wh, ("h", "h"): 1})
    return [Equation(w.dot(h + s * w) + b - (w.dot(h) + b), s * length**2)]


def _pieces():
    m, out, active, inner, h, v, shift, b = letters("M O D W h v s b")

    def image(state: sp.Expr) -> sp.Expr:
        return m * state + b + out * active * (inner * state + shift)

    return [Words(image(h + v) - image(h), (m + out * active * inner) * v)]


RELU_BLOCKS = (
    identity(
        "kinks",
        "w != 0: <w, h> + b grows by s |w|^2 along s w, so it is a polynomial in h that is not 0"
        " everywhere",
        "every d",
        _kinks,
    ),
    cited(
        "kinks_are_null",
        "polynomial_null_set",
        "a ReLU block M h + b + O relu(W h + s) is C^1 off its kinks, finitely many null sets <w_i,"
        " h> + s_i = 0 (a unit with w_i = 0 is constant)",
        "every d",
        {"polynomial": ("kinks",), "not_zero": ("kinks",)},
    ),
    identity(
        "pieces",
        "off the kinks it is affine, with Df = M + O D W for the 0-1 diagonal D of the active"
        " units: `nonsingular` says that finitely many determinants are not 0",
        "every d",
        _pieces,
        ("kinks_are_null",),
    ),
)
