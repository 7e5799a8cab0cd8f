"""The damping h + a (step(h) - h) that makes a fixed point attract, from the eigenvalues there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ..arrays import Array

NOTHING = 1e-6
"""Least fall of the spectral radius below 1: less may be the error of an eigenvalue at 1."""


@dataclass(frozen=True)
class Damping:
    """A damping factor and what it does to the spectral radius.

    Args:
        factor: a in h + a (step(h, e) - h); 1 is no damping.
        rho: the spectral radius of the damped step at the fixed point: exact where all eigenvalues
            are known, and otherwise an upper bound.
    """

    factor: float
    rho: float


def damping(values: Array, whole: bool) -> Damping | None:
    """The damping factor with the smallest spectral radius.

    An eigenvalue l of J becomes 1 - a + a l. No factor in (0, 1] helps against an eigenvalue whose
    real part is 1 or more. An eigenvalue that is not known has at most the smallest modulus r of
    those that are, and becomes 1 - a + a r at most.

    Args:
        values: the leading eigenvalues of J at a fixed point, complex.
        whole: whether these are all eigenvalues.

    Returns:
        The factor and the radius, or None where no factor makes the radius smaller than 1.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.verdicts.damping import damping
        >>> found = damping(np.array([-3.0, 0.5]), whole=True)
        >>> round(found.factor, 4), round(found.rho, 4)
        (0.4444, 0.7778)
    """
    rest = 0.0 if whole else float(np.abs(values).min())

    def radius(a: float) -> float:
        known = float(np.abs(1 - a + a * values).max())
        return known if whole else max(known, 1 - a + a * rest)

    found = minimize_scalar(radius, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-6})
    factor = float(found.x)
    return Damping(factor, radius(factor)) if radius(factor) < 1 - NOTHING else None
