"""The derivative of a fixed point by the input, enclosed: S = (I - J)^{-1} K."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from ..arrays import Array
from .jet import Jet
from .rounding import gamma, row_norms, up
from .verified import frobenius, least_singular_value, spectral_norm


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


def sensitivity_bounds(jacobian: Jet, input_jacobian: Jet, rank: int) -> SensitivityBounds:
    """Bound the singular values of S at the fixed point.

    Args:
        jacobian: jet of f in the state's own coordinates, on a ball that contains the fixed point.
        input_jacobian: jet of f by the input, for all states of that ball.
        rank: k.
    """
    n = jacobian.mid.size
    j, k = (_matrix(jet, n) for jet in (jacobian, input_jacobian))
    left = np.eye(n) - j
    approximate = scipy.linalg.solve(left, k)
    residual = k - left @ approximate
    size = spectral_norm(approximate)
    rounded = gamma(n + 4) * (frobenius(left) * frobenius(approximate) + 2 * frobenius(k))
    defect = up(frobenius(residual) + rounded + _error(input_jacobian) + _error(jacobian) * size, 4)
    error = up(inverse_norm(left, _error(jacobian)) * defect, 2)
    gram = approximate @ approximate.T
    _, vectors = scipy.linalg.eigh(gram, subset_by_index=[n - rank, n - 1])
    part = vectors.T @ approximate
    lost = gamma(n) * frobenius(vectors) * frobenius(approximate)
    least = (least_singular_value(part) - lost) / spectral_norm(vectors)
    return SensitivityBounds(rank, max(least * (1 - 1e-14) - error, 0.0), up(size + error, 2))


def inverse_norm(matrix: Array, error: float) -> float:
    """A bound of |A^{-1}|_2 for every A with |A - matrix|_2 <= error; infinite if none is proved.

    Args:
        matrix: (n, n).
        error: radius in the spectral norm.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.sensitivity import inverse_norm
        >>> 0.5 <= inverse_norm(2 * np.eye(2), 1e-9) < 0.51
        True
    """
    n = len(matrix)
    inverse = scipy.linalg.inv(matrix)
    size = spectral_norm(inverse)
    rest = frobenius(np.eye(n) - inverse @ matrix)
    rounded = gamma(n + 2) * frobenius(inverse) * frobenius(matrix) + n * gamma(1)
    defect = up(rest + rounded + size * error, 3)
    return up(size / (1 - defect), 2) if defect < 1 else np.inf


def _matrix(jet: Jet, n: int) -> Array:
    assert jet.gradient is not None
    return jet.gradient.reshape(n, -1)


def _error(jet: Jet) -> float:
    """A bound of the distance of the true Jacobian from the midpoint in the spectral norm."""
    return float(row_norms(jet.block.ravel()))
