"""Steps on RMSNorm and LayerNorm: their Lipschitz constant on vectors that are not too short."""

from __future__ import annotations

import sympy as sp

from ..formulas import formula
from ..kernel.algebra import Equation
from ..kernel.claim import Step
from ..kernel.proof import Sentence, decided, identity


def _lifted():
    # the tokens (z, sqrt(d eps)) have the squared norm |z|^2 + d eps; LayerNorm removes the mean m
    d, eps, gain, r, zz, mean = sp.symbols("d epsilon g r x m", positive=True)
    constant = formula("norm_lipschitz")(gain, d, r, eps)
    return [
        Equation(constant**2 * (r**2 + d * eps), gain**2 * d),
        Equation(zz - 2 * mean * (d * mean) + d * mean**2, zz - d * mean**2),
    ]


def _norm_bound():
    # lifted norms p, q >= t, inner product c; R^2 |p/|p| - q/|q||^2 <= (R/t)^2 |p - q|^2
    p, q, c, t, gain, bound, x, d, mean = sp.symbols("p q c t g G x d m")
    return [
        Sentence(
            (t > 0, p >= t, q >= t, c <= p * q),
            t**2 * (2 * p * q - 2 * c) <= p * q * (p**2 + q**2 - 2 * c),
        ),
        Sentence((gain**2 <= bound**2,), (gain * x) ** 2 <= bound**2 * x**2),
        Sentence((d > 0,), x - d * mean**2 <= x),
    ]


def norm_steps(floor: str) -> tuple[Step, ...]:
    """The Lipschitz constant of RMSNorm and LayerNorm.

    Args:
        floor: name of the assumption or step that bounds the norms of the vectors from below.
    """
    return (
        identity(
            "lifted",
            "z/s is the first part of N_0 at (z, sqrt(d eps)), of norm sqrt(|z|^2 + d eps), so the"
            " constant is that of N_0 at this norm; LayerNorm is RMSNorm after the projection that"
            " takes the mean away, |z - m|^2 = |z|^2 - d m^2",
            "every d",
            _lifted,
        ),
        decided(
            "norm_bound",
            "|N z - N z'| <= g sqrt(d)/sqrt(r^2 + d eps) |z - z'| for |z|, |z'| >= r, and for"
            " LayerNorm if r bounds the norms after the mean is taken away (the projection enlarges"
            " nothing)",
            "every d",
            _norm_bound,
            ("lifted", floor),
        ),
    )
