"""Proved bounds of norms and singular values of matrices of doubles.

A bound is first guessed in floating point and then proved: a Cholesky factorisation that runs to
its end proves that a symmetric matrix is positive definite up to a bounded error (Higham, Accuracy
and Stability, Theorem 10.3; S. Rump, Verification of positive definiteness, BIT 46, 2006).
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from ..arrays import Array
from .rounding import UNIT, gamma, row_norms, up

TRIES = 12
"""Attempts to prove a bound, each with 16 times the slack of the last."""


def frobenius(matrix: Array) -> float:
    """An upper bound of the Frobenius norm.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.verified import frobenius
        >>> 5 <= frobenius(np.array([[3.0, 4.0]])) < 5 + 1e-12
        True
    """
    return float(row_norms(row_norms(matrix)))


def least_eigenvalue(matrix: Array) -> float:
    """A lower bound of the least eigenvalue of a symmetric matrix, -inf if Cholesky fails.

    Args:
        matrix: symmetric to the bit, (n, n); it is overwritten.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.verified import least_eigenvalue
        >>> -1e-14 < least_eigenvalue(np.eye(2)) <= 0, least_eigenvalue(-np.eye(2))
        (True, -inf)
    """
    n = len(matrix)
    trace = float(np.trace(matrix))
    if not np.isfinite(trace):
        return -np.inf
    try:
        scipy.linalg.cholesky(matrix, lower=True, overwrite_a=True)
    except (scipy.linalg.LinAlgError, ValueError):
        return -np.inf
    # |R|_F^2 = trace(R^T R) <= trace(A)/(1 - gamma_{n+1}), since the diagonal of R^T R is that of
    # A up to gamma_{n+1} times itself; two roundings more, since OpenBLAS multiplies by rounded
    # reciprocals where the theorem divides
    g = gamma(n + 3)
    return -up(g / (1 - g) * up(abs(trace), n), 1)


def spectral_norm(matrix: Array) -> float:
    """An upper bound of the spectral norm; infinite where none could be proved.

    Args:
        matrix: (m, n).

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.verified import spectral_norm
        >>> 2 <= spectral_norm(np.diag([1.0, 2.0])) < 2.001
        True
    """
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    m, n = matrix.shape
    size = frobenius(matrix)
    if not np.isfinite(size):
        return np.inf
    scale = 2.0 ** -round(np.log2(size))  # a power of two, so exact
    matrix, size = matrix * scale, size * scale
    gram = matrix.T @ matrix
    gram = (gram + gram.T) / 2
    guess = _largest(gram)
    slack = 1e-12
    for _ in range(TRIES):
        bound = guess * (1 + slack) + 4 * gamma(m + n + 4) * size**2
        shifted = -gram
        shifted[np.diag_indices(n)] += bound
        # the rounding of A^T A is at most gamma_m |A|_F^2 in norm, that of the shift UNIT * bound
        error = up(gamma(m + 2) * size**2 + 2 * UNIT * (bound + size**2), 4)
        least = least_eigenvalue(shifted)
        if np.isfinite(least):
            return float(up(np.sqrt(up(bound + error - least, 2)), 2)) / scale
        slack *= 16
    return np.inf


def _largest(gram: Array) -> float:
    """The largest eigenvalue of a symmetric matrix, in floating point, or a number above it."""
    n = len(gram)
    try:
        return float(scipy.linalg.eigvalsh(gram, subset_by_index=[n - 1, n - 1])[0])
    except scipy.linalg.LinAlgError:  # LAPACK gives up on entries of very different sizes
        return float(np.linalg.norm(gram))
