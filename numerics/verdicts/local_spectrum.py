"""The spectrum of a loop at one state, as far as a verdict needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import Array
from ..spectra.eigenvalues import leading_eigenvalues
from ..spectra.linearisation import Linearisation
from ..spectra.radius import SpectralRadius

WHOLE = 512
"""Largest dimension at which all eigenvalues are computed where more than the first is needed."""
LEADING = 12
"""Eigenvalues that are computed beyond it."""
SLOW = 0.99
"""Modulus from which an eigenvalue is a slow mode."""
DERIVATIVE_ERROR = 0.1
"""Largest relative error of the derivative at which a spectral radius is trusted."""
DOUBT = 4
"""Roundings of the step within which a spectral radius may be 1: the weights are rounded too."""
FLAT = 1e-3
"""Slope below which the step is nearly constant, and differences have an absolute error only."""
SEED = 43
"""Seed of the vector that tells whether the step is nearly constant."""


@dataclass(frozen=True)
class LocalSpectrum:
    """The spectrum at a state.

    Args:
        h: the state.
        rho: the spectral radius.
        unit: relative rounding error of the numbers that the step computes with.
        rounding: relative rounding error of a product with J.
        linear: makes the linearisation there, which not every verdict needs.
        moved: distance of the state from the last state of the orbit; 0 unless Newton's method
            found a fixed point near it.
        smooth: whether the step was already found to have no kink there.
        simple: whether Newton's method converged quadratically there, which proves that no
            eigenvalue is 1.
    """

    h: Array
    rho: SpectralRadius
    unit: float
    rounding: float
    linear: Callable[[], Linearisation]
    moved: float = 0.0
    smooth: bool = False
    simple: bool = False

    @classmethod
    def of(cls, j: Linearisation, rho: SpectralRadius, moved: float = 0.0) -> LocalSpectrum:
        """The spectrum of a linearisation that is at hand."""
        return cls(j.h, rho, j.unit, j.rounding, lambda: j, moved)

    @cached_property
    def j(self) -> Linearisation:
        """The linearisation."""
        return self.linear()

    @property
    def error(self) -> float:
        """Error of the spectral radius, that of the derivative included."""
        return self.rho.error + self.rho.derivative_error * (self.rho.value + self.rho.error)

    @property
    def trusted(self) -> bool:
        """Whether the solve converged, on a derivative that is good enough."""
        good = self.rho.derivative_error < DERIVATIVE_ERROR or self.flat
        return self.rho.converged and good

    @cached_property
    def flat(self) -> bool:
        """Whether the step is nearly constant here, so that rho is nearly 0."""
        v = np.random.default_rng(SEED).standard_normal(self.j.n)
        return float(np.linalg.norm(self.j(v))) < FLAT * float(np.linalg.norm(v))

    def doubt(self, steps: int = 1) -> float:
        """Distance from 1 within which the radius of some steps may be 1."""
        return DOUBT * steps * self.unit

    def below(self, bound: float) -> bool:
        """Whether the spectral radius is below a bound, errors included."""
        return self.trusted and self.rho.value + self.error < bound

    @cached_property
    def eigenvalues(self) -> tuple[Array, bool]:
        """The leading eigenvalues, largest modulus first, and whether these are all."""
        j = self.j.spectral
        if j.n <= WHOLE:
            values = np.linalg.eigvals(j.dense())
            return values[np.argsort(-np.abs(values))], True
        return leading_eigenvalues(j, min(LEADING, j.n)).value, False

    @property
    def slow_modes(self) -> int | None:
        """Number of eigenvalues of modulus `SLOW` or more; None if there may be more."""
        if not self.trusted:
            return None
        if self.below(SLOW):
            return 0
        values, whole = self.eigenvalues
        slow = int((np.abs(values) >= SLOW).sum())
        return slow if whole or slow < len(values) else None
