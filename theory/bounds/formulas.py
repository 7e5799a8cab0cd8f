"""Closed forms of the family bounds (claims L2 and L3)."""

from __future__ import annotations

import sympy as sp

from ..formulas import positive, register


@register(
    "L3",
    "lifted",
    "Lipschitz constant of RMSNorm with largest gain g on the vectors of R^d of norm r and more",
)
def norm_lipschitz():
    gain, d, r, eps = positive("g d r epsilon")
    return (gain, d, r, eps), gain * sp.sqrt(d) / sp.sqrt(r**2 + d * eps)


@register(
    "L3",
    "head_sum",
    "Lipschitz constant of one attention head with QK-norm: n_v of its values, l_q and l_k of its"
    " normalised queries and keys, gains g_q and g_k, values of norm V at most; root is 1 in the"
    " largest norm of a token, and sqrt(n) in the 2-norm over all tokens where at most n queries"
    " see a key",
)
def head_lipschitz():
    values, size, gain_q, gain_k, queries, keys, root = positive("n_v V g_q g_k l_q l_k root")
    return (values, size, gain_q, gain_k, queries, keys, root), root * values + size * (
        gain_k * queries + root * gain_q * keys
    )


@register(
    "L3",
    "sub_block",
    "Lipschitz constant of one sub-block: the norm on the sum, on the update and on the argument,"
    " the recall mix inside the update (each 1 where there is none), and the update",
)
def sub_block_lipschitz():
    total, update, argument, mix, inner = positive("l_sum l_update l_argument l_mix l_u")
    return (total, update, argument, mix, inner), total * (1 + update * inner * mix * argument)


@register("L3", "gelu_slope", "the largest slope of the exact GELU, attained at sqrt(2)")
def largest_gelu_slope():
    return (), (1 + sp.erf(1)) / 2 + sp.exp(-1) / sp.sqrt(sp.pi)


@register("L2", "at_least", "lower bound of |y| where y is within m/tau of a limit of norm alpha")
def recalled_floor():
    limit, moved, tau = positive("alpha m tau")
    return (limit, moved, tau), limit - moved / tau


@register(
    "L2",
    "threshold",
    "recall strength beyond which kappa < 1, from kappa at a strength tau_1 from which on tau"
    " kappa(tau) does not increase",
)
def recall_threshold():
    start, kappa = positive("tau_1 kappa_1")
    return (start, kappa), sp.Max(start, start * kappa)
