"""The stable-set probabilities of R4 a second time, by conditioning on the other weight: independent of theory.bessel."""

from __future__ import annotations

from collections.abc import Callable

import flint

SPREAD = "12.3"
"""standard deviations beyond which mass is bounded; erfc(12.3/sqrt2) < 1e-34"""


def internal_given_y(s: str) -> flint.arb:
    """E P(|x| < 2/|y|)/2 = Int_0^oo erf(sqrt2/(s y)) phi_s(y) dy: half of the draws have the right sign."""
    scale = flint.arb(s)
    return _conditional(scale, lambda y: (flint.arb(2).sqrt() / (scale * y)).erf(), flint.arb(2) / (flint.arb(SPREAD) * scale))


def external_given_x(s: str) -> flint.arb:
    """E P(|1 + y| < 1/|x|) = Int_0^oo (erf((1/x - 1)/(sqrt2 s)) + erf((1/x + 1)/(sqrt2 s))) phi_s(x) dx."""
    scale = flint.arb(s)
    root = flint.arb(2).sqrt() * scale
    return _conditional(scale, lambda x: ((1 / x - 1) / root).erf() + ((1 / x + 1) / root).erf(), 1 / (1 + flint.arb(SPREAD) * scale), 2)


def _conditional(scale: flint.arb, share: Callable, near: flint.arb, top: int = 1) -> flint.arb:
    """Int_0^oo share(z) phi_s(z) dz, share within top (0, 1) and at least its value at near below near (an essential singularity at 0)."""
    far = flint.arb(SPREAD) * scale
    root = flint.arb(2).sqrt()

    def integrand(z: flint.acb, _: bool) -> flint.acb:
        return share(z) * (-(z**2) / (2 * scale**2)).exp()

    body = flint.acb.integral(integrand, near, far, abs_tol=flint.arb("1e-33")).real / (scale * (2 * flint.arb.pi()).sqrt())
    below = (near / (root * scale)).erf() / 2
    start = below * share(near).union(flint.arb(top))
    beyond = top * (far / (root * scale)).erfc()
    return body + start + flint.arb(0).union(beyond)
