"""The linear systems of Newton's method for f(h) = h: (I - J) s = f(h) - h."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres

from ..arrays import Array
from ..spectra.linearisation import DENSE, TINY, Linearisation, Product

EPS = float(np.finfo(np.float64).eps)
NOISY = 10.0
"""A singular value of I - J below this many errors of the products may be zero."""
SPACE, FEWEST, CYCLES = 2**24, 60, 3
"""Numbers that a basis of GMRES may hold, its least vectors, and the number of restarts."""


def newton_steps(j: Linearisation, defect: Array, tol: float, most: int) -> Iterator[Array]:
    """Newton steps to be tried, the safest first.

    Up to 64 dimensions, where I - J is singular, that is the step of minimum norm, and then the one
    that takes its small singular values for exact, as is right at a critical point.

    Args:
        j: the linearisation at the state.
        defect: f(h) - h, flat.
        tol: relative residual of the linear system beyond 64 dimensions.
        most: number of products with J that may be spent there.
    """
    n = j.n
    if n > DENSE:
        yield krylov_solution(lambda v: v - j(v), defect, tol, most)
        return
    u, values, vt = np.linalg.svd(np.eye(n) - j.dense())
    along = u.T @ defect
    kept = values > noise(j)
    if not kept.all():
        yield vt[kept].T @ (along[kept] / values[kept])
    yield vt.T @ (along / np.maximum(values, n * EPS * values[0] + TINY))


def krylov_solution(product: Product, right: Array, tol: float, most: int) -> Array:
    """An approximate solution of a linear system by GMRES, with about `most` products at most.

    Its relative residual is `tol`, if the products suffice.
    """
    make: Any = LinearOperator  # its stub lacks the keywords
    n = right.size
    operator = make((n, n), matvec=product, dtype=float)
    vectors = max(1, min(n, max(SPACE // n, FEWEST), most))
    cycles = max(1, min(CYCLES, most // vectors))
    return gmres(operator, right, rtol=tol, atol=0.0, restart=vectors, maxiter=cycles)[0]


def noise(j: Linearisation) -> float:
    """The size below which a singular value of I - J may be zero, from the dense J."""
    size = float(np.linalg.norm(j.dense()))
    return j.n * EPS * (1 + size) + NOISY * j.error * size
