"""Inputs e of looped maps, as the rows of an array (count, width)."""

from __future__ import annotations

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array


def sphere(rng: np.random.Generator, count: int, width: int) -> Array:
    """Inputs that are uniform on the sphere of radius sqrt(width), the image of RMSNorm."""
    x = rng.standard_normal((count, width))
    return x * np.sqrt(width / np.sum(x * x, axis=1, keepdims=True))


def clustered(
    rng: np.random.Generator, count: int, width: int, centres: int, spread: float
) -> Array:
    """Inputs on the sphere of radius sqrt(width), in `centres` clusters that take turns.

    Each input is its centre plus `spread` times a uniform point, scaled back to the sphere.
    """
    if centres < 1 or not 0 <= spread < 1:
        raise UsageError(
            "clustered needs at least one centre and a spread in [0, 1), not"
            f" {centres} and {spread}"
        )
    middle = sphere(rng, centres, width)
    x = middle[np.arange(count) % centres] + spread * sphere(rng, count, width)
    return x * np.sqrt(width / np.sum(x * x, axis=1, keepdims=True))


def scaled(rng: np.random.Generator, count: int, width: int, low: float, high: float) -> Array:
    """Inputs of uniform direction, with lengths log-uniform in [low, high] times sqrt(width)."""
    if not 0 < low <= high:
        raise UsageError(f"scaled needs 0 < low <= high, not {low} and {high}")
    return np.exp(rng.uniform(np.log(low), np.log(high), (count, 1))) * sphere(rng, count, width)
