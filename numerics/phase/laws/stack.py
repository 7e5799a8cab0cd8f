"""Loops that differ in their scales alone: orbits together, then samples one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ....theory.outcome import Outcome
from ...arrays import Array
from ...loops.block_loop import BlockLoop
from ...orbits.follow import follow_batch
from .law import Samples
from .orbits import iterations
from .tangent import fixed_point

LOOPS = 400
"""The iterations before the first look at an orbit."""

Scaled = Callable[[Array], BlockLoop]
"""The loop with scales (m,), or the stack of loops with scales (m, K, 1, 1)."""


class Stack:
    """Orbits of K loops with scales (K, m), all from h_0 = e.

    This is an `OrbitBatch` of `loopstab.numerics.orbits.follow`.
    """

    def __init__(self, loop: Scaled, scales: Array, e: Array):
        self.scaled, self.scales, self.e = loop, scales, e
        self.h = np.repeat(e[None], len(scales), axis=0)
        self.loop = self._stacked()

    def seen(self) -> Array:
        """The states."""
        return self.h

    def advance(self) -> None:
        """One iteration."""
        self.h = self.loop.step(self.h, self.e)

    def keep(self, kept: Array) -> None:
        """Keep these orbits and drop the others."""
        self.h, self.scales = self.h[kept], self.scales[kept]
        self.loop = self._stacked()

    def _stacked(self) -> BlockLoop:
        return self.scaled(self.scales.T[:, :, None, None])


def measure(loop: Scaled, scales: Array, e: Array) -> Samples:
    """One sample for every row of scales (K, m); the input e is (tokens, width).

    The fixed point is the limit of the orbit from h_0 = e, or what Newton's method finds from the
    last state of a bounded orbit. The sensitivity is `Tangent.sensitivity`, 0 without recall.
    """
    out = Samples.empty(len(scales))
    for i, orbit in enumerate(follow_batch(Stack(loop, scales, e), LOOPS)):
        outcome = orbit.diagnosis.outcome
        out.outcome[i] = str(outcome)
        if outcome is Outcome.FIXED_POINT:
            out.iterations[i] = iterations(orbit.trajectory.relative_steps)
        if not outcome.bounded:
            continue
        at = fixed_point(loop(scales[i]), orbit.trajectory.tail[-1].reshape(e.shape), e)
        if at is not None:
            out.rho[i] = at.radius()
            out.sensitivity[i] = at.sensitivity()
    return out
