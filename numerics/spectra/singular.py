"""Largest singular values of J and of its powers, from products with J and J^T.

Each value comes with the residual of its singular pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from .linearisation import INVARIANT, TINY, Linearisation, Measurement, Product
from .of_loop import of_loop


@dataclass(frozen=True)
class OperatorNorm(Measurement):
    """The 2-norm of a linear map A, as measured by a singular pair.

    Args:
        value: norm(A v) for a unit vector v; a lower bound of the norm.
        residual: norm(A* u - value v)/value with u = A v/value.
        products: number of products with J, J^T, K and K^T.
        converged: whether the residual meets the tolerance.
    """


@dataclass(frozen=True)
class TransientGrowth(Measurement):
    """The largest norm of a power of J.

    Args:
        value: the maximum of `norms`.
        residual: the largest residual of a singular pair among the powers.
        products: number of products with J and J^T.
        converged: whether the residual meets the tolerance.
        at: the power t at which the maximum is reached.
        norms: norm(J^t)_2 for t = 0, 1, ...
        settled: whether the last norm is below 1. Then `value` is the maximum over all powers,
            because norm(J^(t + k)) <= norm(J^t) norm(J^k).
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


@of_loop
def largest_singular_value(j: Linearisation, *, tol: float = 1e-8, seed: int = 0) -> OperatorNorm:
    """Measure norm(J)_2, the largest growth of a small perturbation in one iteration.

    The method is Golub-Kahan bidiagonalisation with full orthogonalisation.

    Args:
        j: the linearisation at a state; or three arguments, a loop, the state and the input.
        tol: largest relative residual of the singular pair; default 1e-8. It is raised to ten
            times the error of the products where these are differences.
        seed: seed of the start vector; default 0.

    Returns:
        The norm, with its residual and the number of products.

    Raises:
        LoopError: a product has the wrong shape or is not finite.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, largest_singular_value
        >>> a = np.array([[0.5, 3.0], [0.0, 0.5]])
        >>> loop = FunctionLoop(lambda h, e: a @ h + e, np.copy)
        >>> found = largest_singular_value(Linearisation(loop, np.zeros(2), np.zeros(2)))
        >>> bool(abs(found.value - np.linalg.norm(a, 2)) < 1e-8)
        True
    """
    before, tol = j.products, max(tol, 10 * j.error)
    found = top_singular(j, j.adjoint, start_vector(j.n, seed), tol)
    return OperatorNorm(
        found.value, found.residual, j.products - before, found.residual <= 10 * tol
    )


@of_loop
def transient_growth(
    j: Linearisation, steps: int = 50, *, tol: float = 1e-6, budget: int = 10_000, seed: int = 0
) -> TransientGrowth:
    """Measure the norms of the powers of J, up to the first that is below 1.

    These norms bound the growth of a perturbation before it decays. The search at each power
    starts from the right singular vector of the previous one. Power t costs 2 t products for
    every vector that is tried.

    Args:
        j: the linearisation at a state; or three arguments, a loop, the state and the input.
        steps: the largest power; default 50.
        tol: largest relative residual of each singular pair; default 1e-6. It is raised to ten
            times the error of the products where these are differences.
        budget: number of products after which no further power is begun; default 10,000.
        seed: seed of the start vector; default 0.

    Returns:
        The norms of the powers, and their maximum.

    Raises:
        UsageError: `steps` or `budget` is below 1.
        LoopError: a product has the wrong shape or is not finite.

    Example:
        The norm of this nilpotent matrix is 3, and its square vanishes:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, transient_growth
        >>> a = np.array([[0.0, 3.0], [0.0, 0.0]])
        >>> loop = FunctionLoop(lambda h, e: a @ h + e, np.copy)
        >>> growth = transient_growth(Linearisation(loop, np.zeros(2), np.zeros(2)))
        >>> growth.at, growth.settled, bool(abs(growth.value - 3) < 1e-6)
        (1, True, True)
    """
    if steps < 1 or budget < 1:
        raise UsageError(
            "transient_growth needs at least one power (steps) and one product (budget), not"
            f" {steps} and {budget}"
        )
    before, tol = j.products, max(tol, 10 * j.error)
    norms, worst, settled = [1.0], 0.0, False
    noise = start_vector(j.n, seed)
    vector = noise
    while len(norms) <= steps and not settled and j.products - before < budget:
        power = len(norms)
        # the noise adds directions that the last power did not need and this one may
        start = vector + 0.1 * noise
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
    """The largest singular value of a real or complex A, by bidiagonalisation from a unit vector.

    The bases satisfy A V = U B and A* U = V B* + rest, and both are kept orthogonal. The search
    ends after `most` steps at the latest. The residual is recomputed from the vector.
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
        if alpha > INVARIANT * max(float(np.abs(b).max()), TINY):
            u[k] = left / alpha
            right = orthogonal_part(adjoint(u[k]), v[: k + 1])
            beta = float(np.linalg.norm(right))
        else:  # an invariant subspace
            beta = 0.0
        closed = beta <= INVARIANT * max(float(np.abs(b).max()), TINY)
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
    for _ in range(2):  # twice is enough for orthogonality to rounding
        c = known.conj() @ w
        if coefficients is not None:
            coefficients += c
        w = w - c @ known
    return w
