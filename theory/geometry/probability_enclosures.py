"""Two independent enclosures of each of the two stable-set probabilities of R4.

The probability that N(0, s^2) weights are stable, with internal or with external recall, is
enclosed by an integral in one variable that stands for both weights (`..._probability`), and again
by conditioning on one of the weights (`internal_given_y`, `external_given_x`). The two integrals
share no integrand, so that their agreement is a check. Every ball includes a bound on the part of
the integral that is cut off.
"""

from __future__ import annotations

from collections.abc import Callable

import flint

SPREAD = "12.3"
"""the conditional integrals run to this many standard deviations; erfc(12.3/sqrt2) < 1e-34"""


def _scale(s: str) -> flint.arb:
    """The scale s, a positive fraction or decimal in text, as a ball."""
    numerator, _, denominator = s.partition("/")
    return flint.arb(numerator) / flint.arb(denominator or "1")


def internal_probability(s: str, cut: int = 6) -> flint.arb:
    """P(-2 < x y < 0) = (1/pi) Int_0^{2/s^2} K_0, from an integral representation of K_0.

    Args:
        s: the scale of the weights, a positive fraction or decimal in text.
        cut: where the integral is cut off.

    Integrating DLMF 10.32.9 over z = 2/s^2 gives 1/2 - (1/pi) Int_0^oo e^{-z cosh t}/cosh t dt.
    Beyond t = cut the integrand lies between 0 and e^{-z cosh cut} 2 e^{-t}.
    """
    z = flint.arb(2) / _scale(s) ** 2
    body = flint.acb.integral(lambda t, _: (-z * t.cosh()).exp() / t.cosh(), 0, cut).real
    tail = (-z * flint.arb(cut).cosh()).exp() * 2 * (-flint.arb(cut)).exp()
    return flint.arb("0.5") - (body + flint.arb(0).union(tail)) / flint.arb.pi()


def external_probability(s: str) -> flint.arb:
    """P(|(1 + y) x| < 1), by integration over u = |1 + y|.

    It is Int_0^oo erf(1/(sqrt2 s u)) (phi_s(u - 1) + phi_s(u + 1)) du with the N(0, s^2) density
    phi_s. The integrand has an essential singularity at 0; below u = near, erf lies between its
    value at near and 1. Beyond u = far the integrand is below the density.

    Args:
        s: the scale of the weights, a positive fraction or decimal in text.
    """
    scale = _scale(s)
    root = flint.arb(2).sqrt()
    near, far = flint.arb("0.08") / scale, 1 + 12 * scale

    def mass(low: flint.arb, high: flint.arb) -> flint.arb:
        def below(x: flint.arb) -> flint.arb:
            return (1 + (x / (root * scale)).erf()) / 2

        return below(high - 1) - below(low - 1) + below(high + 1) - below(low + 1)

    def integrand(u: flint.acb, _: bool) -> flint.acb:
        bell = (-((u - 1) ** 2) / (2 * scale**2)).exp() + (-((u + 1) ** 2) / (2 * scale**2)).exp()
        return (1 / (root * scale * u)).erf() * bell

    body = flint.acb.integral(integrand, near, far).real / (scale * (2 * flint.arb.pi()).sqrt())
    edge = (1 / (root * scale * near)).erf()
    start = mass(flint.arb(0), near) * edge.union(flint.arb(1))
    beyond = ((far - 1) / (root * scale)).erfc()
    return body + start + flint.arb(0).union(beyond)


def internal_given_y(s: str) -> flint.arb:
    """P(-2 < x y < 0), by conditioning on y; half of the draws have the right sign.

    It is E P(|x| < 2/|y|)/2 = Int_0^oo erf(sqrt2/(s y)) phi_s(y) dy.
    """
    scale = _scale(s)

    def share(y: flint.acb) -> flint.acb:
        return (flint.arb(2).sqrt() / (scale * y)).erf()

    return _conditional(scale, share, near=flint.arb(2) / (flint.arb(SPREAD) * scale))


def external_given_x(s: str) -> flint.arb:
    """P(|(1 + y) x| < 1), by conditioning on x.

    It is E P(|1 + y| < 1/|x|), that is the integral over x > 0 of
    (erf((1/x - 1)/(sqrt2 s)) + erf((1/x + 1)/(sqrt2 s))) phi_s(x).
    """
    scale = _scale(s)
    root = flint.arb(2).sqrt() * scale

    def share(x: flint.acb) -> flint.acb:
        return ((1 / x - 1) / root).erf() + ((1 / x + 1) / root).erf()

    return _conditional(scale, share, near=1 / (1 + flint.arb(SPREAD) * scale), top=2)


def _conditional(scale: flint.arb, share: Callable, near: flint.arb, top: int = 1) -> flint.arb:
    """Int_0^oo share(z) phi_s(z) dz for a function with an essential singularity at 0.

    The function lies between 0 and top, and below `near` it is at least share(near).
    """
    far = flint.arb(SPREAD) * scale
    root = flint.arb(2).sqrt()

    def integrand(z: flint.acb, _: bool) -> flint.acb:
        return share(z) * (-(z**2) / (2 * scale**2)).exp()

    body = flint.acb.integral(integrand, near, far, abs_tol=flint.arb("1e-33")).real
    body = body / (scale * (2 * flint.arb.pi()).sqrt())
    below = (near / (root * scale)).erf() / 2
    start = below * share(near).union(flint.arb(top))
    beyond = top * (far / (root * scale)).erfc()
    return body + start + flint.arb(0).union(beyond)
