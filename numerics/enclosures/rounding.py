"""A-priori bounds of the rounding of double arithmetic, after Higham and Rump.

They hold for rounding to nearest and any order of summation, with or without fused
multiply-add, and so for every conventional BLAS: |fl(a . b) - a . b| <= gamma_n |a| . |b| with
gamma_n = n u / (1 - n u) and u = 2^-53 (Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., section 3.1). Underflow is covered by `TINY`, under the root where squares are summed.
"""

from __future__ import annotations

from typing import overload

import numpy as np

from ..arrays import Array

UNIT = 2.0**-53
"""The unit roundoff of doubles."""
TINY = 1e-290
"""More than all underflow errors of an operation on arrays that fit in memory."""


def gamma(n: int) -> float:
    """Higham's gamma_n, rounded up.

    Args:
        n: number of roundings in a row.

    Example:
        >>> from loopstab.numerics.enclosures.rounding import UNIT, gamma
        >>> gamma(4) >= 4 * UNIT
        True
    """
    return n * UNIT / (1 - n * UNIT) * (1 + 4 * UNIT)


@overload
def up(x: float, n: int = 0) -> float: ...
@overload
def up(x: Array, n: int = 0) -> Array: ...
def up(x: float | Array, n: int = 0) -> float | Array:
    """An upper bound of a sum of non-negative terms that was computed in doubles.

    Args:
        x: the computed value or array.
        n: number of terms that were added; each was the product of at most a few factors.

    Returns:
        x, enlarged by more than the roundings of n sums and 16 products, and by `TINY`.

    Example:
        >>> from loopstab.numerics.enclosures.rounding import up
        >>> up(1.0) > 1.0
        True
    """
    return x * (1 + 2 * (n + 16) * UNIT) + TINY


def row_norms(matrix: Array) -> Array:
    """Upper bounds of the 2-norms along the last axis.

    Squares of entries below 1e-154 underflow, so the bound is never below 1e-145.
    """
    n = matrix.shape[-1]
    flat = matrix.reshape(-1, n)
    squares = np.einsum("ij,ij->i", flat, flat) + TINY
    return up(np.sqrt(squares), n).reshape(matrix.shape[:-1])


def operator_norms(matrix: Array) -> Array:
    """Upper bounds of the spectral norms of many matrices, (..., m, n) to (...).

    The bound is the Schatten norm |A A^T A A^T|_F^(1/4), which exceeds the spectral norm by a
    factor of at most m^(1/8).

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.rounding import operator_norms
        >>> 2 <= float(operator_norms(np.diag([1.0, 2.0]))) < 2.04
        True
    """
    if matrix.shape[-1] < matrix.shape[-2]:
        matrix = np.swapaxes(matrix, -1, -2)
    m, n = matrix.shape[-2:]
    gram = matrix @ np.swapaxes(matrix, -1, -2)
    frobenius = row_norms(row_norms(matrix))
    # |fl(G) - G|_F <= gamma_n |A|_F^2, and the same for the square of G
    square = row_norms(row_norms(gram @ gram))
    error = up(gamma(n + m + 4) * 4 * frobenius**4, 4)
    return np.minimum(up(np.sqrt(np.sqrt(square + error)), 4), frobenius)
