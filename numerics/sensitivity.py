"""Input sensitivity S = (I - J)^{-1} K at a fixed point, matrix-free: products, adjoint products and norm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from numerics.loop import Array
from numerics.operator import Linearisation, Measurement
from numerics.resolvent import norm_with_solves, solved
from numerics.singular import Norm


@dataclass(frozen=True)
class Sensitivity(Measurement):
    """`value` = S v in the shape of the state, or S^T u in that of the input; `residual` of the linear system, relative.

    `fixed_point`: relative step at the state given; the value is dh*/de v only as far as that is 0.
    """

    fixed_point: float


def sensitivity(j: Linearisation, v: Array, *, tol: float = 1e-10) -> Sensitivity:
    """S v for a change v of the input."""
    before = j.products
    x, residual = solved(j, j.input_product(v), 1.0, False, tol)
    return _result(j, x.reshape(j.h.shape), residual, before, tol)


def adjoint_sensitivity(j: Linearisation, u: Array, *, tol: float = 1e-10) -> Sensitivity:
    """S^T u = K^T (I - J^T)^{-1} u: the gradient of <u, h*> by e."""
    before = j.products
    w, residual = solved(j, np.asarray(u, float), 1.0, True, tol)
    return _result(j, j.input_adjoint(w).reshape(j.e.shape), residual, before, tol)


def sensitivity_norm(j: Linearisation, *, tol: float = 1e-6, seed: int = 0) -> Norm:
    """norm(S)_2: the largest change of the fixed point by a unit change of the input."""
    tol = max(tol, 10 * j.error)
    return norm_with_solves(
        lambda inverse, v: inverse(j.input_product(v), False),
        lambda inverse, u: j.input_adjoint(inverse(u, True)),
        j,
        j.e.size,
        1.0,
        tol,
        seed,
    )


def _result(j: Linearisation, value: Array, residual: float, before: int, tol: float) -> Sensitivity:
    noise = max(10 * tol, 10 * j.error)
    return Sensitivity(value, residual, j.products - before, residual <= noise, j.drift)
