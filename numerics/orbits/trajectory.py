"""Record an orbit: norms and steps over time, returns at some times, and the last few states.

All other states are discarded: the record of a long orbit of large states stays small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array

HUGE = 1e100
"""Norm from which an orbit counts as gone to infinity: its square, 1e200, does not overflow yet."""
MAX_PERIOD = 32
"""Longest return recorded, hence the longest cycle distinguished from an aperiodic orbit."""
STRIDE = 37
"""Iterations between two records of the returns.

It is a prime above `MAX_PERIOD`, so that every phase of a cycle is sampled.
"""
STILL = 40
"""Iterations without one bit of change after which an orbit has ended: more than `MAX_PERIOD`."""
MODERATE = 1e10
"""Growth of the norm up to which a NaN or infinity is an error of the step, not an overflow."""


@dataclass(frozen=True)
class Trajectory:
    """A recorded orbit h_0, ..., h_T: what `classify` needs of it.

    Args:
        norms: Norms abs(h_t), (T + 1,).
        steps: Step sizes abs(h_{t+1} - h_t), (T,).
        tail: The last states, flattened, oldest first, (at most `Recorder.tail`, d).
        returns: Distances abs(h_t - h_{t-p}) in column p - 1, one row for every `STRIDE`-th
            iteration in the order of time; p up to `MAX_PERIOD`, or fewer where the tail is
            shorter.
        unit: Machine epsilon of the state's dtype.
        non_finite: Whether a step returned NaN or infinity from a state of moderate size.
        left: Whether the norm exceeded `HUGE` or stopped being finite; the orbit is cut there.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Trajectory, run
        >>> halve = FunctionLoop(lambda h, e: h / 2, lambda e: e)
        >>> orbit = run(halve, np.ones(1), loops=100).trajectory
        >>> isinstance(orbit, Trajectory)
        True
        >>> orbit.steps[:3], orbit.norms[:3]
        (array([0.5  , 0.25 , 0.125]), array([1.  , 0.5 , 0.25]))
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
        """Steps divided by the norm of the state before them, (T,).

        The divisor is at least sqrt(unit) times the step, so that a start at 0 gives no infinity.
        """
        least = self.steps * np.sqrt(self.unit)
        return self.steps / np.maximum(np.maximum(self.norms[:-1], least), np.finfo(float).tiny)


class Recorder:
    """Record a batch of orbits while they are computed, one iteration at a time.

    The memory per orbit is two floats per iteration, `MAX_PERIOD` floats every `STRIDE` iterations
    for the returns, and `tail` states.

    Args:
        batch: Number of orbits; it is the leading axis of every observed state.
        tail: Number of last states to keep; default 80, so that a cycle of `MAX_PERIOD` is seen
            twice.
        unit: Relative rounding error of the observed numbers; default: that of their dtype.

    Example:
        >>> import numpy as np
        >>> from loopstab import Recorder, classify
        >>> states, recorder = np.array([[1.0], [1.0]]), Recorder(batch=2)
        >>> for _ in range(201):
        ...     recorder.observe(states)
        ...     states = np.array([[0.9], [-1.0]]) * states
        >>> [classify(orbit).outcome.value for orbit in recorder.trajectories()]
        ['fixed-point', 'cycle']
    """

    def __init__(self, batch: int, tail: int = 80, unit: float | None = None):
        self.batch, self.tail, self._given_unit = batch, tail, unit
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
        """Number of iterations observed: states minus one."""
        return max(self._seen - 1, 0)

    def observe(self, h: Array) -> None:
        """Record the next state of every orbit, (batch, ...)."""
        flat = np.array(h, copy=True).reshape(self.batch, -1)
        self._unit = self._given_unit or float(np.finfo(flat.dtype).eps)
        i = self._seen
        if i == len(self._norms):
            self._norms, self._steps = (
                np.concatenate((a, np.empty_like(a))) for a in (self._norms, self._steps)
            )
        with np.errstate(over="ignore", invalid="ignore"):
            self._norms[i] = norms = np.linalg.norm(flat.astype(np.float64, copy=False), axis=1)
            if i:
                self._steps[i - 1] = steps = np.linalg.norm(
                    (flat - self._ring[-1]).astype(np.float64, copy=False), axis=1
                )
                self._still = np.where(steps == 0, self._still + 1, 0)
            periods = min(MAX_PERIOD, self.tail - 1)
            if i % STRIDE == 0 and i >= periods:
                pasts = self._ring[: -periods - 1 : -1]  # latest first
                self._returns.append(
                    np.stack(
                        [
                            np.linalg.norm((flat - past).astype(np.float64, copy=False), axis=1)
                            for past in pasts
                        ]
                    )
                )
        last = self._norms[max(i - 1, 0)]
        newly = (~np.isfinite(norms) | (norms > HUGE)) & (self._end < 0)
        self._end[newly] = i
        self._bad |= newly & ~np.isfinite(norms) & (last < MODERATE * (1 + self._norms[0]))
        self._ring = [*self._ring[-(self.tail - 1) :], flat]
        self._seen += 1

    @property
    def ended(self) -> Array:
        """Which orbits have ended, (batch,) bool: gone to infinity or NaN, or without any change.

        No change means that not one bit of the state changed over `STILL` iterations.
        """
        return (self._end >= 0) | (self._still >= STILL)

    def keep(self, kept: Array) -> None:
        """Continue with some of the orbits, renumbered from 0: a mask or ascending indices."""
        self._norms, self._steps = self._norms[:, kept], self._steps[:, kept]
        self._ring = [state[kept] for state in self._ring]
        self._returns = [row[:, kept] for row in self._returns]
        self._end, self._still, self._bad = self._end[kept], self._still[kept], self._bad[kept]
        self.batch = len(self._end)

    def trajectory(self, i: int) -> Trajectory:
        """The record of orbit i, cut where it left the finite range."""
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
        """The records of all orbits."""
        return [self.trajectory(i) for i in range(self.batch)]
