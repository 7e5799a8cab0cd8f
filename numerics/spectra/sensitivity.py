"""The input sensitivity S = (I - J)^{-1} K at a fixed point: its products and its norm.

No matrix is formed: each product with S solves one linear system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from .linearisation import Linearisation, Measurement
from .of_loop import of_loop
from .resolvent import Resolvent
from .singular import OperatorNorm, top_singular


@dataclass(frozen=True)
class Sensitivity(Measurement):
    """A product with S or with S^T.

    Args:
        value: S v in the shape of the state, or S^T u in the shape of the input.
        residual: relative residual of the linear system.
        products: number of products with J, J^T, K and K^T.
        converged: whether the residual meets the tolerance.
        fixed_point: relative length of the step at the given state. Only where it is 0 is S the
            derivative dh*/de of the fixed point.
    """

    fixed_point: float


@of_loop
def sensitivity(j: Linearisation, v: Array, *, tol: float = 1e-10) -> Sensitivity:
    """Compute S v, the first-order change of the fixed point for a change v of the input.

    Args:
        j: the linearisation at a fixed point; or three arguments, a loop, the state and the input.
        v: a change of the input, in the shape of e.
        tol: largest relative residual of the linear system; default 1e-10.

    Returns:
        S v in the shape of the state, with the residual of the system.

    Raises:
        LoopError: 1 is nearly an eigenvalue of J, the system stays unsolved, or the loop does not
            offer a product that is needed in so many dimensions.

    Example:
        For h = h/2 + e the fixed point is h* = 2 e:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, sensitivity
        >>> loop = FunctionLoop(lambda h, e: h / 2 + e, np.copy)
        >>> j = Linearisation(loop, np.array([2.0, 0.0]), np.array([1.0, 0.0]))
        >>> np.round(sensitivity(j, np.array([0.0, 1.0])).value, 6)
        array([0., 2.])
    """
    before, inverse = j.products, Resolvent(j, tol=tol)
    value = inverse(j.input_product(v)).reshape(j.h.shape)
    return _result(inverse, value, before)


@of_loop
def adjoint_sensitivity(j: Linearisation, u: Array, *, tol: float = 1e-10) -> Sensitivity:
    """Compute S^T u = K^T (I - J^T)^{-1} u, the gradient of <u, h*> with respect to the input e.

    Args:
        j: the linearisation at a fixed point; or three arguments, a loop, the state and the input.
        u: a direction, in the shape of the state.
        tol: largest relative residual of the linear system; default 1e-10.

    Returns:
        S^T u in the shape of the input, with the residual of the system.

    Raises:
        LoopError: 1 is nearly an eigenvalue of J, the system stays unsolved, or the loop does not
            offer a product that is needed in so many dimensions.

    Example:
        For h = h/2 + e the fixed point is h* = 2 e:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, adjoint_sensitivity
        >>> loop = FunctionLoop(lambda h, e: h / 2 + e, np.copy)
        >>> j = Linearisation(loop, np.array([2.0, 0.0]), np.array([1.0, 0.0]))
        >>> np.round(adjoint_sensitivity(j, np.array([1.0, 3.0])).value, 6)
        array([2., 6.])
    """
    before, inverse = j.products, Resolvent(j, tol=tol)
    value = j.input_adjoint(inverse.adjoint(np.asarray(u, float))).reshape(j.input.shape)
    return _result(inverse, value, before)


@of_loop
def sensitivity_norm(j: Linearisation, *, tol: float = 1e-6, seed: int = 0) -> OperatorNorm:
    """Measure norm(S)_2, the largest change of the fixed point for a unit change of the input.

    Args:
        j: the linearisation at a fixed point; or three arguments, a loop, the state and the input.
        tol: largest relative residual of the singular pair; default 1e-6. It is raised to ten
            times the error of the products where these are differences.
        seed: seed of the start vector; default 0.

    Returns:
        The norm; its residual is the largest of the singular pair's and the linear systems'.

    Raises:
        LoopError: 1 is nearly an eigenvalue of J, the system stays unsolved, or the loop does not
            offer a product that is needed in so many dimensions.

    Example:
        For h = h/2 + e the fixed point is h* = 2 e:

        >>> import numpy as np
        >>> from loopstab import FunctionLoop, Linearisation, sensitivity_norm
        >>> loop = FunctionLoop(lambda h, e: h / 2 + e, np.copy)
        >>> j = Linearisation(loop, np.array([2.0, 0.0]), np.array([1.0, 0.0]))
        >>> round(sensitivity_norm(j).value, 6)
        2.0
    """
    before, tol = j.products, max(tol, 10 * j.error)
    inverse = Resolvent(j, tol=tol / 100)

    def forward(v: Array) -> Array:
        return inverse(j.input_product(v))

    def backward(u: Array) -> Array:
        return j.input_adjoint(inverse.adjoint(u))

    found = top_singular(forward, backward, inverse.start(j.input.size, seed), tol)
    residual = max(found.residual, inverse.worst)
    return OperatorNorm(found.value, residual, j.products - before, residual <= 10 * tol)


def _result(inverse: Resolvent, value: Array, before: int) -> Sensitivity:
    j = inverse.j
    enough = 10 * max(inverse.tol, j.error)
    return Sensitivity(value, inverse.worst, j.products - before, inverse.worst <= enough, j.drift)
