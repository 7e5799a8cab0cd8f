"""Closed forms of the mean-field laws of N(a h + A h + beta e).

a is the residual strength (0, 1), sigma the scale of A, beta that of the recall.
"""

from __future__ import annotations

import sympy as sp

from theory.formulas import positive, register


@register("N6", "norm_balance", "scale s of the pre-norm state at the fixed point, |z| = s R, as d -> infinity")
def mean_field_scale():
    a, sigma, beta = positive("a sigma beta")
    return (a, sigma, beta), a + sp.sqrt(sigma**2 + beta**2)


@register("N6", "rho_law", "spectral radius of the loop at its fixed point, as d -> infinity at fixed beta/sigma")
def mean_field_rho():
    a, sigma, beta = positive("a sigma beta")
    return (a, sigma, beta), (a + sigma) / (a + sp.sqrt(sigma**2 + beta**2))


@register(
    "N6",
    "rho_law",
    "the same with the bulk edge at width d: r = E rho(Ginibre_d) of unit variance (1.053 at d = 100); an empirical correction",
)
def mean_field_rho_finite():
    a, sigma, beta, r = positive("a sigma beta r")
    return (a, sigma, beta, r), (a + sigma * r) / (a + sp.sqrt(sigma**2 + beta**2))


@register("N6", "level_lines", "recall strength beta at which the law gives spectral radius rho (0 < rho <= 1): the level line")
def mean_field_level():
    a, sigma, rho = positive("a sigma rho")
    w = sp.Dummy("w", positive=True)
    (root,) = sp.solve(sp.Eq(rho * (a + w), a + sigma), w)
    return (a, sigma, rho), sp.sqrt(root**2 - sigma**2)


@register("N6", "finite_width_scale", "x = (beta/sigma) d^(1/4): finite-width scaling variable of the law, trustworthy from about 3")
def scaling_variable():
    sigma, beta, d = positive("sigma beta d")
    return (sigma, beta, d), beta / sigma * d ** sp.Rational(1, 4)
