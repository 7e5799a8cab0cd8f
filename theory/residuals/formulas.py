"""Closed forms of scaled, damped and decaying residuals."""

from __future__ import annotations

import sympy as sp

from ..formulas import positive, register


@register(
    "S1",
    "boundary",
    "damping w at which an eigenvalue p + i q of the undamped loop reaches the unit circle",
)
def damping_limit():
    p, q = sp.symbols("p q")
    return (p, q), 2 * (1 - p) / ((1 - p) ** 2 + q**2)


@register(
    "S2", "width", "half width of the box that attracts all orbits, in a coordinate of decay a"
)
def decay_box():
    a, bound = positive("a C")
    return (a, bound), bound / (1 - a)
