"""Closed forms of the outer normalisation."""

from __future__ import annotations

import sympy as sp

from theory.formulas import positive, register


@register("N3", "sharp_fixed_point", "kappa: Lipschitz constant of N after a map with Lipschitz constant `lipschitz` and norm at least r")
def contraction_constant():
    d, lipschitz, r, eps = positive("d lipschitz r eps")
    return (d, lipschitz, r, eps), sp.sqrt(d) * lipschitz / sp.sqrt(r**2 + d * eps)


@register("N1", "eigenvalues", "eigenvalue of DN(z) across z: 1/s, s = sqrt(mean z^2 + eps), gain 1")
def rmsnorm_tangential():
    (s,) = positive("s")
    return (s,), 1 / s


@register("N1", "eigenvalues", "eigenvalue of DN(z) along z: eps/s^3, gain 1")
def rmsnorm_radial():
    s, eps = positive("s eps")
    return (s, eps), eps / s**3
