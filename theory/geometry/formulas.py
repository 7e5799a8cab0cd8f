"""Closed forms for the scalar linearised loops (R4), where x is W_x and y is A of the vocabulary.

`docs/vocabulary.md` defines the symbols.
"""

from __future__ import annotations

import sympy as sp

from ..formulas import formula, positive, real, register


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
    "P(|(1 + y) x| < 1) for independent x, y ~ N(0, s^2); the integration variable is |1 + y|, so"
    " no node is singular",
)
def external_stable_probability():
    s, u = positive("s u")
    density = (sp.exp(-((u - 1) ** 2) / (2 * s**2)) + sp.exp(-((u + 1) ** 2) / (2 * s**2))) / (
        s * sp.sqrt(2 * sp.pi)
    )
    return (s,), sp.Integral(sp.erf(1 / (sp.sqrt(2) * s * u)) * density, (u, 0, sp.oo))


@register("R4", "box_area_none", "area of -2 < y < 0 within the box [-a, a]^2")
def none_stable_area():
    (a,) = positive("a")
    return (a,), sp.Piecewise((2 * a**2, a <= 2), (4 * a, True))


@register(
    "R4",
    "box_area_external",
    "area of the external stable set |(1 + y) x| < 1 within the box [-a, a]^2",
)
def external_stable_area():
    (a,) = positive("a")
    golden = (1 + sp.sqrt(5)) / 2
    return (a,), sp.Piecewise(
        (4 * a**2, a <= golden - 1),
        (2 - 2 * a + 2 * a**2 + 2 * sp.log(a * (a + 1)), a <= golden),
        (4 + 2 * sp.log(a**2 * (a**2 - 1)), True),
    )


@register("R4", "none_probability", "P(-2 < y < 0) for y ~ N(0, s^2)")
def none_stable_probability():
    (s,) = positive("s")
    return (s,), sp.erf(sp.sqrt(2) / s) / 2


@register(
    "R4",
    "fold_coefficient",
    "quadratic coefficient at a fold of h' = x h + y tanh(x h + k); T = tanh(x h + k) there",
)
def fold_coefficient():
    x, t = real("x T")
    return (x, t), -x * t * (1 - x)


@register(
    "R4",
    "fold_example",
    "offset k > 0 or < 0 at which h' = x h + y tanh(x h + k) folds with T = tanh(x h + k) > 0; the"
    " other fold is at -k",
)
def fold_offset():
    x, y = real("x y")
    t = sp.sqrt(1 - (1 - x) / (x * y))
    return (x, y), sp.atanh(t) - x * y * t / (1 - x)


@register(
    "R4",
    "flip_coefficient",
    "cubic normal-form coefficient at J = -1 of h' = h + y tanh(x h + k), T = tanh(x h + k); > 0"
    " supercritical",
)
def flip_coefficient_internal():
    x, t = real("x T")
    return (x, t), 2 * x**2 * (1 + 3 * t**2) / 3


@register(
    "R4",
    "flip_coefficient",
    "cubic normal-form coefficient at J = -1 of h' = x h + y tanh(x h + k), T = tanh(x h + k); > 0"
    " supercritical",
)
def flip_coefficient_external():
    x, t = real("x T")
    return (x, t), x**2 * (1 + x) * (1 + 3 * x * t**2) / 3


@register(
    "R4",
    "planar_lyapunov",
    "first Lyapunov coefficient of h' = h + y Q tanh(x h), Q a rotation of the plane, at the"
    " crossing; r = x y",
)
def planar_lyapunov_internal():
    x, r = real("x r")
    return (x, r), -(x**2) * r**2 / 8


@register(
    "R4",
    "planar_lyapunov",
    "first Lyapunov coefficient of h' = x h + y Q tanh(x h), Q a rotation of the plane, at the"
    " crossing",
)
def planar_lyapunov_external():
    x, y = real("x y")
    return (x, y), -(x**2) * (1 - x**2 + x**2 * y**2) / 8


@register(
    "R4",
    "projected_density",
    "density in t > 0 of the nearest points (t, 1/t) on t u = 1 of (|X|, |U|), X ~ N(0, s^2) and U"
    " ~ N(w, s^2) with U > 0, from the part r' < r of the normals (t + r'/t, 1/t + r' t); r = 1 is"
    " the whole normal up to the cut locus",
)
def projected_density():
    s, t, r = positive("s t r")
    (w,) = real("w")
    a, b, c = t**2 + t**-2, 2 - w * t, t**2 + (1 / t - w) ** 2
    root = s * sp.sqrt(2 * a)
    bell = (
        sp.exp(-(c - b**2 / a) / (2 * s**2))
        * s
        * sp.sqrt(sp.pi / (2 * a))
        * (sp.erf((a * r + b) / root) - sp.erf(b / root))
    )
    ends = sp.exp(-(a * r**2 + 2 * b * r + c) / (2 * s**2)) - sp.exp(-c / (2 * s**2))
    return (s, t, w, r), (2 * s**2 / (t * a) * ends + (a + 2 * b / a) / t * bell) / (sp.pi * s**2)


@register(
    "R4", "ratio_density", "density in tau = |log|x/y|| > 0 of x, y ~ N(0, s^2) with -v < x y < 0"
)
def ratio_density():
    s, tau, v = positive("s tau v")
    return (s, tau, v), (1 - sp.exp(-v * sp.cosh(tau) / s**2)) / (sp.pi * sp.cosh(tau))


@register("R4", "slope_density", "density in m = y/x of x, y ~ N(0, s^2) with |x| < b")
def slope_density():
    s, b = positive("s b")
    (m,) = real("m")
    return (s, m, b), (1 - sp.exp(-(b**2) * (1 + m**2) / (2 * s**2))) / (sp.pi * (1 + m**2))


@register(
    "R4",
    "external_slopes",
    "density in m = y/x of x, y ~ N(0, s^2) inside the external stable set |(1 + y) x| < 1",
)
def external_slope_density():
    (s,) = positive("s")
    (m,) = real("m")
    root = sp.sqrt(1 + 4 * m)
    ends = (2 / (1 + root), 2 / (1 - root), 2 / (sp.sqrt(1 - 4 * m) - 1))
    first, second, last = (formula("slope_density")(s, m, end) for end in ends)
    return (s, m), sp.Piecewise(
        (first, m >= 0), (first - second + last, m > -sp.Rational(1, 4)), (last, True)
    )


@register(
    "R4",
    "axis_log_ratio",
    "E log(|x|/c) of the internal draws x, y ~ N(0, s^2) that are projected on an axis, zero"
    " coordinates read as c",
)
def internal_cut_log_ratio():
    s, c = positive("s c")
    return (s, c), sp.log(s / c) - (sp.EulerGamma + sp.log(2)) / 2 + 2 * sp.Catalan / sp.pi
