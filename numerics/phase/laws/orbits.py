"""Many orbits of loops that share their matrix, as rows of one array.

An iteration takes one matrix product for all orbits together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import Array
from ...loops.activations import ArrayActivation
from ...orbits.trajectory import MAX_PERIOD, STRIDE, Trajectory
from .draw import RandomDraw

LOOPS = 600
"""The most iterations of an orbit."""
TAIL = 80
"""The last states that are kept."""
TOLERANCE = 1e-8
"""The relative step below which an orbit counts as having arrived, in `iterations`."""
STILL = 16
"""The iterations without a step above rounding after which a batch of orbits is stopped."""
UNIT = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Orbits:
    """K orbits of T iterations on the sphere of radius sqrt(d).

    `steps` (T, K), last states `tail` (tail, K, d), `returns` (rows, `MAX_PERIOD`, K).
    """

    steps: Array
    tail: Array
    returns: Array

    def __len__(self) -> int:
        return self.steps.shape[1]

    @property
    def last(self) -> Array:
        """The last states, (K, d)."""
        return self.tail[-1]

    @property
    def relative_steps(self) -> Array:
        """The steps over the norm of the state, (T, K)."""
        return self.steps / np.sqrt(self.tail.shape[2])

    def trajectory(self, k: int) -> Trajectory:
        """Orbit k by itself."""
        norms = np.full(len(self.steps) + 1, np.sqrt(self.tail.shape[2]))
        return Trajectory(
            norms, self.steps[:, k].copy(), self.tail[:, k], self.returns[:, :, k], UNIT
        )


def orbits(
    draw: RandomDraw,
    activation: ArrayActivation,
    slope: float,
    alpha: Array,
    t: Array,
    loops: int = LOOPS,
) -> Orbits:
    """The K orbits of h' = N(alpha h + G phi(slope h) + t e) from the start of the draw.

    They are stopped together, before `loops` iterations, when all have settled to rounding.
    """
    root, back = np.sqrt(draw.width), draw.matrix.T
    source, residual = t[:, None] * draw.e, np.repeat(alpha[:, None], draw.width, axis=1)
    steps, tail = np.empty((loops, len(t))), np.empty((TAIL, *source.shape))
    rest = np.empty_like(source)
    h, count, returns = tail[0], loops, []
    h[:] = draw.start
    for i in range(loops):
        before, h = h, tail[(i + 1) % TAIL]
        np.matmul(activation(before, slope), back, out=h)
        h += source
        h += np.multiply(residual, before, out=rest)
        h *= (root / np.sqrt(np.vecdot(h, h)))[:, None]
        np.subtract(before, h, out=rest)
        steps[i] = np.vecdot(rest, rest)
        if (i + 1) % STRIDE == 0 and i + 1 >= MAX_PERIOD:
            pasts = (tail[(i + 1 - period) % TAIL] for period in range(1, MAX_PERIOD + 1))
            gaps = (np.subtract(h, past, out=rest) for past in pasts)
            returns.append([np.vecdot(gap, gap) for gap in gaps])
        if i % STILL == STILL - 1 and steps[i - STILL + 1 : i + 1].max() < (32 * UNIT * root) ** 2:
            count = i + 1
            break
    newest = np.arange(max(count + 1 - TAIL, 0), count + 1) % TAIL
    gaps = np.sqrt(returns).reshape(len(returns), MAX_PERIOD, len(t))
    return Orbits(np.sqrt(steps[:count]), tail[newest], gaps)


def iterations(relative_steps: Array) -> Array:
    """The iterations until the relative steps (T, ...) stay below `TOLERANCE`.

    NaN where they do not within the orbit.
    """
    loops, above = len(relative_steps), relative_steps >= TOLERANCE
    needed = np.where(above.any(axis=0), loops + 1 - np.argmax(above[::-1], axis=0), 1)
    return np.where(needed <= loops, needed, np.nan)
