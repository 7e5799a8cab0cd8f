"""Closed forms for loops without recall (claims A3-A5, M3, M6)."""

from __future__ import annotations

import sympy as sp

from ..formulas import positive, real, register


@register(
    "A5",
    "jordan_rate",
    "tangent of the angle to the limit after t loops of N(M h), M = [[rho, 1], [0, rho]], from"
    " (x, y)",
)
def power_iteration_jordan_tangent():
    rho, x, y, t = positive("rho x y t")
    return (rho, x, y, t), rho * y / (rho * x + t * y)


@register(
    "A5",
    "probability",
    "probability that the dominant eigenvalue of a real Ginibre matrix of size 2 is real and"
    " positive",
)
def ginibre_dominant_positive_2():
    return (), sp.sqrt(2) / 4


@register("M3", "tanh_fold", "|b| below which h = a tanh(h) + b has three solutions, a > 1")
def tanh_fold_bias():
    (a,) = positive("a")
    root = sp.sqrt(1 - 1 / a)
    return (a,), a * root - sp.atanh(root)


@register(
    "M3", "tanh_count", "expected number of solutions of h = a tanh(h) + b, a > 1, b ~ N(0, s^2)"
)
def tanh_expected_count():
    a, s = positive("a s")
    root = sp.sqrt(1 - 1 / a)
    return (a, s), 1 + 2 * sp.erf((a * root - sp.atanh(root)) / (sp.sqrt(2) * s))


@register(
    "A4",
    "outer_norm_determinant",
    "determinant of D N(M h) between tangent spaces of the sphere of R^d, gain 1, eps = 0: det M ="
    " `determinant`, |M h|/|h| = `stretch`",
)
def tangential_determinant():
    (determinant,), (stretch, d) = real("determinant"), positive("stretch d")
    return (determinant, stretch, d), determinant / stretch**d


@register(
    "M6",
    "packing",
    "bound on the number of fixed points within `radius`, |(I - J)x| >= gap |x| and |D^2 f| <="
    " curvature at each",
)
def fixed_point_packing():
    d, radius, curvature, gap = positive("d radius curvature gap")
    return (d, radius, curvature, gap), (1 + radius * curvature / gap) ** d
