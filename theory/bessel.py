"""Rigorous balls for the two stable-set probabilities of R4 (python-flint); every truncation is paid for inside the ball."""

from __future__ import annotations

import flint


def _interval(low: flint.arb, high: flint.arb) -> flint.arb:
    return low.union(high)


def _scale(s: str) -> flint.arb:
    numerator, _, denominator = s.partition("/")
    return flint.arb(numerator) / flint.arb(denominator or "1")


def internal_probability(s: str, cut: int = 6) -> flint.arb:
    """(1/pi) Int_0^{2/s^2} K_0 = 1/2 - (1/pi) Int_0^oo e^{-z cosh t}/cosh t dt, z = 2/s^2 (from DLMF 10.32.9, integrating over z).

    `s` is a positive rational or decimal in text. Beyond t = cut the integrand is positive and at most e^{-z cosh cut} 2 e^{-t}.
    """
    z = flint.arb(2) / _scale(s) ** 2
    body = flint.acb.integral(lambda t, _: (-z * t.cosh()).exp() / t.cosh(), 0, cut).real
    tail = (-z * flint.arb(cut).cosh()).exp() * 2 * (-flint.arb(cut)).exp()
    return flint.arb("0.5") - (body + _interval(flint.arb(0), tail)) / flint.arb.pi()


def external_probability(s: str) -> flint.arb:
    """Int_0^oo erf(1/(sqrt2 s u)) (phi_s(u - 1) + phi_s(u + 1)) du, phi_s the N(0, s^2) density; u = |1 + y|.

    Below u = near (an essential singularity at 0) erf is within erfc(1/(sqrt2 s near)) of 1; beyond u = far it is below the density.
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
    start = mass(flint.arb(0), near) * _interval(edge, flint.arb(1))
    beyond = ((far - 1) / (root * scale)).erfc()
    return body + start + _interval(flint.arb(0), beyond)
