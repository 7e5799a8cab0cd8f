"""Steps on activations: their largest slopes, and how far GELU is from ReLU."""

from __future__ import annotations

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.proof import Bound, Sentence, decided, deduced, enclosed, identity


def _gelu_derivatives():
    # f = density at x, F = distribution function: F' = f, f' = -x f
    x, f, whole = sp.symbols("x f F")

    def derivative(expression: sp.Expr) -> sp.Expr:
        return (
            sp.diff(expression, x)
            + sp.diff(expression, f) * (-x * f)
            + sp.diff(expression, whole) * f
        )

    slope = derivative(x * whole)
    return [
        Equation(slope, whole + x * f),
        Equation(derivative(slope), (2 - x**2) * f),
        # the distance of GELU from ReLU at x > 0 is x (1 - F)
        Equation(derivative(f - x * (1 - whole)), -(1 - whole)),
    ]


def _gelu_slope():
    one = flint.arb(1)
    value = (1 + one.erf()) / 2 + (-one).exp() / flint.arb.pi().sqrt()
    registered = formula("largest_gelu_slope")().evalf(40)
    return [
        Bound("GELU'(sqrt 2)", value, "1.1289", "1.1290"),
        Bound("GELU'(-sqrt 2) = 1 - GELU'(sqrt 2)", 1 - value, "-0.1290", "-0.1289"),
        Bound("the registered formula", flint.arb(str(registered)), "1.1289", "1.1290"),
    ]


def _silu_derivatives():
    # t = x/2, T = tanh t: T' = 1 - T^2; x sigmoid(x) = t (1 + T)
    t, tanh = sp.symbols("t T")

    def derivative(expression: sp.Expr) -> sp.Expr:
        return sp.diff(expression, t) + sp.diff(expression, tanh) * (1 - tanh**2)

    slope = derivative(t * (1 + tanh)) / 2  # by x = 2 t, and x sigmoid(x) = t (1 + T)
    return [
        Equation(slope, (1 + tanh + t * (1 - tanh**2)) / 2),
        Equation(derivative(slope), (1 - tanh**2) * (1 - t * tanh)),
        Equation(slope.subs(tanh, 1 / t), (1 + t) / 2),
    ]


def _silu_slope():
    low, high = flint.arb("1.1996"), flint.arb("1.1997")
    return [
        Bound("t tanh t at 1.1996", low * low.tanh(), "0.9", "1"),
        Bound("t tanh t at 1.1997", high * high.tanh(), "1", "1.1"),
        Bound("(1 + 1.1997)/2", (1 + high) / 2, "1.0998", "1.1"),
    ]


def _tanh():
    value = sp.Symbol("T")
    return [Sentence((value**2 < 1,), sp.And(1 - value**2 > 0, 1 - value**2 <= 1))]


def _density():
    return [Bound("1/sqrt(2 pi)", 1 / (2 * flint.arb.pi()).sqrt(), "0.398", "0.4")]


def _relu():
    x, tau, gap, scaled = sp.symbols("x tau g q")  # q = g/tau, g = |phi(tau x) - ReLU(tau x)|
    return [
        Sentence((tau > 0, sp.Eq(scaled * tau, gap), 5 * gap <= 2), 5 * scaled * tau <= 2),
        Sentence((tau > 0,), sp.Equivalent(tau * x > 0, x > 0)),
    ]


ACTIVATION_STEPS = (
    identity(
        "gelu_derivatives",
        "GELU = x F(x), F' = f, f' = -x f: GELU' = F + x f and GELU'' = (2 - x^2) f, so GELU' has"
        " its extrema at +-sqrt(2), between the limits 0 and 1; (f - x (1 - F))' = -(1 - F)",
        "no size",
        _gelu_derivatives,
    ),
    enclosed(
        "gelu_slope",
        "GELU'(sqrt 2) = (1 + erf 1)/2 + e^-1/sqrt(pi) = 1.1289..., GELU'(-sqrt 2) = -0.1289...",
        "no size",
        _gelu_slope,
        ("gelu_derivatives",),
    ),
    identity(
        "silu_derivatives",
        "SiLU = t (1 + T), t = x/2, T = tanh t: SiLU' = (1 + T + t (1 - T^2))/2, whose extrema are"
        " at t T = 1, with the value (1 + t)/2",
        "no size",
        _silu_derivatives,
    ),
    enclosed(
        "silu_slope",
        "t tanh t = 1 between 1.1996 and 1.1997 (t tanh t increases for t > 0): |SiLU'| < 11/10",
        "no size",
        _silu_slope,
        ("silu_derivatives",),
    ),
    decided("tanh_slope", "0 < tanh' = 1 - tanh^2 <= 1", "no size", _tanh),
    deduced(
        "slopes",
        "the slopes are at most 1 (ReLU, tanh), 1.129 (GELU) and 1.1 (SiLU) in absolute value, and"
        " a map with |phi'| <= s has the Lipschitz constant s on every coordinate",
        "every d",
        ("gelu_slope", "silu_slope", "tanh_slope"),
    ),
)
"""The largest slopes of ReLU, tanh, GELU and SiLU."""

HOMOGENEOUS_STEPS = (
    enclosed(
        "density", "the normal density is at most f(0) = 1/sqrt(2 pi) < 2/5", "no size", _density
    ),
    deduced(
        "gelu_gap",
        "0 <= x (1 - F) <= f <= 2/5 for x >= 0, as f - x (1 - F) falls to its limit 0; so GELU is"
        " within 2/5 of ReLU everywhere (by symmetry for x < 0)",
        "no size",
        ("gelu_derivatives", "density"),
    ),
    decided(
        "nearly_homogeneous",
        "phi_tau(x) = phi(tau x)/tau is within 2/(5 tau) of ReLU(x) for GELU and equal to it for"
        " ReLU, and has the slope of phi at most",
        "no size",
        _relu,
        ("gelu_gap",),
    ),
)
"""How far GELU is from the homogeneous ReLU."""
