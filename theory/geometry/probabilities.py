"""Steps of R4 on probabilities of the scalar stable sets under independent N(0, s^2) weights.

They give the limits of the probabilities, and the case of independent modes.
"""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Step
from ..kernel.proof import Bound, Sentence, cited, decided, deduced, enclosed, identity
from .probability_enclosures import (
    external_given_x,
    external_probability,
    internal_given_y,
    internal_probability,
)


def _product_density():
    # E = e^tau with x = sqrt(u) e^{tau/2}, so that dx/x = dtau/2
    u, grow, s = sp.symbols("u E s", positive=True)
    exponent = (u * grow + u**2 / (u * grow)) / (2 * s**2)
    return [Equation(exponent, (u / s**2) * (grow + 1 / grow) / 2)]


def _error_function():
    b, s = sp.symbols("b s", positive=True)
    density = sp.exp(-(b**2) / (2 * s**2)) / (s * sp.sqrt(2 * sp.pi))
    slope = sp.diff(sp.erf(b / (sp.sqrt(2) * s)), b)
    return [Equation(sp.simplify(slope / density), sp.Integer(2))]


def _formulas():
    s, u = sp.symbols("s u", positive=True)
    internal = formula("internal_stable_probability")(s)
    bells = (sp.exp(-((u + sign) ** 2) / (2 * s**2)) for sign in (-1, 1))
    density = sum(bells, sp.Integer(0)) / (s * sp.sqrt(2 * sp.pi))
    external: Any = formula("external_stable_probability")(s)
    (integral,) = external.atoms(sp.Integral)
    variable, low, high = integral.limits[0]
    integrand = (external / integral) * integral.function.subs(variable, u)
    wanted = sp.erf(1 / (sp.sqrt(2) * s * u)) * density
    return [
        # dP_int/ds = (1/pi) K_0(2/s^2) d(2/s^2)/ds, and P_int -> 0 as s -> oo
        Equation(sp.simplify(sp.pi * sp.diff(internal, s) / sp.besselk(0, 2 / s**2)), -4 / s**3),
        Equation(sp.simplify(integrand / wanted), sp.Integer(1)),
        Equation(low, sp.Integer(0)),
        Equation(1 / high, sp.Integer(0)),
    ]


def _values():
    bounds = []
    # s, and 10^5 times P_int(s) and P_ext(s), rounded
    for s, internal, external in (("1/2", 49996, 91878), ("1", 46909, 67295), ("2", 29511, 37141)):
        for label, value, middle in (
            (f"P_int({s})", internal_probability(s), internal),
            (f"P_ext({s})", external_probability(s), external),
        ):
            bounds.append(Bound(label, value, f"{middle - 0.5:.1f}e-5", f"{middle + 0.5:.1f}e-5"))
    return bounds


def _external_core():
    x, y = sp.symbols("x y")
    half = sp.Rational(1, 2)
    return [Sentence((x < half, x > -half, 1 + y <= 2, 1 + y >= -2), ((1 + y) * x) ** 2 < 1)]


def _small_scale():
    # 1/2 - P_int(s) lies in (0, e^{-2/s^2}/2], at s = 1/4, 1/2, 1
    limits = (("1/4", "6.4e-15"), ("1/2", "1.68e-4"), ("1", "0.0677"))
    gaps = {s: flint.arb("0.5") - internal_probability(s) for s, _ in limits}
    return [Bound(f"1/2 - P_int({s})", gaps[s], "0", limit) for s, limit in limits]


def _none():
    s, b = sp.symbols("s b", positive=True)
    inside = sp.erf(b / (sp.sqrt(2) * s))  # P(|y| < b) by step error_function; y < 0 is half of it
    ratio = formula("none_stable_probability")(s) / inside.subs(b, 2)
    return [Equation(sp.simplify(ratio), sp.Rational(1, 2))]


def _second():
    bounds = []
    for s in ("1", "2"):
        internal = internal_probability(s) - internal_given_y(s)
        external = external_probability(s) - external_given_x(s)
        bounds += [
            Bound(f"P_int({s}) less E erf(sqrt2/(s |y|))/2", internal, "-1e-30", "1e-30"),
            Bound(f"P_ext({s}) less P given x", external, "-1e-30", "1e-30"),
        ]
    return bounds


PROBABILITY_STEPS: tuple[Step, ...] = (
    identity(
        "product_substitution",
        "(x^2 + u^2/x^2)/2s^2 = (u/s^2) cosh tau for x^2 = u e^tau",
        "no size",
        _product_density,
    ),
    cited(
        "product_density",
        "bessel_k0",
        "x y has the density K_0(|u|/s^2)/(pi s^2), so P_int(s) = (1/pi) Int_0^{2/s^2} K_0",
        "no size",
        {"positive": ("product_substitution", "gaussian")},
    ),
    identity(
        "error_function",
        "P(|x| < b) = erf(b/(sqrt2 s)): equal derivative in b, both 0 at b = 0",
        "d = 1",
        _error_function,
        ("gaussian",),
    ),
    identity(
        "none_probability",
        "P(-2 < y < 0) = erf(sqrt2/s)/2, which tends to 1/2 as s -> 0",
        "d = 1",
        _none,
        ("error_function", "stable_sets"),
    ),
    deduced(
        "external_probability",
        "condition on y and use that x is independent of it: P_ext(s) = E erf(1/(sqrt2 s |1 + y|)),"
        " folded to the variable |1 + y|",
        "d = 1",
        ("error_function", "stable_sets", "gaussian"),
    ),
    identity(
        "probability_formulas",
        "the formulas of the package are these two integrals: same derivative in s, same integrand"
        " and limits",
        "d = 1",
        _formulas,
        ("product_density", "external_probability"),
    ),
    enclosed(
        "probabilities",
        "P_int and P_ext at s = 1/2, 1, 2 to five decimals (0.46909 and 0.67295 at s = 1)",
        "d = 1",
        _values,
        ("product_density", "external_probability"),
    ),
    enclosed(
        "second_representations",
        "conditioning on the other weight gives the same P_int and P_ext to 30 digits, s = 1, 2",
        "d = 1",
        _second,
        ("error_function", "probabilities"),
    ),
    enclosed(
        "small_scale_values",
        "0 < 1/2 - P_int(s) < e^{-2/s^2}/2 at s = 1/4, 1/2, 1",
        "d = 1",
        _small_scale,
        ("product_density",),
    ),
    deduced(
        "internal_limit",
        "1/2 - P_int(s) = (1/pi) Int_0^oo e^{-z cosh t}/cosh t dt <= e^{-z}/2 with z = 2/s^2, since"
        " cosh >= 1 and Int 1/cosh = pi/2: P_int -> 1/2 as s -> 0",
        "no size",
        ("product_density",),
    ),
    decided(
        "external_core",
        "|x| < 1/2 and |1 + y| <= 2 lie in the external set",
        "d = 1",
        _external_core,
    ),
    deduced(
        "external_limit",
        "so P_ext(s) >= P(|x| < 1/2) P(|1 + y| <= 2) -> 1 as s -> 0",
        "d = 1",
        ("external_core", "gaussian"),
    ),
    deduced(
        "independent_modes",
        "d independent scalar modes are all stable with probability P^d; internally -> 2^{-d} as s"
        " -> 0 (dense matrices fall faster: not claimed here)",
        "every d",
        ("internal_limit", "gaussian"),
    ),
)
