"""Coordinates in which a matrix of spectral radius below 1 contracts, and their proved inverse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg

from ..arrays import Array
from .rounding import UNIT, gamma, up
from .verified import frobenius, spectral_norm

SQUARINGS = 40
"""Most squarings of the Stein iteration; 2^40 powers are more than any orbit has."""


@dataclass(frozen=True)
class Coordinates:
    """The norm |y|_2 of y in h = center + directions @ y.

    Args:
        directions: X, (n, n), exact doubles.
        inverse: an approximation Y of X^{-1}, exact doubles.
        defect: a bound of |I - Y X|_2 below 1.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.adapted import Coordinates
        >>> matrix = np.array([[0.5, 10.0], [0.0, 0.5]])  # norm 10, spectral radius 1/2
        >>> c = Coordinates.contracting(matrix, 0.75)
        >>> bool(c.norm_of(matrix @ c.directions) < 0.76)
        True
    """

    directions: Array
    inverse: Array
    defect: float

    @classmethod
    def contracting(cls, matrix: Array, rate: float) -> Coordinates:
        """Coordinates in which the matrix has norm about `rate`, which must exceed its radius.

        They are those of the norm |h|^2 = sum over k of |(matrix/rate)^k h|^2, the solution of a
        Stein equation, which is summed by squaring (claim L1).

        Raises:
            ValueError, LinAlgError: the sum overflows, or is singular to rounding.
        """
        power = matrix / rate
        total = np.eye(len(matrix))
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows has no Cholesky factor
            for _ in range(SQUARINGS):
                added = power.T @ (total @ power)
                total = total + added
                if not np.isfinite(added).all() or np.trace(added) < 1e-3 * np.trace(total):
                    break
                power = power @ power
        factor = scipy.linalg.cholesky((total + total.T) / 2)
        return cls.of(
            np.ascontiguousarray(scipy.linalg.solve_triangular(factor, np.eye(len(matrix)))), factor
        )

    @classmethod
    def of(cls, directions: Array, inverse: Array) -> Coordinates:
        """Bound the defect of an approximate inverse."""
        n = len(directions)
        rest = np.eye(n) - inverse @ directions
        error = gamma(n + 2) * frobenius(inverse) * frobenius(directions) + n * UNIT
        return cls(directions, inverse, up(frobenius(rest) + error, 2))

    @property
    def valid(self) -> bool:
        """Whether the directions are proved to be a basis."""
        return bool(self.defect < 0.5)

    def norm_of(self, image: Array, error: float = 0.0) -> float:
        """A bound of |X^{-1} M|_2 for all M with |M - image|_2 <= error; image is (n, m)."""
        n = len(image)
        product = self.inverse @ image
        rounded = gamma(n) * frobenius(self.inverse) * frobenius(image)
        bound = spectral_norm(product) + rounded + self.inverse_norm * error
        return up(bound / (1 - self.defect), 4)

    def size_of(self, vector: Array, error: float = 0.0) -> float:
        """A bound of |X^{-1} v|_2 for every v with |v - vector|_2 <= error; vector is (n,)."""
        return self.norm_of(vector[:, None], error)

    @property
    def inverse_norm(self) -> float:
        """A bound of |Y|_2."""
        return self._norms[0]

    @property
    def lengths(self) -> tuple[float, float]:
        """c and C with c |y| <= |X y| <= C |y| for all y."""
        y_norm, x_norm = self._norms
        return (1 - self.defect) / y_norm * (1 - 4 * UNIT), x_norm

    @cached_property
    def _norms(self) -> tuple[float, float]:
        """Bounds of |Y|_2 and |X|_2."""
        return spectral_norm(self.inverse), spectral_norm(self.directions)
