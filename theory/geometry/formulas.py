"""Closed forms of the scalar linearised loops: x = W_x, y = A (THEORY.md section 2)."""

from __future__ import annotations

import sympy as sp

from theory.formulas import positive, real, register


@register("R4", "jacobians", "J = dh'/dh of the scalar loop without recall")
def scalar_jacobian_none():
    x, y = real("x y")
    return (x, y), 1 + y


@register("R4", "jacobians", "J = dh'/dh of the scalar loop with external recall")
def scalar_jacobian_external():
    x, y = real("x y")
    return (x, y), (1 + y) * x


@register("R4", "jacobians", "J = dh'/dh of the scalar loop with internal recall")
def scalar_jacobian_internal():
    x, y = real("x y")
    return (x, y), 1 + x * y


@register("R4", "box_area", "area of the internal stable set -2 < x y < 0 within the box [-a, a]^2")
def internal_stable_area():
    (a,) = positive("a")
    return (a,), sp.Piecewise((2 * a**2, a**2 <= 2), (4 + 4 * sp.log(a**2 / 2), True))


@register("R4", "probability_formulas", "P(-2 < x y < 0) for independent x, y ~ N(0, s^2)")
def internal_stable_probability():
    s, u = positive("s u")
    return (s,), sp.Integral(sp.besselk(0, u), (u, 0, 2 / s**2)) / sp.pi


@register(
    "R4",
    "probability_formulas",
    "P(|(1 + y) x| < 1) for independent x, y ~ N(0, s^2); the integration variable is |1 + y|, so no node is singular",
)
def external_stable_probability():
    s, u = positive("s u")
    density = (sp.exp(-((u - 1) ** 2) / (2 * s**2)) + sp.exp(-((u + 1) ** 2) / (2 * s**2))) / (s * sp.sqrt(2 * sp.pi))
    return (s,), sp.Integral(sp.erf(1 / (sp.sqrt(2) * s * u)) * density, (u, 0, sp.oo))
