"""Rigorous balls for the two stable-set probabilities of R4 (python-flint); every truncation is
paid for inside the ball.

Each probability is enclosed twice, by independent integrals: over both weights, and by conditioning
on one of them (`..._given_...`).
"""

from __future__ import annotations

from collections.abc import Callable

import flint

SPREAD = "12.3"
"""standard deviations beyond which mass is bounded; erfc(12.3/sqrt2) < 1e-34"""


def _interval(low: flint.arb, high: flint.arb) -> flint.arb:
    return low.union(high)


def _scale(s: str) -> flint.arb:
    numerator, _, denominator = s.partition("/")
    return flint.arb(numerator) / flint.arb(denominator or "1")


def internal_probability(s: str, cut: int = 6) -> flint.arb:
    """(1/pi) Int_0^{2/s^2} K_0 = 1/2 - (1/pi) Int_0^oo e^{-z cosh t}/cosh t dt, z = 2/s^2 (from
    DLMF 10.32.9, integrating over z).

    `s` is a positive rational or decimal in text. Beyond t = cut the integrand is positive and at
    most e^{-z cosh cut} 2 e^{-t}.
    """
    z = flint.arb(2) / _scale(s) ** 2
    body = flint.acb.integral(lambda t, _: (-z * t.cosh()).exp() / t.cosh(), 0, cut).real
    tail = (-z * flint.arb(cut).cosh()).exp() * 2 * (-flint.arb(cut)).exp()
    return flint.arb("0.5") - (body + _interval(flint.arb(0), tail)) / flint.arb.pi()


def external_probability(s: str) -> flint.arb:
    """Int_0^oo erf(1/(sqrt2 s u)) (phi_s(u - 1) + phi_s(u + 1)) du, phi_s the N(0, s^2) density; u
    = |1 + y|.

    Below u = near (an essential singularity at 0) erf is within erfc(1/(sqrt2 s near)) of 1; beyond
    u = far it is below the density.
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


def internal_given_y(s: str) -> flint.arb:
    """E P(|x| < 2/|y|)/2 = Int_0^oo erf(sqrt2/(s y)) phi_s(y) dy: half of the draws have the right
    sign.
    """
    scale = flint.arb(s)
    return _conditional(
        scale,
        lambda y: (flint.arb(2).sqrt() / (scale * y)).erf(),
        flint.arb(2) / (flint.arb(SPREAD) * scale),
    )


def external_given_x(s: str) -> flint.arb:
    """E P(|1 + y| < 1/|x|) = Int_0^oo (erf((1/x - 1)/(sqrt2 s)) + erf((1/x + 1)/(sqrt2 s)))
    phi_s(x) dx.
    """
    scale = flint.arb(s)
    root = flint.arb(2).sqrt() * scale
    return _conditional(
        scale,
        lambda x: ((1 / x - 1) / root).erf() + ((1 / x + 1) / root).erf(),
        1 / (1 + flint.arb(SPREAD) * scale),
        2,
    )


def _conditional(scale: flint.arb, share: Callable, near: flint.arb, top: int = 1) -> flint.arb:
    """Int_0^oo share(z) phi_s(z) dz, share within top (0, 1) and at least its value at near below
    near (an essential singularity at 0).
    """
    far = flint.arb(SPREAD) * scale
    root = flint.arb(2).sqrt()

    def integrand(z: flint.acb, _: bool) -> flint.acb:
        return share(z) * (-(z**2) / (2 * scale**2)).exp()

    body = flint.acb.integral(integrand, near, far, abs_tol=flint.arb("1e-33")).real / (
        scale * (2 * flint.arb.pi()).sqrt()
    )
    below = (near / (root * scale)).erf() / 2
    start = below * share(near).union(flint.arb(top))
    beyond = top * (far / (root * scale)).erfc()
    return body + start + flint.arb(0).union(beyond)
