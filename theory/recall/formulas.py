"""Closed forms of linear loops with recall."""

from __future__ import annotations

import sympy as sp

from theory.formulas import positive, register


@register("R1", "iterations", "loops until the residual C rho^t falls to tol (X5); needs 0 < rho < 1")
def iterations_to_tolerance():
    rho, tol, c = positive("rho tol C")
    return (rho, tol, c), (sp.log(tol) - sp.log(c)) / sp.log(rho)
