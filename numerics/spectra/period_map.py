"""Several iterations of a loop as one map, and its derivative by the chain rule."""

from __future__ import annotations

from typing import Any

from ..arrays import Array
from ..loops.protocol import LoopedMap, advance, at
from .linearisation import Linearisation


class PeriodMap:
    """The map of `period` iterations, h -> step(... step(h, e) ..., e).

    At a point of a cycle of that period its spectral radius is the multiplier of the cycle. Its
    products with J are those of the loop one after the other, if the loop gives any; otherwise they
    are differences of the whole map.

    Args:
        loop: the loop.
        period: number of iterations.
        time: iteration of the first step, where the step depends on it.

    Example:
        The 2-cycle of the logistic map at r = 3.2 has the multiplier 4 + 2 r - r^2:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, spectral_radius
        >>> from loopstab.numerics.spectra.period_map import PeriodMap
        >>> loop = FunctionLoop(lambda h, r: r * h * (1 - h), lambda r: np.full(1, 0.3))
        >>> r, h = np.array([3.2]), np.array([0.5130445095326298])
        >>> round(spectral_radius(PeriodMap(loop, 2), h, r).value, 6)
        0.16
    """

    def __init__(self, loop: LoopedMap, period: int, time: int = 0):
        self.loop, self.period, self.time = loop, period, time
        if any(hasattr(loop, name) for name in ("linearize", "jvp", "vjp")):
            self.linearize = self._linearize

    def step(self, h: Array, e: Any) -> Array:
        """The state after one period."""
        for k in range(self.period):
            h = advance(at(self.loop, self.time + k), h, e)
        return h

    def initial(self, e: Any) -> Array:
        """The first state."""
        return self.loop.initial(e)

    def resolution(self, h: Array, e: Any) -> float:
        """The precision of the loop."""
        own: Any = getattr(self.loop, "resolution", None)
        return 0.0 if own is None else own(h, e)

    def _linearize(self, h: Array, e: Any) -> Chain:
        parts: list[Linearisation] = []
        for k in range(self.period):
            parts.append(Linearisation(at(self.loop, self.time + k), h, e))
            h = parts[-1].image
        return Chain(parts)


class Chain:
    """Products with J_p ... J_1, for the linearisations of the successive iterations."""

    def __init__(self, parts: list[Linearisation]):
        self.parts, self.shape = parts, parts[0].h.shape
        self.forward = all(part.derivative != "central difference" for part in parts)
        if all(part.adjoint_of != "columns" for part in parts):
            self.adjoint = self._adjoint

    def __call__(self, v: Array) -> Array:
        """J_p ... J_1 v."""
        for part in self.parts:
            v = part(v)
        return v.reshape(self.shape)

    def _adjoint(self, u: Array) -> Array:
        """J_1^T ... J_p^T u."""
        for part in reversed(self.parts):
            u = part.adjoint(u)
        return u.reshape(self.shape)
