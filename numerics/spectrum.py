"""Spectral radius of a loop Jacobian from Jacobian products: Arnoldi for large states, LAPACK for small ones.

A real power iteration does not converge on the complex pairs that dominate most loop Jacobians; Arnoldi does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigs

from numerics.loop import Array, LoopedMap, LoopError, advance

DENSE = 64
"""Up to this many dimensions the Jacobian is built column by column and given to LAPACK."""


class JacobianProduct:
    """v -> D_h step(h, e) v on flat vectors; the loop's own `linearize` or `jvp` where it has one, central differences otherwise.

    The difference step is eps^(1/3) of the state's scale; `error` estimates the relative error of a product from two step
    sizes (0 for a derivative of the loop's own).
    """

    def __init__(self, loop: LoopedMap, h: Array, e: Array):
        self.loop, self.h, self.e = loop, np.array(h, copy=True), e
        self.products = 0
        own = getattr(loop, "linearize", None)
        jvp = getattr(loop, "jvp", None)
        self._own: Callable[[Array], Array] | None = None
        if own is not None:
            self._own = own(self.h, e)
        elif jvp is not None:
            self._own = lambda v: jvp(self.h, e, v)
        self.method = "central difference" if self._own is None else "linearize" if own is not None else "jvp"
        base = float(np.finfo(self.h.dtype).eps) ** (1 / 3)
        self._delta = base * max(1.0, float(np.sqrt(np.mean(np.square(self.h)))))
        if not np.isfinite(advance(loop, self.h, e)).all():
            raise LoopError("step returns NaN or infinity at this state: there is no Jacobian; give a state inside the map's domain")
        self.error = 0.0 if self._own is not None else self._estimate()

    def __call__(self, v: Array) -> Array:
        """J v for a flat real vector v."""
        self.products += 1
        v = np.asarray(v, dtype=self.h.dtype).reshape(self.h.shape)
        if self._own is not None:
            return np.asarray(self._own(v)).ravel().astype(np.float64)
        return self._difference(v, self._delta)

    def _difference(self, v: Array, delta: float) -> Array:
        size = float(np.sqrt(np.mean(np.square(v))))
        if size == 0:
            return np.zeros(v.size)
        d = delta / size
        plus, minus = (self.loop.step(self.h + s * d * v, self.e) for s in (1, -1))
        return ((plus - minus).ravel() / (2 * d)).astype(np.float64)

    def _estimate(self) -> float:
        v = np.random.default_rng(0).standard_normal(self.h.shape).astype(self.h.dtype)
        a, b = self._difference(v, self._delta), self._difference(v, 2 * self._delta)
        return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), np.finfo(float).tiny))


@dataclass(frozen=True)
class SpectralRadius:
    """`value` = abs(`eigenvalue`), the largest found; `residual` = norm(J v - lambda v)/norm(v) recomputed from the pair.

    `converged` is False when ARPACK gave up: then the value is a lower bound by its best Ritz pair, as the residual shows.
    `derivative` says where products come from, `derivative_error` their estimated relative error.
    """

    value: float
    eigenvalue: complex
    residual: float
    products: int
    converged: bool
    derivative: str
    derivative_error: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        out = dict(self.__dict__)
        out["eigenvalue"] = [self.eigenvalue.real, self.eigenvalue.imag]
        return out


def spectral_radius(loop: LoopedMap, h: Array, e: Array, *, k: int = 6, tol: float = 1e-10, seed: int = 0) -> SpectralRadius:
    """Spectral radius of D_h step at (h, e). Raises `LoopError` when the step is not finite there."""
    product = JacobianProduct(loop, np.asarray(h), e)
    n = product.h.size
    converged = True
    if n <= DENSE:
        values, vectors = np.linalg.eig(np.column_stack([product(column) for column in np.eye(n)]))
    else:
        values, vectors, converged = _arnoldi(product, n, k, tol, seed)
    vectors = np.asarray(vectors, dtype=complex)
    best = int(np.argmax(np.abs(values)))
    value, vector = complex(values[best]), vectors[:, best]
    image = product(np.real(vector)) + 1j * product(np.imag(vector))
    residual = float(np.linalg.norm(image - value * vector) / np.linalg.norm(vector))
    return SpectralRadius(abs(value), value, residual, product.products, converged, product.method, product.error)


def _arnoldi(product: JacobianProduct, n: int, k: int, tol: float, seed: int) -> tuple[Array, Array, bool]:
    operator = LinearOperator((n, n), matvec=product, dtype=np.float64)  # type: ignore[call-arg]
    v0 = np.random.default_rng(seed).standard_normal(n)
    image = product(v0)
    if not image.any():  # ARPACK cannot start from the kernel; a random vector lies in it only when J = 0
        return np.zeros(1), v0[:, None], True
    for ncv in (min(n, 10 * k), min(n, 30 * k)):
        try:
            found: Any = eigs(operator, k=k, which="LM", v0=image, ncv=ncv, tol=tol, maxiter=200)  # type: ignore[arg-type]  # stubs say int
            return found[0], found[1], True
        except ArpackNoConvergence as error:
            values, vectors = error.eigenvalues, error.eigenvectors
        except ArpackError:  # no shifts could be applied: a (nearly) nilpotent Jacobian
            values, vectors = np.zeros(0), np.zeros((n, 0))
    if len(values):
        return values, vectors, False
    return np.array([image @ v0 / (v0 @ v0)]), v0[:, None], False
