"""The derivative of a block loop at one state: Newton's method to a fixed point, and the spectral
radius and the sensitivity there.
"""

from __future__ import annotations

import numpy as np

from ...arrays import Array
from ...loops.block_loop import BlockLoop
from ...loops.protocol import LoopError
from ...spectra.linearisation import Linearisation
from ...spectra.radius import spectral_radius
from ...spectra.resolvent import Resolvent

DENSE = 256
"""up to this many dimensions (tokens x width) the Jacobian is a matrix, beyond it is known by its
products
"""
NEWTON = 20
RESIDUAL = 1e-11
"""relative step at which Newton's method stops"""
PROBES = 8
"""random changes of the input whose responses are averaged"""


class Tangent:
    """The loop at the state h: its Jacobian J as a matrix up to `DENSE` dimensions, by products
    beyond.
    """

    def __init__(self, loop: BlockLoop, h: Array, e: Array):
        self.loop, self.h, self.e = loop, h, e
        self.products = Linearisation(loop, h, e)
        self.matrix = loop.jacobian(h, e) if h.size <= DENSE else None

    def solve(self, b: Array) -> Array:
        """(I - J)^{-1} of every row of b (m, n)."""
        if self.matrix is not None:
            return np.linalg.solve(np.eye(len(self.matrix)) - self.matrix, b.T).T
        resolvent = Resolvent(self.products)
        return np.array([resolvent(row) for row in b])

    def radius(self) -> float:
        """Spectral radius of J: LAPACK, or Arnoldi; LAPACK too where Arnoldi does not converge."""
        if self.matrix is None and (found := spectral_radius(self.products)).converged:
            return found.value
        return float(
            np.abs(
                np.linalg.eigvals(self.products.dense() if self.matrix is None else self.matrix)
            ).max()
        )

    def sensitivity(self) -> float:
        """The mean of norm(S v)^2/norm(v)^2 over `PROBES` random v: an estimate of tr S S^T over
        the dimensions.
        """
        v = np.random.default_rng(0).standard_normal((PROBES, *self.e.shape))
        response = self.solve(self.loop.input_jvp(self.h, self.e, v).reshape(PROBES, -1))
        return float(np.mean(np.sum(response**2, axis=1) / np.sum(v**2, axis=(1, 2))))


def fixed_point(loop: BlockLoop, h: Array, e: Array) -> Tangent | None:
    """The loop at the fixed point that Newton's method finds from h; None when it finds none."""
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
