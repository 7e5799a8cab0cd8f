"""Whether the numbers of a case are what claims about spheres assume, with room for rounding only.

Every test is one-sided: what passes it satisfies the assumption, or misses it by less than the
judges allow for rounding. A test that cannot decide says no.
"""

from __future__ import annotations

import numpy as np

from ...arrays import Array

LENGTH = 4e-15
"""Relative room for the rounding of the length of a drawn point of a sphere."""
ROUNDING = 1e-13
"""Relative room for the rounding of a norm of a few products of drawn numbers."""
RESOLVED = 2.0**-10
"""The least ratio of sizes of which rounding leaves more than ten digits."""


def norm(matrix: Array) -> float:
    """The 2-norm of a matrix."""
    return float(np.linalg.norm(matrix, 2))


def on_sphere(points: Array) -> bool:
    """Whether each row of `points` (n, d), or the one point (d), has the length sqrt(d)."""
    lengths = np.linalg.norm(np.atleast_2d(points), axis=1)
    return bool((np.abs(lengths / np.sqrt(points.shape[-1]) - 1) <= LENGTH).all())


def at_most(x: float, bound: float) -> bool:
    """Whether x <= bound, with room for rounding."""
    return x <= bound * (1 + ROUNDING)


def invertible(matrix: Array, size: float = 0.0) -> bool:
    """Whether the least singular value is well above the rounding of the largest, and of `size`."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return bool(values[-1] > 0 and values[-1] >= RESOLVED * max(float(values[0]), size))


def added(total: Array, *terms: Array) -> bool:
    """Whether `total`, a sum of the terms, is well above the rounding of each of them."""
    sizes = [float(np.linalg.norm(term)) for term in terms]
    return float(np.linalg.norm(total)) >= RESOLVED * max(sizes)
