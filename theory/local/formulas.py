"""Closed forms of loops near an attracting fixed point."""

from __future__ import annotations

import sympy as sp

from ..formulas import positive, register


@register(
    "L1",
    "radius",
    "radius, in the adapted norm, of a ball in which a loop contracts by s: |J|_* <= q < s < 1, and"
    " M is a Lipschitz constant of D_h f",
)
def contraction_radius():
    q, bound, s = positive("q M s")
    return (q, bound, s), (s - q) / bound


@register(
    "L4",
    "loop_count",
    "loop after which the answer is that of the limit: |h_t - h*| <= C q^t, 0 < q < 1, read-out"
    " with Lipschitz constant Lambda and margin m at h*",
)
def answer_loop():
    scale, lipschitz, margin, q = positive("C Lambda m q")
    return (scale, lipschitz, margin, q), sp.log(scale * lipschitz / margin) / sp.log(1 / q)
