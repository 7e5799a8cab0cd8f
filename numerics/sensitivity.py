"""Input sensitivity S = (I - J)^{-1} K at a fixed point, matrix-free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.loop import Array, LoopError
from numerics.operator import Linearisation
from numerics.singular import solve


@dataclass(frozen=True)
class Sensitivity:
    """`value` = S v (or S^T u); `residual` of the linear system, relative; `fixed_point`: relative step at the state given.

    The value is dh*/de v only as far as the state is a fixed point.
    """

    value: Array
    residual: float
    fixed_point: float
    products: int


def sensitivity(j: Linearisation, v: Array, *, tol: float = 1e-10) -> Sensitivity:
    """S v for a change v of the input, in the shape of the state."""
    b = j.input_product(v)
    before = j.products
    x = solve(j, b, tol=tol)
    return Sensitivity(x.reshape(j.h.shape), _residual(x - j(x) - b, b), _still(j), j.products - before)


def adjoint_sensitivity(j: Linearisation, u: Array, *, tol: float = 1e-10) -> Sensitivity:
    """S^T u = K^T (I - J^T)^{-1} u, in the shape of the input: the gradient of <u, h*> by e.

    K^T is the loop's `input_vjp(h, e, w)`, or the columns of K where e has at most 2,000 entries.
    """
    u = np.asarray(u, dtype=float).ravel()
    before = j.products
    w = solve(j, u, adjoint=True, tol=tol)
    own = getattr(j.loop, "input_vjp", None)
    if own is not None:
        value = np.asarray(own(j.h, j.e, w.reshape(j.h.shape)))
    elif j.e.size <= 2000:
        value = np.array([j.input_product(column) @ w for column in np.eye(j.e.size)]).reshape(j.e.shape)
    else:
        raise LoopError(f"K^T is needed for an input of {j.e.size} entries: give your loop input_vjp(h, e, w)")
    return Sensitivity(value, _residual(w - j.adjoint(w) - u, u), _still(j), j.products - before)


def _residual(r: Array, b: Array) -> float:
    return float(np.linalg.norm(r) / max(np.linalg.norm(b), np.finfo(float).tiny))


def _still(j: Linearisation) -> float:
    return float(np.linalg.norm(j.loop.step(j.h, j.e) - j.h) / max(np.linalg.norm(j.h), np.finfo(float).tiny))
