"""Closed forms of loops without recall."""

from __future__ import annotations

import sympy as sp

from theory.formulas import positive, register


@register("A5", "jordan_rate", "tangent of the angle to the limit after t loops of N(M h), M = [[rho, 1], [0, rho]], from (x, y)")
def power_iteration_jordan_tangent():
    rho, x, y, t = positive("rho x y t")
    return (rho, x, y, t), rho * y / (rho * x + t * y)


@register("A5", "probability", "probability that the dominant eigenvalue of a real Ginibre matrix of size 2 is real and positive")
def ginibre_dominant_positive_2():
    return (), sp.sqrt(2) / 4


@register("M3", "tanh_fold", "|b| below which h = a tanh(h) + b has three solutions, a > 1")
def tanh_fold_bias():
    (a,) = positive("a")
    root = sp.sqrt(1 - 1 / a)
    return (a,), a * root - sp.atanh(root)


@register("M3", "tanh_count", "expected number of solutions of h = a tanh(h) + b, a > 1, b ~ N(0, s^2)")
def tanh_expected_count():
    a, s = positive("a s")
    root = sp.sqrt(1 - 1 / a)
    return (a, s), 1 + 2 * sp.erf((a * root - sp.atanh(root)) / (sp.sqrt(2) * s))
