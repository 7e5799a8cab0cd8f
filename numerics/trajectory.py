"""What is kept of an orbit: norms and steps over time and a short tail of states; memory does not grow with n x loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.loop import Array

HUGE = 1e100
"""Norm at which an orbit counts as having left for infinity; below overflow, so that its growth can still be read."""


@dataclass(frozen=True)
class Trajectory:
    """Norms abs(h_t) (T + 1), steps abs(h_{t+1} - h_t) (T), the last states (oldest first), and the dtype's rounding unit.

    `non_finite` when a step returned NaN or infinity while the state was of moderate size; `left` when the norm passed `HUGE`.
    """

    norms: Array
    steps: Array
    tail: Array
    unit: float
    non_finite: bool = False
    left: bool = False

    @property
    def relative_steps(self) -> Array:
        """Steps over norms of the state before them (over the step itself where that state is 0)."""
        return self.steps / np.maximum(np.maximum(self.norms[:-1], self.steps * np.sqrt(self.unit)), np.finfo(float).tiny)


class Recorder:
    """Observes `batch` orbits, one loop at a time; arrays are (batch, ...)."""

    def __init__(self, batch: int, tail: int = 80):
        self.batch, self.tail = batch, tail
        self._norms: list[Array] = []
        self._steps: list[Array] = []
        self._ring: list[Array] = []
        self._end = np.full(batch, -1)
        self._bad = np.zeros(batch, bool)
        self._unit = float(np.finfo(np.float64).eps)

    def observe(self, h: Array) -> None:
        """Take the next state of every orbit."""
        flat = np.array(h, copy=True).reshape(self.batch, -1)
        self._unit = float(np.finfo(flat.dtype).eps)
        with np.errstate(over="ignore", invalid="ignore"):
            norms = np.linalg.norm(flat.astype(np.float64), axis=1)
            self._steps += [np.linalg.norm((flat - self._ring[-1]).astype(np.float64), axis=1)] if self._ring else []
        last = self._norms[-1] if self._norms else np.zeros(self.batch)
        over = ~np.isfinite(norms) | (norms > HUGE)
        newly = over & (self._end < 0)
        self._end[newly] = len(self._norms)
        moderate = last < 1e10 * (1 + (self._norms[0] if self._norms else last))
        self._bad |= newly & ~np.isfinite(norms) & moderate
        self._norms.append(norms)
        self._ring = [*self._ring[-(self.tail - 1) :], flat]

    @property
    def left(self) -> Array:
        """Which orbits have left for infinity or met NaN, (batch,) bool."""
        return self._end >= 0

    def trajectories(self) -> list[Trajectory]:
        """One trajectory per orbit, cut where it left the finite range."""
        norms, steps = np.array(self._norms), np.array(self._steps).reshape(len(self._norms) - 1, self.batch)
        ring = np.array(self._ring)
        out = []
        for i in range(self.batch):
            end = int(self._end[i]) if self._end[i] >= 0 else len(norms)
            keep = max(end - (len(norms) - len(ring)), 0)
            out.append(
                Trajectory(norms[:end, i], steps[: max(end - 1, 0), i], ring[:keep, i], self._unit, bool(self._bad[i]), self._end[i] >= 0)
            )
        return out
