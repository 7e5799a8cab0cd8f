"""Gradients through the last k iterations at a limit, against the implicit gradient (N9, N10).

At a limit every iteration has the same derivatives J = D_h f and P = D_theta f. The gradient of the
loss through the last k iterations is then P^T (1 + J^T + ... + (J^T)^{k-1}) g with the gradient g
of the loss by the state, and the implicit gradient is P^T (1 - J^T)^{-1} g: no iteration has to be
stored. The parameters are those that act through the state, not those of the head, whose gradient
does not depend on k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...numerics.arrays import Array
from ...numerics.loops.protocol import LoopError
from ...numerics.spectra.resolvent import kreiss_lower
from ..loops.equilibrium_solvers import solve_adjoint
from ..network.transformer import LoopedTransformer
from ..tasks.task import Task
from .measured_points import Limit, linearised

MOST = 64
"""The largest number of iterations through which a gradient is taken."""
SHOWN = (1, 2, 4, 8, 16, 32, 64)
FLOOR = 1e-8
"""Relative error below which rounding disturbs the fit."""


@dataclass(frozen=True)
class TruncationErrors:
    """Relative errors of truncated gradients at one limit.

    Attributes:
        norm: norm of the implicit gradient.
        residual: relative residual of its linear system.
        errors: |G_k - G| / |G| for k = 0, ..., `MOST`.
    """

    norm: float
    residual: float
    errors: Array

    def fit(self) -> tuple[float, float] | None:
        """C and q of the law C q^k, fitted to the later half of the errors above `FLOOR`.

        None where fewer than four errors are left.
        """
        below = np.flatnonzero(self.errors <= FLOOR)
        end = int(below[0]) if len(below) else len(self.errors)
        k = np.arange(end // 2, end)
        if len(k) < 4:
            return None
        slope, start = np.polyfit(k, np.log(self.errors[k]), 1)
        return float(np.exp(start)), float(np.exp(slope))

    def to_json(self) -> dict[str, Any]:
        """The errors at the numbers `SHOWN`, and the fitted law."""
        fitted = self.fit()
        return {
            "norm": self.norm,
            "residual": self.residual,
            "errors": {str(k): float(self.errors[k]) for k in SHOWN},
            "constant": None if fitted is None else fitted[0],
            "factor": None if fitted is None else fitted[1],
        }


def truncation_errors(
    model: LoopedTransformer, task: Task, x: Tensor, target: Tensor, h: Array
) -> TruncationErrors | None:
    """Compare truncated gradients with the implicit one.

    Args:
        model: the network, in float64.
        task: the task, whose loss is differentiated.
        x: one input, (1, cells, channels).
        target: its targets, (1, cells).
        h: the limit of its orbit, (1, cells, width).

    Returns:
        The errors; None where the gradient vanishes or is not finite.
    """
    parameters = [p for name, p in model.named_parameters() if not name.startswith("head")]
    wanted = [p.requires_grad for p in parameters]
    for p in parameters:
        p.requires_grad_(True)
    try:
        state = torch.from_numpy(h).clone().requires_grad_()
        (g,) = torch.autograd.grad(task.loss(model.head(state), target), state)
        image = model.step(state, model.encode(x))

        def products(u: Tensor) -> tuple[Tensor, Tensor]:
            """J^T u, and P^T u as one vector."""
            found = torch.autograd.grad(
                image, [state, *parameters], u, retain_graph=True, materialize_grads=True
            )
            return found[0], torch.cat([part.flatten() for part in found[1:]])

        def adjoint(u: Tensor) -> Tensor:
            found = torch.autograd.grad(image, state, u.view_as(state), retain_graph=True)
            return found[0].flatten()

        solved = solve_adjoint(adjoint, g.flatten(), 1e-11, 2000)
        exact = products(solved.value.view_as(state))[1]
        size = float(exact.norm())
        if not 0 < size < np.inf:
            return None
        errors, rest, u = [1.0], exact, g
        for _ in range(MOST):
            u, part = products(u)
            rest = rest - part
            errors.append(float(rest.norm()) / size)
    finally:
        for p, flag in zip(parameters, wanted, strict=True):
            p.requires_grad_(flag)
    return TruncationErrors(size, solved.residual, np.array(errors))


def kreiss_at(model: LoopedTransformer, limit: Limit) -> float | None:
    """A lower bound of the Kreiss constant at a limit; None where it is infinite or unknown."""
    try:
        return kreiss_lower(linearised(model, limit), tol=1e-3).value
    except LoopError:
        return None
