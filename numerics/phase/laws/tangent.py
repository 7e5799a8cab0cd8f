"""A loop linearised at one state: spectral radius, sensitivity, and the fixed points of blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays import Array
from ...loops.block_loop import BlockLoop
from ...loops.protocol import LoopedMap, LoopError
from ...spectra.linearisation import Linearisation
from ...spectra.radius import spectral_radius
from ...spectra.resolvent import Resolvent

DENSE = 256
"""The dimensions (tokens x width) up to which the Jacobian is computed as a matrix."""
NEWTON = 20
"""The most steps of Newton's method."""
RESIDUAL = 1e-11
"""The relative step at which Newton's method stops."""
PROBES = 8
"""The random changes of the input whose responses are averaged."""


class Tangent:
    """The loop at the state h, with its Jacobian J.

    J is a matrix up to `DENSE` dimensions, and known by its products beyond. Blocks have methods
    that compute it, and its products with several vectors, at once; loops of a user do not.
    """

    def __init__(self, loop: LoopedMap, h: Any, e: Any):
        self.loop, self.e = loop, e
        self.products = Linearisation(loop, h, e)
        self.h, self.matrix = self.products.h, None
        if self.h.size <= DENSE:
            block = isinstance(loop, BlockLoop)
            self.matrix = loop.jacobian(self.h, e) if block else self.products.dense()

    def solve(self, b: Array) -> Array:
        """(I - J)^{-1} applied to every row of b (m, n)."""
        if self.matrix is not None:
            return np.linalg.solve(np.eye(len(self.matrix)) - self.matrix, b.T).T
        resolvent = Resolvent(self.products)
        return np.array([resolvent(row) for row in b])

    def radius(self) -> float:
        """The spectral radius of J, by LAPACK, or by Arnoldi's method where J is not a matrix.

        LAPACK is used there too when Arnoldi's method does not converge.
        """
        if self.matrix is None and (found := spectral_radius(self.products)).converged:
            return found.value
        matrix = self.products.dense() if self.matrix is None else self.matrix
        return float(np.abs(np.linalg.eigvals(matrix)).max())

    def sensitivity(self) -> float:
        """The mean of |S v|^2/|v|^2 over `PROBES` random v: an estimate of tr S S^T/dim."""
        v = np.random.default_rng(0).standard_normal((PROBES, *self.products.input.shape))
        if isinstance(self.loop, BlockLoop):
            moved = self.loop.input_jvp(self.h, self.e, v).reshape(PROBES, -1)
        else:
            moved = np.array([self.products.input_product(one) for one in v])
        response = self.solve(moved)
        return float(np.mean(np.sum(response**2, axis=1) / np.sum(v.reshape(PROBES, -1) ** 2, 1)))


def fixed_point(loop: BlockLoop, h: Array, e: Array) -> Tangent | None:
    """The loop at the fixed point that Newton's method finds from h; None if it finds none."""
    with np.errstate(all="ignore"):
        for _ in range(NEWTON):
            try:
                tangent = Tangent(loop, h, e)
                defect = tangent.products.image - h
                if np.linalg.norm(defect) <= RESIDUAL * np.linalg.norm(h):
                    return tangent
                h = h + tangent.solve(defect.reshape(1, -1)).reshape(h.shape)
            except (LoopError, np.linalg.LinAlgError):  # left the domain, or met a singular I - J
                return None
    return None
