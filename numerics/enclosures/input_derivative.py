"""The derivative of a fixed point by the input, enclosed: S = (I - J)^{-1} K (claims L1, N4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from ..arrays import Array
from .jet import Jet
from .rounding import UNIT, gamma, row_norms, up
from .verified import frobenius, spectral_norm


@dataclass(frozen=True)
class SensitivityBounds:
    """Proved bounds of the singular values of S = dh*/de.

    Args:
        rank: k, the number of directions that the bound is about.
        least: a lower bound of the k-th singular value.
        largest: an upper bound of the largest.
    """

    rank: int
    least: float
    largest: float


NEGLIGIBLE = 1e-6
"""Share of the largest singular value below which one is not bounded, unless the rank is given."""


def sensitivity_bounds(image: Jet, rank: int | None = None) -> SensitivityBounds:
    """Bound the singular values of S at the fixed point.

    Args:
        image: jet of f(h, e) with n + m coordinates, those of h and then those of e, on a ball that
            contains the fixed point and the input.
        rank: k; by default, the number of singular values that are not negligible.
    """
    n = image.mid.size
    assert image.gradient is not None
    both = image.gradient.reshape(n, -1)
    j, k = both[:, :n], np.ascontiguousarray(both[:, n:])
    shift = float(row_norms(image.block.ravel()))
    if not (np.isfinite(both).all() and np.isfinite(shift)):
        return SensitivityBounds(rank or 0, 0.0, np.inf)
    left = np.eye(n) - j
    shift = up(shift + UNIT * frobenius(left), 2)  # the difference is rounded
    approximate = scipy.linalg.solve(left, k)
    residual = k - left @ approximate
    size = spectral_norm(approximate)
    rounded = gamma(n + 4) * (frobenius(left) * frobenius(approximate) + 2 * frobenius(k))
    defect = up(frobenius(residual) + rounded + shift * (1 + size), 4)
    error = up(inverse_norm(left, shift) * defect, 2)
    left_vectors, sizes, right_vectors = scipy.linalg.svd(approximate)
    rank = int((sizes > NEGLIGIBLE * sizes[0]).sum()) if rank is None else rank
    if rank == 0:
        return SensitivityBounds(0, 0.0, up(size + error, 2))
    rows, columns = left_vectors[:, :rank].T, right_vectors[:rank].T
    # sigma_k(S) >= sigma_min(U^T S V)/(|U| |V|) for any U and V with k columns
    core = rows @ (approximate @ columns)
    longest = max(approximate.shape)
    product = frobenius(rows) * frobenius(approximate) * frobenius(columns)
    inverse = inverse_norm(core, up(2 * gamma(longest) * (1 + gamma(longest)) * product, 2))
    least = 1 / (inverse * spectral_norm(rows) * spectral_norm(columns))
    return SensitivityBounds(rank, max(least * (1 - 16 * UNIT) - error, 0.0), up(size + error, 2))


def inverse_norm(matrix: Array, error: float) -> float:
    """A bound of |A^{-1}|_2 for every A with |A - matrix|_2 <= error; infinite if none is proved.

    Args:
        matrix: (n, n).
        error: radius in the spectral norm.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.input_derivative import inverse_norm
        >>> 0.5 <= inverse_norm(2 * np.eye(2), 1e-9) < 0.51
        True
    """
    n = len(matrix)
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.inf
    size = spectral_norm(inverse)
    rest = frobenius(np.eye(n) - inverse @ matrix)
    rounded = gamma(n + 2) * frobenius(inverse) * frobenius(matrix) + n * gamma(1)
    defect = up(rest + rounded + size * error, 3)
    return up(size / (1 - defect), 2) if defect < 1 else np.inf
