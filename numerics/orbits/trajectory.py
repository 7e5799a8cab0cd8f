"""What is kept of an orbit: norms and steps over time, returns now and then, a short tail of
states; never all states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array

HUGE = 1e100
"""Norm at which an orbit counts as having left for infinity; below overflow, so that its growth can
still be read.
"""
MAX_PERIOD = 32
"""Longest return that is recorded, hence the longest cycle that is told from an aperiodic orbit."""
STRIDE = 37
"""Loops between two records of the returns: a prime above `MAX_PERIOD`, so that every phase of a
cycle is met.
"""


@dataclass(frozen=True)
class Trajectory:
    """Norms abs(h_t) (T + 1), steps abs(h_{t+1} - h_t) (T), the last states (oldest first), and the
    dtype's rounding unit.

    `returns`: abs(h_t - h_{t-p}), column p - 1, at every `STRIDE`-th loop (rows in the order of
    time; periods up to `MAX_PERIOD`, or fewer where the tail is shorter). `non_finite` when a step
    returned NaN or infinity while the state was of moderate size; `left` when the norm passed
    `HUGE`.
    """

    norms: Array
    steps: Array
    tail: Array
    returns: Array
    unit: float
    non_finite: bool = False
    left: bool = False

    @property
    def relative_steps(self) -> Array:
        """Steps over norms of the state before them (over the step itself where that state is
        0).
        """
        return self.steps / np.maximum(
            np.maximum(self.norms[:-1], self.steps * np.sqrt(self.unit)), np.finfo(float).tiny
        )


class Recorder:
    """Observes `batch` orbits, one loop at a time; arrays are (batch, ...).

    Memory per orbit: two floats a loop, `MAX_PERIOD`/`STRIDE` floats for the returns, and `tail`
    states.
    """

    def __init__(self, batch: int, tail: int = 80):
        self.batch, self.tail = batch, tail
        self._norms, self._steps = np.empty((64, batch)), np.empty((64, batch))
        self._ring: list[Array] = []
        self._returns: list[Array] = []
        self._seen = 0
        self._end = np.full(batch, -1)
        self._still = np.zeros(batch, int)
        self._bad = np.zeros(batch, bool)
        self._unit = float(np.finfo(np.float64).eps)

    @property
    def loops(self) -> int:
        """Loops observed."""
        return max(self._seen - 1, 0)

    def observe(self, h: Array) -> None:
        """Take the next state of every orbit."""
        flat = np.array(h, copy=True).reshape(self.batch, -1)
        self._unit = float(np.finfo(flat.dtype).eps)
        i = self._seen
        if i == len(self._norms):
            self._norms, self._steps = (
                np.concatenate((a, np.empty_like(a))) for a in (self._norms, self._steps)
            )
        with np.errstate(over="ignore", invalid="ignore"):
            self._norms[i] = norms = np.linalg.norm(flat.astype(np.float64), axis=1)
            if i:
                self._steps[i - 1] = steps = np.linalg.norm(
                    (flat - self._ring[-1]).astype(np.float64), axis=1
                )
                self._still = np.where(steps == 0, self._still + 1, 0)
            periods = min(MAX_PERIOD, self.tail - 1)
            if i % STRIDE == 0 and i >= periods:
                pasts = self._ring[: -periods - 1 : -1]  # latest first
                self._returns.append(
                    np.stack(
                        [np.linalg.norm((flat - past).astype(np.float64), axis=1) for past in pasts]
                    )
                )
        last = self._norms[max(i - 1, 0)]
        newly = (~np.isfinite(norms) | (norms > HUGE)) & (self._end < 0)
        self._end[newly] = i
        self._bad |= newly & ~np.isfinite(norms) & (last < 1e10 * (1 + self._norms[0]))
        self._ring = [*self._ring[-(self.tail - 1) :], flat]
        self._seen += 1

    @property
    def ended(self) -> Array:
        """Which orbits have nothing more to show, (batch,) bool: gone to infinity or NaN, or 40
        loops without one bit of change.
        """
        return (self._end >= 0) | (self._still >= 40)

    def keep(self, kept: Array) -> None:
        """Go on with these orbits alone, numbered anew: a mask or ascending indices."""
        self._norms, self._steps = self._norms[:, kept], self._steps[:, kept]
        self._ring = [state[kept] for state in self._ring]
        self._returns = [row[:, kept] for row in self._returns]
        self._end, self._still, self._bad = self._end[kept], self._still[kept], self._bad[kept]
        self.batch = len(self._end)

    def trajectory(self, i: int) -> Trajectory:
        """What was seen of orbit i, cut where it left the finite range."""
        left = bool(self._end[i] >= 0)
        end = int(self._end[i]) if left else self._seen
        keep = max(end - (self._seen - len(self._ring)), 0)
        returns = np.array([row[:, i] for row in self._returns]).reshape(
            len(self._returns), min(MAX_PERIOD, self.tail - 1)
        )
        return Trajectory(
            self._norms[:end, i].copy(),
            self._steps[: max(end - 1, 0), i].copy(),
            np.array([state[i] for state in self._ring[:keep]]),
            returns,
            self._unit,
            bool(self._bad[i]),
            left,
        )

    def trajectories(self) -> list[Trajectory]:
        """One trajectory per orbit."""
        return [self.trajectory(i) for i in range(self.batch)]
