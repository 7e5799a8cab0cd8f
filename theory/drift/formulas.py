"""Closed forms of drifting orbits."""

from __future__ import annotations

from ..formulas import positive, real, register


@register(
    "R3",
    "settled_direction",
    "relative step |h_{t+1} - h_t| / |h_t| at iteration t of a drift whose direction has settled",
)
def drift_relative_step():
    (t,) = positive("t")
    return (t,), 1 / t


@register(
    "R3",
    "far_from_fixed",
    "radius that bounds the fixed points of two pre sub-blocks, where |u_1| <= C, u_2 varies by at"
    " most slope x (turn of the direction), and |u_1 + u_2| >= delta",
)
def fixed_point_radius():
    c, slope, delta = positive("C slope delta")
    return (c, slope, delta), c * (1 + slope / delta)


@register(
    "M4",
    "direction_jacobian",
    "exponent mu/a of the approach |n_t - n*| ~ t^(-mu/a) to a sink of growth a, nu the largest"
    " real part of the spectrum of P Du",
)
def direction_exponent():
    nu, a = real("nu a")
    return (nu, a), 1 - nu / a
