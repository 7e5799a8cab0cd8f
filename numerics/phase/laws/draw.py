"""One random loop of the mean-field laws, and the resolvent of its matrix in the eigenbasis.

The laws are invariant under a common scale of all weights, N(a h + sigma G phi(h) + beta e) =
N(alpha h + G phi(h) + t e) with alpha = a/sigma and t = beta/sigma, so one matrix G serves every
sigma, beta and a; its eigenvectors are computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from ...arrays import Array


@dataclass(frozen=True, eq=False)
class RandomDraw:
    """The matrix G, the input e and the start of the orbit of one random loop.

    G has independent N(0, 1/d) entries; e and the start are Gaussian, scaled to the norm sqrt(d).
    """

    matrix: Array
    e: Array
    start: Array

    @property
    def width(self) -> int:
        """d."""
        return len(self.e)

    @cached_property
    def resolvent(self) -> EigenbasisResolvent:
        """The resolvent of the matrix; its eigenbasis is computed on first use."""
        return EigenbasisResolvent(self.matrix)


@lru_cache(maxsize=2)
def random_draw(width: int, seed: tuple[int, ...]) -> RandomDraw:
    """The draw of that seed.

    It is kept, with its eigenbasis, while the cells of one matrix are measured.
    """
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((width, width)) / np.sqrt(width)
    e, start = rng.standard_normal((2, width))
    root = np.sqrt(width)
    return RandomDraw(matrix, root * e / np.linalg.norm(e), root * start / np.linalg.norm(start))


class EigenbasisResolvent:
    """(w - G)^{-1} at K shifts w at once: matrix products in the eigenbasis G = V diag(values)
    V^{-1} in place of K factorisations.

    The condition of V costs digits: callers check residuals with G itself.
    """

    def __init__(self, matrix: Array):
        self.matrix = matrix
        values, right = np.linalg.eig(matrix)
        self.values, self.right = values.astype(complex), right.astype(complex)
        self.left = np.linalg.inv(self.right)
        self._gram = (self.right.conj().T @ self.right) * (self.left @ self.left.conj().T).T
        self.norm = float(np.linalg.norm(matrix, 2))

    def coordinates(self, x: Array) -> Array:
        """V^{-1} x for x (d,) or (d, K)."""
        return self.left @ x

    def apply(self, w: Array, x: Array) -> Array:
        """(w - G)^{-1} x for real w (K,) and x (d,) or (d, K): (d, K)."""
        x = x[:, None] if x.ndim == 1 else x
        return (self.right @ ((self.left @ x) / (w - self.values[:, None]))).real

    def adjoint(self, w: Array, x: Array) -> Array:
        """(w - G)^{-T} x, shapes as in `apply`."""
        return (self.left.T @ ((self.right.T @ x) / (w - self.values[:, None]))).real

    def frobenius2(self, w: Array) -> Array:
        """Squared Frobenius norm of (w - G)^{-1} at each w, (K,)."""
        z = 1 / (w - self.values[:, None])
        return np.einsum("ik,ik->k", z.conj(), self._gram @ z).real
