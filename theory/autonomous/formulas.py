"""Closed forms of loops without recall."""

from __future__ import annotations

from theory.formulas import positive, real, register


@register(
    "A4",
    "outer_norm_determinant",
    "determinant of D N(M h) between tangent spaces of the sphere of R^d, gain 1, eps = 0: det M = `determinant`, |M h|/|h| = `stretch`",
)
def tangential_determinant():
    (determinant,), (stretch, d) = real("determinant"), positive("stretch d")
    return (determinant, stretch, d), determinant / stretch**d


@register("M6", "packing", "bound on the number of fixed points within `radius`, |(I - J)x| >= gap |x| and |D^2 f| <= curvature at each")
def fixed_point_packing():
    d, radius, curvature, gap = positive("d radius curvature gap")
    return (d, radius, curvature, gap), (1 + radius * curvature / gap) ** d
