"""The fixed point of a loop as a layer: implicit gradients, as in deep equilibrium models."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import optree
import torch
from torch import Tensor

from ...numerics.loops.protocol import LoopError
from ...numerics.loops.structure import NAMESPACE
from .equilibrium_solvers import MEMORY, EquilibriumSolution, iterate, solve_adjoint
from .tensor_structure import TensorStructure, to_tensor
from .torch_loop import TorchLoop

TOLERANCE = 1e3
"""Default tolerance in units of the machine epsilon of the state."""
CLOSEST = 1e-3
"""How far rho may be above 1 by rounding of its estimate."""


class FixedPointWarning(UserWarning):
    """A fixed point or its gradient is not what it should be; the message has the numbers.

    Args:
        message: what was found.
        residual: the relative residual of the equation that was solved.
        rho: the estimated spectral radius of J at the solution; None if it was not seen.

    Example:
        >>> from loopstab import FixedPointWarning
        >>> FixedPointWarning("no fixed point", residual=0.1).residual
        0.1
    """

    def __init__(self, message: str, residual: float = float("nan"), rho: float | None = None):
        super().__init__(message)
        self.residual, self.rho = residual, rho


def fixed_point(
    loop: TorchLoop,
    e: Any = None,
    *,
    tol: float | None = None,
    limit: int = 500,
    h: Any = None,
    solver: Literal["anderson", "iteration"] = "anderson",
) -> Any:
    """The state h = step(h, e), with its exact gradients by the parameters of the step and by e.

    The backward pass solves (I - J^T) u = g by GMRES, J being the derivative of the step at the
    fixed point (Bai, Kolter and Koltun 2019, Deep Equilibrium Models); no iteration is stored. The
    step is called as it is, in training mode if the model is in it, so keep randomness out of it.
    Second derivatives are not available.

    Args:
        loop: the loop.
        e: its input, of tensors; gradients go to those that require them.
        tol: the largest relative residual of the fixed point and of the linear system; default
            None: 1000 roundings of the state.
        limit: the largest number of evaluations of the step, and of products with J^T; default 500.
        h: a state to start from, for example the fixed point for similar parameters; default None:
            the first state of the loop.
        solver: "anderson", acceleration with a memory of 5, or "iteration" of the loop itself;
            default "anderson".

    Returns:
        The state in the structure of the loop, of tensors.

    Raises:
        LoopError: the step depends on the time, or it fails.

    Warns:
        FixedPointWarning: the fixed point is not reached; it repels (rho >= 1), which is seen in
            the backward pass; or the linear system is not solved.

    Example:
        >>> import torch
        >>> from loopstab import TorchLoop, fixed_point
        >>> a = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        >>> loop = TorchLoop(lambda h, e: a * h + e, torch.zeros_like)
        >>> z = fixed_point(loop, torch.ones(1, dtype=torch.float64))
        >>> z.backward()
        >>> round(z.item(), 9), round(a.grad.item(), 9)
        (2.0, 4.0)
    """
    if loop.timed:
        raise LoopError("the step depends on the time, so it has no fixed point: freeze it, at(t)")
    if solver not in ("anderson", "iteration"):
        raise LoopError(f"there is no solver {solver!r}: choose 'anderson' or 'iteration'")
    inputs = _placed(e, loop.device(e))
    state = loop.bare_start(inputs) if h is None else h
    layout = TensorStructure(state)
    start = layout.pack(state).detach().to(loop.device(e))
    tol = TOLERANCE * torch.finfo(start.dtype).eps if tol is None else tol

    def flat(x: Tensor) -> Tensor:
        return loop.bare_image(layout, x.reshape(start.shape), inputs).reshape(-1)

    memory = MEMORY if solver == "anderson" else 0
    found = iterate(flat, start.reshape(-1), tol, limit, memory)
    if not found.residual <= tol:
        _warn(
            f"no fixed point within {limit} evaluations: the relative residual is"
            f" {found.residual:.1e}, above {tol:.1e}; diagnose the loop, or raise limit or tol",
            found,
        )
    if not torch.is_grad_enabled():
        return layout.unpack(found.value.reshape(start.shape))
    point = found.value.detach().requires_grad_()
    image = flat(point)
    if not image.requires_grad:
        return layout.unpack(image.reshape(start.shape))
    out = image.clone()  # the hook is not on the image, whose products with J^T it needs

    def adjoint(g: Tensor | None) -> Tensor | None:
        if g is None:  # no gradient arrives
            return None
        if torch.is_grad_enabled():
            raise LoopError("second derivatives of a fixed point are not available")
        return _implicit(image, point, g, tol, limit)

    out.register_hook(adjoint)
    return layout.unpack(out.reshape(start.shape))


def _implicit(image: Tensor, point: Tensor, g: Tensor, tol: float, limit: int) -> Tensor:
    """The solution of (I - J^T) u = g."""

    def product(u: Tensor) -> Tensor:
        (found,) = torch.autograd.grad(image, point, u, retain_graph=True, allow_unused=True)
        return torch.zeros_like(u) if found is None else found

    solved = solve_adjoint(product, g, tol, limit)
    if not solved.residual <= tol:
        rho = "" if solved.rho is None else f", rho of J about {solved.rho:.3g}"
        _warn(
            "the linear system of the gradient is not solved: its relative residual is"
            f" {solved.residual:.1e}, above {tol:.1e}{rho}; raise limit or tol",
            solved,
        )
    if solved.rho is not None and solved.rho >= 1 + CLOSEST:
        _warn(
            f"the fixed point repels: rho of J is about {solved.rho:.3g}, so the loop itself does"
            " not go there; regularise J, or train with fewer iterations",
            solved,
        )
    return solved.value


def _warn(text: str, found: EquilibriumSolution) -> None:
    warnings.warn(FixedPointWarning(text, found.residual, found.rho), stacklevel=3)


def _placed(e: Any, device: torch.device) -> Any:
    """An input of tensors on a device, with their gradients."""
    return optree.tree_map(
        lambda leaf: leaf.to(device) if isinstance(leaf, Tensor) else to_tensor(leaf, device),
        e,
        namespace=NAMESPACE,
    )
