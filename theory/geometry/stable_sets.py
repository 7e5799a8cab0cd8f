"""R4: the sets of stable parameters of the scalar loops: size, probability, bifurcations at their edges, nearest points."""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from theory.algebra import Equation
from theory.bessel import external_probability, internal_probability
from theory.claim import Assumption, Claim
from theory.formulas import formula
from theory.geometry.scalar_bifurcations import BIFURCATION_STEPS
from theory.geometry.stable_sets_attacks import FALSIFIERS
from theory.proof import Bound, Sentence, cited, decided, deduced, enclosed, identity


def _jacobians():
    x, y, h, u = sp.symbols("x y h u", real=True)
    maps = {"none": h + y * h, "external": (u + y * u).subs(u, x * h), "internal": h + y * x * h}
    return [Equation(sp.diff(step, h), formula(f"scalar_jacobian_{recall}")(x, y)) for recall, step in maps.items()]


def _stable_sets():
    x, y = sp.symbols("x y")

    def inside(jacobian: sp.Expr):
        return sp.And(jacobian < 1, jacobian > -1)

    return [
        Sentence((), sp.Equivalent(inside(1 + y), sp.And(y > -2, y < 0))),
        Sentence((), sp.Equivalent(inside(1 + x * y), sp.And(x * y > -2, x * y < 0))),
        Sentence((), sp.Equivalent(inside((1 + y) * x), ((1 + y) * x) ** 2 < 1)),
    ]


def _edges():
    a, x = sp.symbols("a x", positive=True)
    pieces: Any = formula("internal_stable_area")(a).args
    small, large = (piece for piece, _ in pieces)
    # d(area)/da = 4 edges of the box x the length 2/a (or a) of the stable set along each; equal pieces at a^2 = 2
    return [
        Equation(sp.diff(small, a), 4 * a),
        Equation(sp.diff(large, a), 4 * (2 / a)),
        Equation(small.subs(a, sp.sqrt(2)), sp.simplify(large.subs(a, sp.sqrt(2)))),
        Equation(sp.diff(sp.integrate(2 / x, (x, 2 / a, a)), a), 4 / a),
    ]


def _product_density():
    u, grow, s = sp.symbols("u E s", positive=True)  # E = e^tau in x = sqrt(u) e^{tau/2}, so dx/x = dtau/2
    exponent = (u * grow + u**2 / (u * grow)) / (2 * s**2)
    return [Equation(exponent, (u / s**2) * (grow + 1 / grow) / 2)]


def _error_function():
    b, s = sp.symbols("b s", positive=True)
    density = sp.exp(-(b**2) / (2 * s**2)) / (s * sp.sqrt(2 * sp.pi))
    return [Equation(sp.simplify(sp.diff(sp.erf(b / (sp.sqrt(2) * s)), b) / density), sp.Integer(2))]


def _formulas():
    s, u = sp.symbols("s u", positive=True)
    internal = formula("internal_stable_probability")(s)
    density = (sp.exp(-((u - 1) ** 2) / (2 * s**2)) + sp.exp(-((u + 1) ** 2) / (2 * s**2))) / (s * sp.sqrt(2 * sp.pi))
    external: Any = formula("external_stable_probability")(s)
    (integral,) = external.atoms(sp.Integral)
    variable, low, high = integral.limits[0]
    integrand = (external / integral) * integral.function.subs(variable, u)
    return [
        # dP_int/ds = (1/pi) K_0(2/s^2) d(2/s^2)/ds, and P_int -> 0 as s -> oo
        Equation(sp.simplify(sp.pi * sp.diff(internal, s) / sp.besselk(0, 2 / s**2)), -4 / s**3),
        Equation(sp.simplify(integrand / (sp.erf(1 / (sp.sqrt(2) * s * u)) * density)), sp.Integer(1)),
        Equation(low, sp.Integer(0)),
        Equation(1 / high, sp.Integer(0)),
    ]


def _values():
    bounds = []
    for s, internal, external in (("1/2", "0.49996", "0.91878"), ("1", "0.46909", "0.67295"), ("2", "0.29511", "0.37141")):
        for label, value, centre in (
            (f"P_int({s})", internal_probability(s), internal),
            (f"P_ext({s})", external_probability(s), external),
        ):
            scaled = int(centre.replace("0.", "", 1))
            bounds.append(Bound(label, value, f"{scaled - 0.5:.1f}e-5", f"{scaled + 0.5:.1f}e-5"))
    return bounds


def _external_core():
    x, y = sp.symbols("x y")
    return [Sentence((x < sp.Rational(1, 2), x > -sp.Rational(1, 2), 1 + y <= 2, 1 + y >= -2), ((1 + y) * x) ** 2 < 1)]


def _small_scale():
    # 1/2 - P_int(s) lies in (0, e^{-2/s^2}/2], at s = 1/4, 1/2, 1
    bounds = []
    for s, limit in (("1/4", "6.4e-15"), ("1/2", "1.68e-4"), ("1", "0.0677")):
        bounds.append(Bound(f"1/2 - P_int({s})", flint.arb("0.5") - internal_probability(s), "0", limit))
    return bounds


