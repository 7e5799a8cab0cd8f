"""Sizes of J, its powers and its resolvent, from products with J and J^T; each with the residual of its singular pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres

from numerics.loop import Array, LoopError
from numerics.operator import Linearisation

Product = Callable[[Array], Array]


@dataclass(frozen=True)
class Norm:
    """A 2-norm: `value` is a lower bound (|A v| for a unit vector v); `residual` = |A^T A v - value^2 v| / value^2."""

    value: float
    residual: float
    products: int
    converged: bool


@dataclass(frozen=True)
class TransientGrowth:
    """max over k <= steps of |J^k|_2: `value` at power `at`, all `norms` k = 0 ... steps, largest `residual` of them."""

    value: float
    at: int
    norms: Array
    residual: float
    products: int


def largest_singular_value(j: Linearisation, *, tol: float = 1e-8, seed: int = 0) -> Norm:
    """|J|_2 by Lanczos on J^T J."""
    start = j.products
    value, residual = _norm(j, j.adjoint, j.n, tol, seed)
    return Norm(value, residual, j.products - start, residual <= 10 * tol)


def transient_growth(j: Linearisation, steps: int = 50, *, tol: float = 1e-8, seed: int = 0) -> TransientGrowth:
    """Growth of the powers of J, each norm by Lanczos on (J^k)^T J^k."""
    start, norms, worst = j.products, [1.0], 0.0

    def power(f: Product, k: int) -> Product:
        def apply(v: Array) -> Array:
            for _ in range(k):
                v = f(v)
            return v

        return apply

    for k in range(1, steps + 1):
        value, residual = _norm(power(j, k), power(j.adjoint, k), j.n, tol, seed)
        norms.append(value)
        worst = max(worst, residual)
        if value < 1e-14:  # the rest is zero to rounding
            norms += [0.0] * (steps - k)
            break
    found = np.array(norms)
    at = int(np.argmax(found))
    return TransientGrowth(float(found[at]), at, found, worst, j.products - start)


def resolvent_norm(j: Linearisation, z: float = 1.0, *, tol: float = 1e-8, seed: int = 0) -> Norm:
    """|(z I - J)^{-1}|_2 at a real z: Lanczos on the resolvent and its adjoint, each solve by GMRES to tol/100.

    Raises `LoopError` where GMRES does not reach its tolerance (z is an eigenvalue, or nearly).
    """
    start, worst = j.products, [0.0]

    def inverse(v: Array, *, adjoint: bool) -> Array:
        x, reached = _solve(j, v, z, adjoint, tol / 100)
        worst.append(reached)
        return x

    value, residual = _norm(lambda v: inverse(v, adjoint=False), lambda v: inverse(v, adjoint=True), j.n, tol, seed)
    residual = max(residual, *worst)
    return Norm(value, residual, j.products - start, residual <= 10 * tol)


def kreiss_lower(
    j: Linearisation, radii: tuple[float, ...] = (1.003, 1.01, 1.03, 1.1, 1.3, 2.0), *, tol: float = 1e-6, seed: int = 0
) -> float:
    """Lower bound of the Kreiss constant sup (|z| - 1) |(z - J)^{-1}|_2 over abs(z) > 1, from real z of both signs.

    M5: sup_k |J^k|_2 lies between the Kreiss constant and `kreiss_upper` of it.
    """
    return max((r - 1) * resolvent_norm(j, sign * r, tol=tol, seed=seed).value for r in radii for sign in (1, -1))


def solve(j: Linearisation, b: Array, z: float = 1.0, *, adjoint: bool = False, tol: float = 1e-10) -> Array:
    """(z I - J)^{-1} b, or with J^T, by GMRES to a relative residual `tol`, recomputed; `LoopError` if it is missed.

    Products by differences are noisy: with them a residual of 1e-5 passes, and is reported by the callers.
    """
    return _solve(j, b, z, adjoint, tol)[0]


def _solve(j: Linearisation, b: Array, z: float, adjoint: bool, tol: float) -> tuple[Array, float]:
    b = np.asarray(b, dtype=float).ravel()
    apply = j.adjoint if adjoint else j
    operator = LinearOperator((j.n, j.n), matvec=lambda v: z * v.ravel() - apply(v.ravel()), dtype=np.float64)  # type: ignore[call-arg]
    x = np.asarray(gmres(operator, b, rtol=tol, atol=0, restart=min(j.n, 200), maxiter=20)[0])
    size = float(np.linalg.norm(b))
    reached = float(np.linalg.norm(z * x - apply(x) - b)) / size if size else 0.0
    if not reached <= max(10 * tol, 1e-5 if j.product.error else 1e-12):
        raise LoopError(f"GMRES stopped at relative residual {reached:.1e}: {z:g} is nearly an eigenvalue of J; give jvp, or another z")
    return x, reached


def _norm(f: Product, g: Product, n: int, tol: float, seed: int, most: int = 120) -> tuple[float, float]:
    """Largest singular value of f (adjoint g) by Lanczos on g f with full reorthogonalisation; value and relative residual."""
    v = np.random.default_rng(seed).standard_normal(n)
    basis = np.zeros((n, 0))
    v /= np.linalg.norm(v)
    images: list[Array] = []
    vector, residual = v, 0.0
    for k in range(min(n, most)):
        basis = np.column_stack((basis, v))
        images.append(g(f(v)))
        w = images[-1]
        for _ in range(2):
            w = w - basis @ (basis.T @ w)
        size = float(np.linalg.norm(w))
        closed = size <= 1e-13 * float(np.linalg.norm(images[-1]))  # an invariant subspace
        if closed or k < 20 or (k + 1) % 5 == 0 or k + 1 == min(n, most):
            small = basis.T @ np.array(images).T
            values, vectors = np.linalg.eigh((small + small.T) / 2)
            top, vector = max(float(values[-1]), 0.0), basis @ vectors[:, -1]
            residual = float(np.linalg.norm(np.array(images).T @ vectors[:, -1] - top * vector)) / max(top, np.finfo(float).tiny)
            if closed or residual <= tol:
                break
        v = w / size
    return float(np.linalg.norm(f(vector))), residual
