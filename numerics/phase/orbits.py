"""Many orbits of loops that share their matrix, as columns of one array: a matrix product per loop in place of one product each."""

from __future__ import annotations

import numpy as np

from numerics.loop import Array
from numerics.phase.activation import Activation
from numerics.phase.draw import Draw
from numerics.trajectory import MAX_PERIOD, STRIDE, Trajectory

LOOPS = 600
TAIL = 80
TOLERANCE = 1e-8
"""relative step from which on an orbit counts as arrived, for the number of iterations"""
STILL = 16
"""loops without a step above rounding after which the orbits of a batch are stopped"""


def orbits(draw: Draw, activation: Activation, slope: float, alpha: Array, t: Array, loops: int = LOOPS) -> tuple[list[Trajectory], Array]:
    """The K orbits of h' = N(alpha h + G phi(slope h) + t e) from the draw's start, and their last states (d, K).

    They are stopped together, before `loops`, when all have settled to rounding.
    """
    h = np.repeat(draw.start[:, None], len(t), axis=1)
    source, root, unit = t * draw.e[:, None], np.sqrt(draw.width), float(np.finfo(float).eps)
    steps, tail = np.empty((loops, len(t))), np.empty((TAIL, *h.shape))
    tail[0] = h
    count, returns = loops, []
    for i in range(loops):
        z = draw.matrix @ activation.value(h, slope) + source
        z += alpha * h
        z *= root / np.sqrt(np.einsum("ij,ij->j", z, z))
        h -= z
        steps[i] = np.sqrt(np.einsum("ij,ij->j", h, h))
        h = z
        if (i + 1) % STRIDE == 0 and i + 1 >= MAX_PERIOD:
            pasts = ((i + 1 - period) % TAIL for period in range(1, MAX_PERIOD + 1))
            returns.append(np.stack([np.linalg.norm(h - tail[past], axis=0) for past in pasts]))
        tail[(i + 1) % TAIL] = h
        if i % STILL == STILL - 1 and steps[i - STILL + 1 : i + 1].max() < 32 * unit * root:
            count = i + 1
            break
    newest = np.arange(max(count + 1 - TAIL, 0), count + 1) % TAIL
    norms, back = np.full(count + 1, root), np.array(returns).reshape(len(returns), MAX_PERIOD, len(t))
    return [Trajectory(norms, steps[:count, k].copy(), tail[newest, :, k], back[:, :, k], unit) for k in range(len(t))], h


def iterations(trajectory: Trajectory) -> float:
    """Loops until the relative step stays below `TOLERANCE`; NaN if it does not within the orbit."""
    above = np.flatnonzero(trajectory.relative_steps >= TOLERANCE)
    loops = int(above[-1]) + 2 if len(above) else 1
    return float(loops) if loops <= len(trajectory.steps) else np.nan
