"""Largest singular values of J and of its powers from products with J and J^T, each with the
residual of its singular pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from .linearisation import Linearisation, Measurement, Product

TINY = np.finfo(float).tiny


@dataclass(frozen=True)
class Norm(Measurement):
    """A 2-norm norm(A): `value` = norm(A v) for a unit v, a lower bound; `residual` = norm(A* u -
    value v)/value, u = A v/value.
    """


@dataclass(frozen=True)
class TransientGrowth(Measurement):
    """`value` = max norm(J^t)_2 over the powers looked at, at power `at`; `norms` for t = 0, 1,
    ...; `residual`: the largest of theirs.

    `settled`: the last of the norms is below 1, so that `value` is the maximum over all powers:
    norm(J^(t + k)) <= norm(J^t) norm(J^k).
    """

    at: int
    norms: Array
    settled: bool


@dataclass(frozen=True)
class Triple:
    """A singular value with its right vector, and the residual of the pair."""

    value: float
    vector: Array
    residual: float


def largest_singular_value(j: Linearisation, *, tol: float = 1e-8, seed: int = 0) -> Norm:
    """norm(J)_2 by Golub-Kahan bidiagonalisation."""
    before, tol = j.products, max(tol, 10 * j.error)
    found = top_singular(j, j.adjoint, start_vector(j.n, seed), tol)
    return Norm(found.value, found.residual, j.products - before, found.residual <= 10 * tol)


def transient_growth(
    j: Linearisation, steps: int = 50, *, tol: float = 1e-6, budget: int = 10_000, seed: int = 0
) -> TransientGrowth:
    """Growth of the powers of J up to the first norm below 1, at most `steps`; each search starts
    from the last right vector.

    No power is begun once `budget` products are spent: power t costs 2 t products for every vector
    tried.
    """
    if steps < 1 or budget < 1:
        raise UsageError(f"needs at least one power and one product, not {steps} and {budget}")
    before, tol = j.products, max(tol, 10 * j.error)
    norms, worst, settled = [1.0], 0.0, False
    noise = start_vector(j.n, seed)
    vector = noise
    while len(norms) <= steps and not settled and j.products - before < budget:
        power = len(norms)
        start = (
            vector + 0.1 * noise
        )  # a vector that the last power did not need may be the best of this one
        found = top_singular(
            _power(j, power), _power(j.adjoint, power), start / np.linalg.norm(start), tol
        )
        norms.append(found.value)
        vector, worst = found.vector, max(worst, found.residual)
        settled = found.value * (1 + found.residual) < 1
    at = int(np.argmax(norms))
    return TransientGrowth(
        norms[at], worst, j.products - before, worst <= 10 * tol, at, np.array(norms), settled
    )


def _power(product: Product, times: int) -> Product:
    def apply(v: Array) -> Array:
        for _ in range(times):
            v = product(v)
        return v

    return apply


def start_vector(n: int, seed: int) -> Array:
    """A random unit vector."""
    v = np.random.default_rng(seed).standard_normal(n)
    return v / np.linalg.norm(v)


def top_singular(a: Product, adjoint: Product, start: Array, tol: float, most: int = 300) -> Triple:
    """Largest singular value of A, real or complex, by bidiagonalisation from a unit vector: A V =
    U B, A* U = V B* + rest.

    Both bases are kept orthogonal; the residual is recomputed from the vector.
    """
    n = start.size
    most = min(n, most)
    first = a(start)
    v, u, b = (
        np.zeros(shape, start.dtype) for shape in ((most + 1, n), (most, first.size), (most, most))
    )
    v[0], size, y, check = start, 0, np.ones(1), 0
    for k in range(most):
        left = orthogonal_part(a(v[k]) if k else first, u[:k], b[:k, k])
        b[k, k] = alpha = np.linalg.norm(left)
        size = k + 1
        if alpha > 1e-14 * max(float(np.abs(b).max()), TINY):
            u[k] = left / alpha
            right = orthogonal_part(adjoint(u[k]), v[: k + 1])
            beta = float(np.linalg.norm(right))
        else:  # an invariant subspace
            beta = 0.0
        closed = beta <= 1e-14 * max(float(np.abs(b).max()), TINY)
        if closed or size == most or size >= check:
            check = size + max(1, size // 8)
            q, values, p = np.linalg.svd(b[:size, :size])
            y = p[0].conj()
            if closed or beta * abs(q[-1, 0]) <= 0.5 * tol * values[0]:
                break
        if k + 1 < n:
            v[k + 1] = right / beta
    vector = y @ v[:size]
    vector = vector / np.linalg.norm(vector)
    image = a(vector)
    value = float(np.linalg.norm(image))
    if value == 0:
        return Triple(0.0, vector, 0.0)
    back = adjoint(image / value)
    return Triple(value, vector, float(np.linalg.norm(back - value * vector)) / value)


def orthogonal_part(w: Array, known: Array, coefficients: Array | None = None) -> Any:
    """`w` without its part in the rows of `known`; the coefficients are added to `coefficients`."""
    for _ in range(2):
        c = known.conj() @ w
        if coefficients is not None:
            coefficients += c
        w = w - c @ known
    return w
