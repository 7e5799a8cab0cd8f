"""Inputs e of looped maps: rows of shape (count, width)."""

from __future__ import annotations

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array


def sphere(rng: np.random.Generator, count: int, width: int) -> Array:
    """Uniform on the sphere of radius sqrt(width), the image of RMSNorm."""
    x = rng.standard_normal((count, width))
    return x * np.sqrt(width / np.sum(x * x, axis=1, keepdims=True))


def clustered(
    rng: np.random.Generator, count: int, width: int, centres: int, spread: float
) -> Array:
    """On that sphere, in `centres` clusters taken in turn: the centre plus `spread` times a uniform
    point, brought back to the sphere.
    """
    if centres < 1 or not 0 <= spread < 1:
        raise UsageError(
            f"clusters need at least one centre and a spread in [0, 1), not {centres} and {spread}"
        )
    middle = sphere(rng, centres, width)
    x = middle[np.arange(count) % centres] + spread * sphere(rng, count, width)
    return x * np.sqrt(width / np.sum(x * x, axis=1, keepdims=True))


def scaled(rng: np.random.Generator, count: int, width: int, low: float, high: float) -> Array:
    """Uniform directions with lengths log-uniform in [low, high] times sqrt(width)."""
    if not 0 < low <= high:
        raise UsageError(f"lengths need 0 < low <= high, not {low} and {high}")
    return np.exp(rng.uniform(np.log(low), np.log(high), (count, 1))) * sphere(rng, count, width)
