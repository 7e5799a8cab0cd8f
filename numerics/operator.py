"""Jacobians as operators: J v, J^T v where the loop offers `vjp`, K v for the input; the dense twin of a small one."""

from __future__ import annotations

import numpy as np

from numerics.loop import Array, LoopedMap, LoopError
from numerics.spectrum import JacobianProduct

DENSE_ADJOINT = 2000
"""Up to this many dimensions J^T is had from the columns of J where the loop has no `vjp`."""


class Linearisation:
    """J = D_h step at (h, e) with its adjoint, on flat real vectors; counts the products.

    `adjoint_of` says where J^T comes from: "vjp" (the loop's own), or "columns" (J built once by n products, up to
    `DENSE_ADJOINT` dimensions). Beyond that `adjoint` raises `LoopError`: no number is better than a silent one.
    """

    def __init__(self, loop: LoopedMap, h: Array, e: Array):
        self.loop, self.h, self.e = loop, np.asarray(h), np.asarray(e)
        self.product = JacobianProduct(loop, self.h, e)
        self.n = self.h.size
        self._vjp = getattr(loop, "vjp", None)
        self._matrix: Array | None = None
        self._pulls = 0
        self.adjoint_of = "columns" if self._vjp is None else "vjp"

    @property
    def products(self) -> int:
        """Products with J and J^T so far."""
        return self.product.products + self._pulls

    def __call__(self, v: Array) -> Array:
        """J v."""
        return self.product(v)

    def adjoint(self, u: Array) -> Array:
        """J^T u."""
        if self._vjp is not None:
            self._pulls += 1
            return np.asarray(self._vjp(self.h, self.e, np.asarray(u, self.h.dtype).reshape(self.h.shape))).ravel().astype(np.float64)
        if self._matrix is None:
            if self.n > DENSE_ADJOINT:
                raise LoopError(f"J^T is needed at {self.n} dimensions: give your loop vjp(h, e, u), the product of u with J^T")
            self._matrix = self.dense()
        return self._matrix.T @ u

    def dense(self) -> Array:
        """J by its columns, n products."""
        return np.column_stack([self.product(column) for column in np.eye(self.n)])

    def input_product(self, v: Array) -> Array:
        """K v = D_e step(h, e) v by central differences with step eps^(1/3) of the scale of e; v of the shape of e."""
        v = np.asarray(v, dtype=self.e.dtype).reshape(self.e.shape)
        size = float(np.sqrt(np.mean(np.square(v))))
        if size == 0:
            return np.zeros(self.n)
        d = float(np.finfo(self.h.dtype).eps) ** (1 / 3) * max(1.0, float(np.sqrt(np.mean(np.square(self.e))))) / size
        plus, minus = (np.array(self.loop.step(self.h, self.e + s * d * v), copy=True) for s in (1, -1))
        return ((plus - minus).ravel() / (2 * d)).astype(np.float64)
