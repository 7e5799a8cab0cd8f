"""Steps of R4 on anisotropy: exact laws of the nearest stable points of Gaussian draws.

They are the laws of the log-ratio |log|x/y|| and of the balance min/max(|x|, |y|).
"""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Step
from ..kernel.proof import Bound, Sentence, both, decided, deduced, enclosed, identity
from .anisotropy_balls import (
    external_projected_mass,
    internal_moment,
    mean_log_normal,
    small_scale_log_ratio,
)
from .balls import evaluate
from .probability_enclosures import external_probability


def _one(left: sp.Expr, right: sp.Expr) -> Equation:
    """The equation left = right between expressions with exponentials, by their quotient."""
    return Equation(sp.simplify(left / right), sp.Integer(1))


def _projected():
    s, t, r = sp.symbols("s t r", positive=True)
    w = sp.Symbol("w", real=True)
    density = formula("projected_density")(s, t, w, r)
    # twice the Gaussian density at (t + r/t, 1/t + r t), for both signs of x, is
    # e^{-distance/2s^2}/(pi s^2); the remaining factor is the Jacobian
    distance = (t + r / t) ** 2 + (1 / t + r * t - w) ** 2
    slope = sp.expand_mul(sp.diff(density, r) * sp.pi * s**2)
    rational = sp.Integer(0)
    for term in sp.Add.make_args(slope):
        merged = sp.powsimp(term * sp.exp(distance / (2 * s**2)), combine="exp", force=True)
        rational += merged.replace(sp.exp, lambda power: sp.exp(sp.cancel(power)))
    return [
        Equation(rational, t + t**-3 - 2 * r / t),
        Equation(sp.simplify(density.subs(r, 0)), sp.Integer(0)),
    ]


def _ratio():
    s, tau, v = sp.symbols("s tau v", positive=True)
    x, y = sp.sqrt(v) * sp.exp(tau / 2), sp.sqrt(v) * sp.exp(-tau / 2)
    jacobian = sp.diff(x, v) * sp.diff(y, tau) - sp.diff(x, tau) * sp.diff(y, v)
    density = formula("ratio_density")(s, tau, v)
    # four equal pieces: two quadrants, each with |x| > |y| and |x| < |y|
    wanted = 4 * sp.Rational(1, 2) * sp.exp(-v * sp.cosh(tau) / s**2) / (2 * sp.pi * s**2)
    exponent = (x**2 + y**2).rewrite(sp.cosh).simplify()
    return [
        Equation(sp.simplify(jacobian), -sp.Rational(1, 2)),
        Equation(sp.simplify(exponent / (2 * v * sp.cosh(tau).rewrite(sp.exp))), sp.Integer(1)),
        _one(sp.diff(density, v), wanted),
        Equation(density.subs(v, 0), sp.Integer(0)),
    ]


def _slope():
    s, b = sp.symbols("s b", positive=True)
    m = sp.Symbol("m", real=True)
    density = formula("slope_density")(s, m, b)
    # y = m x has dx dy = |x| dx dm; x takes both signs
    wanted = 2 * b * sp.exp(-(b**2) * (1 + m**2) / (2 * s**2)) / (2 * sp.pi * s**2)
    return [_one(sp.diff(density, b), wanted), Equation(density.subs(b, 0), sp.Integer(0))]


def _external_pieces():
    s = sp.Symbol("s", positive=True)
    m = sp.Symbol("m", real=True)
    root, other = sp.sqrt(1 + 4 * m), sp.sqrt(1 - 4 * m)
    first, second, last = 2 / (1 + root), 2 / (1 - root), 2 / (other - 1)
    branches: Any = formula("external_slope_density")(s, m).args
    to_first, to_second, to_last = (
        formula("slope_density")(s, m, b) for b in (first, second, last)
    )
    wanted = [to_first, to_first - to_second + to_last, to_last]
    pieces = zip(branches, wanted, strict=True)
    return [
        *(Equation(sp.expand(piece - value), sp.Integer(0)) for (piece, _), value in pieces),
        *(Equation(sp.simplify(m * b**2 + b), sp.Integer(1)) for b in (first, second)),
        Equation(sp.simplify(m * last**2 + last), -sp.Integer(1)),
    ]


def _intervals():
    m, x, a, b, c = sp.symbols("m x a b c")

    def inside(z: sp.Expr):
        return both(z + m * z**2 < 1, z + m * z**2 > -1)

    at_one = both(a > 0, sp.Eq(m * a**2 + a, 1))
    last = both(c > 0, sp.Eq(m * c**2 + c, -1))
    three = (m < 0, at_one, b > a, sp.Eq(m * b**2 + b, 1), last, x > 0)
    two_intervals = sp.Equivalent(inside(x), sp.Or(x < a, both(x > b, x < c)))
    return [
        Sentence((m >= 0, at_one, x > 0), sp.Equivalent(inside(x), x < a)),
        Sentence((4 * m < -1, last, x > 0), sp.Equivalent(inside(x), x < c)),
        Sentence(three, both(two_intervals, 4 * m > -1)),
    ]


def _masses():
    bounds = []
    for s in ("1", "4"):
        mass = internal_moment(s, lambda _: flint.acb(1), "1e-31")
        bounds.append(Bound(f"projected and inside, less 1/2 (s = {s})", mass, "-1e-30", "1e-30"))
    gap = external_projected_mass("1") - (1 - external_probability("1"))
    return [*bounds, Bound("projected mass less 1 - P_ext(1)", gap, "-1e-30", "1e-30")]


