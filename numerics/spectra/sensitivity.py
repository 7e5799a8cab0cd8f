"""Input sensitivity S = (I - J)^{-1} K at a fixed point, matrix-free: products, adjoint products
and norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from .linearisation import Linearisation, Measurement
from .resolvent import Resolvent
from .singular import Norm, top_singular


@dataclass(frozen=True)
class Sensitivity(Measurement):
    """`value` = S v in the shape of the state, or S^T u in that of the input; `residual` of the
    linear system, relative.

    `fixed_point`: relative step at the state given; the value is dh*/de v only as far as that is 0.
    """

    fixed_point: float


def sensitivity(j: Linearisation, v: Array, *, tol: float = 1e-10) -> Sensitivity:
    """S v for a change v of the input."""
    before, inverse = j.products, Resolvent(j, tol=tol)
    value = inverse(j.input_product(v)).reshape(j.h.shape)
    return _result(inverse, value, before)


def adjoint_sensitivity(j: Linearisation, u: Array, *, tol: float = 1e-10) -> Sensitivity:
    """S^T u = K^T (I - J^T)^{-1} u: the gradient of <u, h*> by e."""
    before, inverse = j.products, Resolvent(j, tol=tol)
    value = j.input_adjoint(inverse.adjoint(np.asarray(u, float))).reshape(j.e.shape)
    return _result(inverse, value, before)


def sensitivity_norm(j: Linearisation, *, tol: float = 1e-6, seed: int = 0) -> Norm:
    """norm(S)_2: the largest change of the fixed point by a unit change of the input; the residual
    includes those of the systems.
    """
    before, tol = j.products, max(tol, 10 * j.error)
    inverse = Resolvent(j, tol=tol / 100)

    def forward(v: Array) -> Array:
        return inverse(j.input_product(v))

    def backward(u: Array) -> Array:
        return j.input_adjoint(inverse.adjoint(u))

    found = top_singular(forward, backward, inverse.start(j.e.size, seed), tol)
    residual = max(found.residual, inverse.worst)
    return Norm(found.value, residual, j.products - before, residual <= 10 * tol)


def _result(inverse: Resolvent, value: Array, before: int) -> Sensitivity:
    j = inverse.j
    enough = 10 * max(inverse.tol, j.error)
    return Sensitivity(value, inverse.worst, j.products - before, inverse.worst <= enough, j.drift)
