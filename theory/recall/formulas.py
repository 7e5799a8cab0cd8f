"""Closed forms of linear loops with recall."""

from __future__ import annotations

import sympy as sp

from ..formulas import positive, register


@register(
    "R1",
    "iterations",
    "number of iterations until the residual C rho^t has fallen to tol; needs 0 < rho < 1",
)
def iterations_to_tolerance():
    rho, tol, c = positive("rho tol C")
    return (rho, tol, c), (sp.log(tol) - sp.log(c)) / sp.log(rho)


@register(
    "R2",
    "update_bound",
    "bound of |W_out a(W_in n + b_in) + b_out| for |n| <= size, from the norms of weights and"
    " biases: MLP (W_2, W_1), or attention (W_o, W_v), where the norm of W_v is the `head_norm` of"
    " its heads",
)
def update_bound():
    out, inner, inner_bias, out_bias, size = positive("W_out W_in b_in b_out size")
    return (out, inner, inner_bias, out_bias, size), out * (inner * size + inner_bias) + out_bias


@register(
    "R2",
    "heads",
    "norm of the value matrix of several heads for attention, folded head by head: the root of the"
    " sum of squares of the norm of the heads so far and that of the next one",
)
def head_norm():
    so_far, following = positive("W_v w")
    return (so_far, following), sp.sqrt(so_far**2 + following**2)


@register(
    "R2",
    "radii",
    "radius of the absorbing ball in a norm with |W_x| <= mu < 1 when the rest of the step is at"
    " most C there",
)
def absorbing_radius():
    mu, c = positive("mu C")
    return (mu, c), c / (1 - mu)


@register(
    "R2",
    "radii",
    "radius beyond which |P h| grows in a norm with |W_x h| >= mu |h|, mu > 1, when the rest of the"
    " step is at most C",
)
def escape_radius():
    mu, c = positive("mu C")
    return (mu, c), c / (mu - 1)