def _nearest():
    x, p, q = sp.symbols("x p q")
    internal = (x - p) ** 2 + (-2 / x - q) ** 2
    pairs = [Equation(sp.diff(internal, x) * x**3 / 2, x**4 - p * x**3 - 2 * q * x - 4)]
    for sign in (1, -1):
        external = (x - p) ** 2 + (sign / x - 1 - q) ** 2
        pairs.append(Equation(sp.diff(external, x) * x**3 / 2, x**4 - p * x**3 + sign * (q + 1) * x - 1))
    return pairs


_STEPS = (
    identity("jacobians", "J = 1 + y, (1 + y) x, 1 + x y for recall none, external, internal", "d = 1", _jacobians),
    decided(
        "stable_sets",
        "|J| < 1 iff -2 < y < 0, |(1 + y) x| < 1, -2 < x y < 0",
        "d = 1",
        _stable_sets,
        ("jacobians", "open"),
    ),
    identity(
        "box_area",
        "the area of -2 < x y < 0 in [-a, a]^2 is 2 a^2 for a^2 <= 2 and 4 + 4 ln(a^2/2) above (Leibniz rule: equal derivative, "
        "equal value at a^2 = 2)",
        "d = 1, every a",
        _edges,
        ("stable_sets",),
    ),
    deduced(
        "infinite_area",
        "ln(a^2/2) is unbounded: the internal set has infinite area; |1 + y| < 1/|x| gives the external set the same",
        "d = 1",
        ("box_area",),
    ),
    identity("product_substitution", "(x^2 + u^2/x^2)/2s^2 = (u/s^2) cosh tau for x^2 = u e^tau", "d = 1", _product_density),
    cited(
        "product_density",
        "bessel_k0",
        "x y has the density K_0(|u|/s^2)/(pi s^2), so P_int(s) = (1/pi) Int_0^{2/s^2} K_0",
        "d = 1",
        {"positive": ("product_substitution", "gaussian")},
    ),
    identity(
        "error_function", "P(|x| < b) = erf(b/(sqrt2 s)): equal derivative in b, both 0 at b = 0", "d = 1", _error_function, ("gaussian",)
    ),
    deduced(
        "external_probability",
        "condition on y and use that x is independent of it: P_ext(s) = E erf(1/(sqrt2 s |1 + y|)), folded to the variable |1 + y|",
        "d = 1",
        ("error_function", "stable_sets", "gaussian"),
    ),
    identity(
        "probability_formulas",
        "the formulas of the package are these two integrals: same derivative in s, same integrand and limits",
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
    enclosed("small_scale_values", "0 < 1/2 - P_int(s) < e^{-2/s^2}/2 at s = 1/4, 1/2, 1", "d = 1", _small_scale, ("product_density",)),
    deduced(
        "internal_limit",
        "1/2 - P_int(s) = (1/pi) Int_0^oo e^{-z cosh t}/cosh t dt <= e^{-z}/2 with z = 2/s^2, since cosh >= 1 and Int 1/cosh = pi/2: "
        "P_int -> 1/2 as s -> 0",
        "d = 1",
        ("product_density",),
    ),
    decided("external_core", "|x| < 1/2 and |1 + y| <= 2 lie in the external set", "d = 1", _external_core),
    deduced("external_limit", "so P_ext(s) >= P(|x| < 1/2) P(|1 + y| <= 2) -> 1 as s -> 0", "d = 1", ("external_core", "gaussian")),
    deduced(
        "independent_modes",
        "d independent scalar modes are all stable with probability P^d; internally -> 2^{-d} as s -> 0 (dense matrices fall faster: "
        "not claimed here)",
        "every d, diagonal A and W_x",
        ("internal_limit", "gaussian"),
    ),
    identity(
        "nearest_points",
        "the nearest point on x y = -2 solves x^4 - p x^3 - 2 q x - 4 = 0, on (1 + y) x = +-1 it solves x^4 - p x^3 +- (q + 1) x - 1 = 0",
        "d = 1",
        _nearest,
        ("stable_sets",),
    ),
    *BIFURCATION_STEPS,
)

R4 = Claim(
    id="R4",
    title="Geometry of the scalar stable sets",
    source="paper+extension",
    statement="The internal stable set -2 < x y < 0 and the external one |(1 + y) x| < 1 have infinite area; under independent N(0, "
    "s^2) weights their "
    "probabilities are (1/pi) Int_0^{2/s^2} K_0 and E erf(1/(sqrt2 s |1 + y|)), tending to 1/2 and 1 as s -> 0. Their edges are a "
    "supercritical flip "
    "at x y = -2 and no fold at x y = 0 (internal), a pitchfork at (1 + y) x = 1, supercritical iff x y > 0, and a flip at -1, "
    "supercritical iff x y < 0 "
    "(external); an offset unfolds the pitchfork.",
    assumptions=(
        Assumption("open", "the inequalities are strict: reachability needs the open set"),
        Assumption("gaussian", "x and y are independent N(0, s^2) (probabilities only)"),
        Assumption("odd", "no offset: recall and bias vanish in the non-linear scalar map (bifurcations only)"),
    ),
    steps=_STEPS,
    falsifiers=FALSIFIERS,
    notes=(
        "Both areas are infinite; only areas in a box compare.",
        "x y = 0 is not a fold: a line of fixed points, or an escape to infinity.",
        "2^{-d} is for independent modes only; dense matrices fall faster (0.5, 0.25, 0.112, 0.045, 0.016 for d = 1..5, measured).",
    ),
)
