"""Rigorous balls for the statistics of projected draws (R4): integrals of the registered densities,
every truncation paid for.
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
"""ratios beyond e^10 are bounded, not integrated"""


@cache
def _integrand() -> Callable[..., Any]:
    """G(s, tau): density of tau inside and projected, less its limit 1/(pi cosh tau) for s -> 0."""
    s, tau = sp.symbols("s tau", positive=True)
    t = sp.exp(tau / 2)  # t and 1/t are equally likely, and dt = (t/2) dtau
    projected = t * formula("projected_density")(s / sp.sqrt(2), t, 0, 1)
    limit = 1 / (sp.pi * sp.cosh(tau))
    return compiled(formula("ratio_density")(s, tau, 2) - limit + projected, (s, tau))


def internal_moment(
    s: str, weight: Callable[[flint.acb], flint.acb], tolerance: str = "1e-10"
) -> flint.arb:
    """Int_0^oo weight(tau) G dtau for 0 <= weight <= max(1, tau) and s <= 4: what scale s adds to
    the moment at s -> 0.

    Beyond tau = FAR, |weight G| <= (sinh tau/s^2) e^{-cosh tau/s^2}, whose integral is e^{-cosh
    FAR/s^2}: the inside part is at most tau e^{-2 cosh/s^2}/(pi cosh), the projected part (4/(pi
    s^2)) tau cosh e^{-2 cosh/s^2}, and e^{cosh/s^2} > e^{688}.
    """
    scale, integrand = flint.arb(s), _integrand()
    body = flint.acb.integral(
        lambda tau, _: weight(tau) * integrand(scale, tau), 0, FAR, abs_tol=flint.arb(tolerance)
    ).real
    tail = (-flint.arb(FAR).cosh() / scale**2).exp()
    return body + (-tail).union(tail)


def small_scale_log_ratio() -> flint.arb:
    """Int_0^oo tau/(pi cosh tau) dtau; beyond 100 the integrand is below 2 tau e^{-tau}/pi."""
    body = flint.acb.integral(lambda tau, _: tau / (flint.acb.pi() * tau.cosh()), 0, 100).real
    return body + flint.arb(0).union(flint.arb(101) * (-flint.arb(100)).exp())


def external_projected_mass(s: str) -> flint.arb:
    """Int_0^oo of the two projected densities (u > 0 and u < 0): the probability outside the
    external set.

    Left of near the normals have |1 + y| > 1/near, right of far |x| > far: both less likely than
    erfc(12/sqrt2).
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
    """E log|X| for X ~ N(0, 1), with x = e^v; left of -90 the integrand is below 0.8 |v| e^v, right
    of 3 below v e^v e^{-e^{2v}/2}.
    """

    def integrand(v: flint.acb, _: bool) -> flint.acb:
        return v * (2 / flint.acb.pi()).sqrt() * (v - (2 * v).exp() / 2).exp()

    body = flint.acb.integral(integrand, -90, 3).real
    left, right = flint.arb(73) * (-flint.arb(90)).exp(), flint.arb("1e-80")
    return body + (-left).union(right)
