"""Ranks of derivatives by parameters, from complex steps and singular values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...arrays import Array
from ...attack.suite import Undecided
from .complex_step import complex_step

ZERO, CLEAR = 1e-11, 1e-7
"""Singular values, relative to the largest, below which they count as 0 and above which they do
not.
"""

Parameters = Mapping[str, Array]


def derivative(
    f: Callable[[Parameters], Array], parameters: Parameters, names: tuple[str, ...]
) -> Array:
    """D f by the named parameters, (size of f, number of parameters)."""
    parts = []
    for name in names:
        value = parameters[name]

        def moved(x: Array, name: str = name, shape: tuple[int, ...] = value.shape) -> Array:
            return f({**parameters, name: x.reshape(shape)}).ravel()

        parts.append(complex_step(moved, value.ravel()))
    return np.concatenate(parts, axis=1)


def rank(m: Array) -> tuple[int, Array]:
    """The rank and the relative singular values.

    Raises `Undecided` if one of them is neither clear of 0 nor 0.
    """
    sizes = np.linalg.svd(m, compute_uv=False)
    if not np.isfinite(sizes).all():
        raise Undecided
    relative = sizes / sizes[0] if sizes[0] > 0 else sizes
    if ((relative > ZERO) & (relative < CLEAR)).any():
        raise Undecided
    return int((relative >= CLEAR).sum()), relative
