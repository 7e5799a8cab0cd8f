"""Coordinates of a state that count the iterations, whatever the state and the input are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..loops.protocol import LoopedMap, arrays

SAME = 1e-9
"""Largest relative difference of two increments that are equal."""
NEARBY = 0.1
"""Distance of the states and inputs whose increments are compared, relative to their size."""


def clocks(loop: LoopedMap, h: Array, e: Any) -> Array:
    """Which coordinates of a state grow by one fixed amount for every state and input, (n,) bool.

    A drift depends on the input or on the state; a count of the iterations depends on neither.
    """
    rng = np.random.default_rng(0)
    places = [(h, e), (np.asarray(loop.step(h, e)), e), (_beside(h, rng), e)]
    inputs = arrays(loop, e)
    if isinstance(e, np.ndarray) and np.issubdtype(e.dtype, np.floating) and len(inputs) == 1:
        places.append((h, _beside(e, rng)))
    steps = np.array([(loop.step(state, x) - state).ravel() for state, x in places])
    same = np.abs(steps - steps[0]) <= SAME * np.abs(steps[0])
    return same.all(axis=0) & (steps[0] != 0) & np.isfinite(steps).all(axis=0)


def _beside(x: Array, rng: np.random.Generator) -> Array:
    size = max(float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))), 1.0)
    return (x + NEARBY * size * rng.standard_normal(x.shape)).astype(x.dtype)
