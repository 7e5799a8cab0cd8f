"""Orbits that end in rounding: the resolution of a step, and channels of very different size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..loops.bare_loop import BareLoop
from ..loops.protocol import LoopedMap, LoopError
from ..orbits.trajectory import Trajectory
from ..orbits.windows import ROUNDING
from ..spectra.agreement import SMOOTH, agreement
from ..spectra.linearisation import Linearisation

UNITS = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""Machine epsilons of the precisions in which steps compute, the finest first."""
COARSER = 4.0
"""A precision is coarser than another from this ratio of their machine epsilons on."""
CLEAR = 0.02
"""Relative difference of the quotients of two sizes, below which the step is smooth."""
SPREAD = 8.0
"""Spread of a state that rounding alone keeps moving, in units of the norm over 1 - rho."""
MASSIVE = 100.0
"""Ratio of the largest to the median channel, above which channels are measured one by one."""
LEAST_SCALE = 1e-3
"""Least scale of a channel, as a share of the median: channels near zero are not blown up."""
POINTS, NEAR = 7, 8
"""States, and their distance in roundings, whose third differences give the noise of the step."""
NOISE_GAP = 2.0**-12
"""The unit at which the noise of a step of unknown precision is measured: third differences then
see the rounding of bfloat16, and are blind to a smooth step up to that of float32."""
UNIFORM = 2 * np.sqrt(3.0)
"""Machine epsilon over the standard deviation of a uniform rounding error."""
THIRD = np.sqrt(20.0)
"""Standard deviation of a third difference of independent noise of unit size."""


def coarse_name(loop: LoopedMap, h: Array, e: Any, unit: float) -> str | None:
    """The precision that the step shows at a state, where it is coarser than `unit`.

    At a resolution where the step is smooth, difference quotients of two sizes agree; below it
    they are rounding. The finest resolution at which they agree well is taken, or else the one
    at which they agree best. Quotients of differences that are far apart may agree by chance, so
    that the noise of the step must not be larger either.
    """
    errors: dict[str, float] = {}
    noise = noise_unit(loop, h, e)
    for name, coarse in UNITS.items():
        if coarse < COARSER * unit or noise > COARSER * coarse:
            continue
        try:
            found = agreement(Linearisation(BareLoop(loop, coarse), h, e))
        except LoopError:
            return None
        if found.error < CLEAR:
            return name
        errors[name] = found.error
    best = min(errors, key=errors.__getitem__, default=None)
    return best if best is not None and errors[best] < SMOOTH else None


def precision_name(unit: float) -> str | None:
    """The precision of a machine epsilon; None for float64."""
    names = [name for name, known in UNITS.items() if unit >= known / 2]
    return names[-1] if names else None


def only_rounding(t: Trajectory, unit: float, rho: float) -> bool:
    """Whether rounding at a unit explains the spread of the last states around a fixed point."""
    return spread(t) <= SPREAD * unit * float(t.norms[-1]) / max(1 - rho, unit)


def spread(t: Trajectory) -> float:
    """The largest distance of two of the last states, up to a factor of 2."""
    tail = t.tail.astype(np.float64)
    return 2 * float(np.linalg.norm(tail - tail.mean(axis=0), axis=1).max())


def scales(t: Trajectory) -> Array | None:
    """The sizes of the channels over the last states, if they differ widely; otherwise None."""
    sizes = np.abs(t.tail.astype(np.float64)).max(axis=0)
    median = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 0.0
    if not (np.isfinite(sizes).all() and median > 0 and sizes.max() > MASSIVE * median):
        return None
    return np.maximum(sizes, LEAST_SCALE * median)


def scaled_unit(loop: LoopedMap, h: Array, e: Any, scale: Array, unit: float) -> float:
    """Rounding of one step, relative to the norm of a state whose channels have the size 1.

    It is measured, because a large channel also rounds the small ones that it is mixed into.
    """
    noise = step_noise(loop, h, e, unit) / scale
    return max(unit, 4 * float(np.linalg.norm(noise)) / ROUNDING / float(np.sqrt(len(scale))))


def noise_unit(loop: LoopedMap, h: Array, e: Any) -> float:
    """The machine epsilon of a precision whose rounding is as large as the noise of the step."""
    noise = float(np.linalg.norm(step_noise(loop, h, e, NOISE_GAP)))
    size = float(np.linalg.norm(np.asarray(loop.step(h, e), np.float64)))
    return UNIFORM * noise / size if np.isfinite(noise) and size > 0 else 0.0


def step_noise(loop: LoopedMap, h: Array, e: Any, unit: float) -> Array:
    """Standard deviation of the rounding of each channel of step(h, e), flat.

    Third differences of the step over neighbouring states remove what is smooth (Moré and Wild,
    Estimating computational noise, SIAM J. Sci. Comput. 33, 2011).
    """
    signs = np.random.default_rng(0).choice([-1.0, 1.0], h.shape)
    size = np.abs(h.astype(np.float64))
    gap = NEAR * unit * np.maximum(size, LEAST_SCALE * np.median(size)) * signs
    states = [(h + k * gap).astype(h.dtype) for k in range(POINTS)]
    values = np.array([np.asarray(loop.step(state, e), np.float64).ravel() for state in states])
    return np.sqrt(np.mean(np.square(np.diff(values, 3, axis=0)), axis=0)) / THIRD