def _moments():
    bounds = []
    pi = flint.arb.pi()
    # the moments at s -> 0
    balance, ratio = flint.arb(2).log() / pi, 2 * flint.arb.const_catalan() / pi
    # s, and 10^5 times the mean balance and the mean log-ratio, rounded
    values = (("1", 21811, 58810), ("2", 17685, 70649), ("4", 9453, 111272))
    for s, *middles in values:
        label = f"mean balance ({s})", f"mean log-ratio of the draws off the axes ({s})"
        moments = (
            balance + internal_moment(s, lambda tau: (-tau).exp()),
            ratio + internal_moment(s, lambda tau: tau),
        )
        for text, value, middle in zip(label, moments, middles, strict=True):
            bounds.append(Bound(text, value, f"{middle - 0.5:.1f}e-5", f"{middle + 0.5:.1f}e-5"))
    return bounds


def _small_balance():
    tau, z = sp.symbols("tau E", positive=True)  # E = e^{-2 tau}
    integral = -sp.log(1 + sp.exp(-2 * tau)) / sp.pi
    wanted = sp.exp(-tau) / (sp.pi * sp.cosh(tau).rewrite(sp.exp))
    slope = sp.simplify((sp.diff(integral, tau) / wanted).subs(tau, -sp.log(z) / 2))
    return [
        Equation(slope, sp.Integer(1)),
        Equation(integral.subs(tau, 0) / sp.log(2) * sp.pi, -sp.Integer(1)),
    ]


def _axis():
    catalan = 2 * flint.arb.const_catalan() / flint.arb.pi()
    value = evaluate(formula("internal_cut_log_ratio")(1, 1))
    # the draws are s times standard ones: log(|x|/c) is log s - log c more
    moved = (
        evaluate(formula("internal_cut_log_ratio")(2, 3)) - flint.arb(2).log() + flint.arb(3).log()
    )
    # log max = (log|x| + log|y|)/2 + tau/2, and E tau = 2 Int_0^oo tau/(pi cosh tau)
    ratio, label = small_scale_log_ratio(), "E log max(|x|, |y|) at s = 1 less the formula at c = 1"
    return [
        Bound("Int tau/(pi cosh tau) - 2 G/pi", ratio - catalan, "-1e-35", "1e-35"),
        Bound(label, mean_log_normal() + ratio - value, "-1e-35", "1e-35"),
        Bound("the formula at s = 2, c = 3, less log(2/3)", moved - value, "-1e-35", "1e-35"),
    ]


ANISOTROPY_STEPS: tuple[Step, ...] = (
    identity(
        "projected_density",
        "the density of the nearest point (t, 1/t), in closed form: its derivative along the normal"
        " is the Gaussian density times the Jacobian, and it vanishes at r = 0",
        "d = 1",
        _projected,
        ("normal_coordinates", "normal_bijection", "gaussian"),
    ),
    identity(
        "ratio_density",
        "x y = -v, |x/y| = e^{+-tau}: dx dy = dv dtau/2 and x^2 + y^2 = 2 v cosh tau, so tau has"
        " the density (1 - e^{-v cosh tau/s^2})/(pi cosh tau) where the product lies above -v",
        "d = 1",
        _ratio,
        ("product_substitution", "gaussian"),
    ),
    identity("slope_density", "the density of m = y/x on |x| < b", "d = 1", _slope, ("gaussian",)),
    decided(
        "external_intervals",
        "x > 0, y = m x: |(1 + y) x| < 1 is x < a (m >= 0), x < c (4m < -1), x < a or b < x < c (-1"
        " < 4m < 0), with m a^2 + a = m b^2 + b = 1, m c^2 + c = -1",
        "d = 1",
        _intervals,
        ("stable_sets",),
    ),
    identity(
        "external_slopes",
        "the density of the slope inside the external set is the sum over these intervals, with the"
        " roots in closed form",
        "d = 1",
        _external_pieces,
        ("slope_density", "external_intervals"),
    ),
    enclosed(
        "projected_masses",
        "the densities of inside and projected draws add up: 1/2 internally (the other half lies on"
        " the axes), 1 - P_ext externally, to 30 digits at s = 1 (internal also 4)",
        "d = 1",
        _masses,
        ("projected_density", "ratio_density", "external_probability"),
    ),
    identity(
        "small_balance",
        "s -> 0: the balance of x y < 0 has the mean ln 2/pi over all draws (Int e^{-tau}/(pi cosh"
        " tau)); the log-ratio 2 G/pi",
        "d = 1",
        _small_balance,
        ("ratio_density",),
    ),
    enclosed(
        "internal_moments",
        "internal: mean balance and mean log-ratio (off the axes) at s = 1, 2, 4 to five decimals",
        "d = 1",
        _moments,
        ("projected_density", "ratio_density", "small_balance"),
    ),
    enclosed(
        "axis_log_ratio",
        "draws on the axes, zero coordinates read as c: E log(|x|/c) = log(s/c) - (gamma + ln 2)/2"
        " + 2 G/pi, G Catalan's constant",
        "d = 1",
        _axis,
        ("ratio_density", "same_quadrant", "gaussian"),
    ),
    deduced(
        "internal_median",
        "x y > 0 has probability exactly 1/2 and is projected on an axis, where the log-ratio is"
        " infinite and the balance 0; off the axes the log-ratio has a positive density on (0, oo):"
        " no finite number is the median, and a sample median says only which half of the draws was"
        " larger",
        "d = 1",
        ("same_quadrant", "ratio_density", "projected_masses", "gaussian"),
    ),
)
