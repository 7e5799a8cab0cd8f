"""Rigorous balls for the statistics of projected draws (R4).

They are integrals of the registered densities; each ball includes a bound on what is cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import flint
import sympy as sp

from ..formulas import formula
from .balls import compiled

FAR = 10
"""log-ratios beyond this are bounded, not integrated"""


@cache
def _integrand() -> Callable[..., Any]:
    """G(s, tau): the density of tau, inside and projected, less its limit at s -> 0.

    The limit is 1/(pi cosh tau).
    """
    s, tau = sp.symbols("s tau", positive=True)
    t = sp.exp(tau / 2)  # t and 1/t are equally likely, and dt = (t/2) dtau
    projected = t * formula("projected_density")(s / sp.sqrt(2), t, 0, 1)
    limit = 1 / (sp.pi * sp.cosh(tau))
    return compiled(formula("ratio_density")(s, tau, 2) - limit + projected, (s, tau))


def internal_moment(
    s: str, weight: Callable[[flint.acb], flint.acb], tolerance: str = "1e-10"
) -> flint.arb:
    """Int_0^oo weight(tau) G dtau: a moment at scale s, less its limit at s -> 0.

    Args:
        s: the scale, at most 4, as a decimal.
        weight: a function of tau between 0 and max(1, tau).
        tolerance: absolute tolerance of the integration.

    Beyond tau = FAR the inside part of G is at most tau e^{-2 cosh/s^2}/(pi cosh), the projected
    part at most (4/(pi s^2)) tau cosh e^{-2 cosh/s^2}, and e^{cosh/s^2} > e^{688}. So |weight G| is
    at most (sinh tau/s^2) e^{-cosh tau/s^2}, whose integral is e^{-cosh FAR/s^2}.
    """
    scale, density = flint.arb(s), _integrand()

    def integrand(tau: flint.acb, _: bool) -> flint.acb:
        return weight(tau) * density(scale, tau)

    body = flint.acb.integral(integrand, 0, FAR, abs_tol=flint.arb(tolerance)).real
    tail = (-flint.arb(FAR).cosh() / scale**2).exp()
    return body + (-tail).union(tail)


def small_scale_log_ratio() -> flint.arb:
    """Int_0^oo tau/(pi cosh tau) dtau.

    Beyond 100 the integrand is below 2 tau e^{-tau}/pi.
    """
    body = flint.acb.integral(lambda tau, _: tau / (flint.acb.pi() * tau.cosh()), 0, 100).real
    return body + flint.arb(0).union(flint.arb(101) * (-flint.arb(100)).exp())


def external_projected_mass(s: str) -> flint.arb:
    """The probability outside the external set, as the integral of the two projected densities.

    The densities are those of u > 0 and of u < 0. The normals below `near` have |1 + y| > 1/near,
    those beyond `far` have |x| > far; each is less likely than erfc(12/sqrt2).
    """
    symbols = sp.symbols("s t w", positive=True)
    density = compiled(formula("projected_density")(*symbols, 1), symbols)
    scale = flint.arb(s)
    far = 1 + 12 * scale
    near = 1 / far

    def both(t: flint.acb, _: bool) -> flint.acb:
        return density(scale, t, flint.arb(1)) + density(scale, t, flint.arb(-1))

    body = flint.acb.integral(both, near, far, abs_tol=flint.arb("1e-31")).real
    return body + flint.arb(0).union(2 * (12 / flint.arb(2).sqrt()).erfc())


def mean_log_normal() -> flint.arb:
    """E log|X| for X ~ N(0, 1), with x = e^v.

    The integrand is below 0.8 |v| e^v left of -90, and below v e^v e^{-e^{2v}/2} right of 3.
    """

    def integrand(v: flint.acb, _: bool) -> flint.acb:
        return v * (2 / flint.acb.pi()).sqrt() * (v - (2 * v).exp() / 2).exp()

    body = flint.acb.integral(integrand, -90, 3).real
    left, right = flint.arb(73) * (-flint.arb(90)).exp(), flint.arb("1e-80")
    return body + (-left).union(right)
