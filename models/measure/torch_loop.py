"""A loop written in torch as a NumPy `LoopedMap` with exact products of its Jacobians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...numerics.loops.protocol import LoopError
from ..network.transformer import LoopedTransformer

Array = np.ndarray

TWICE = (
    "fused attention cannot be differentiated twice: call"
    " torch.nn.attention.sdpa_kernel(SDPBackend.MATH) inside your step, or measure J^T, which has"
    " the spectrum and the norms of J: Linearisation(loop, h, e).transposed()"
)


class TorchLoop:
    """A loop on tensors, seen from outside as a loop on NumPy arrays.

    It computes in the dtype of the arrays that it is given. Use float64, and move your module to it
    first (`module.double()`). Parameters, gradients and the mode of the module stay as they are.
    All products with derivatives are exact to rounding; they are computed from the step itself.

    Args:
        step: function of the state `h` and the input `e`, tensors, that returns the next state as
            one tensor of the shape of `h`.
        initial: function of `e` that returns the first state.

    Raises:
        LoopError: when it is used and torch cannot compute or differentiate the step; the message
            says why.

    Example:
        >>> import numpy as np, torch
        >>> from loopstab import TorchLoop, diagnose
        >>> loop = TorchLoop(lambda h, e: 0.5 * torch.tanh(h) + e, torch.zeros_like)
        >>> e = np.ones(3)
        >>> str(diagnose(loop, e, loops=100).outcome)
        'fixed-point'
        >>> loop.jvp(np.zeros(3), e, np.ones(3))
        array([0.5, 0.5, 0.5])
    """

    def __init__(
        self, step: Callable[[Tensor, Tensor], Tensor], initial: Callable[[Tensor], Tensor]
    ):
        self._step, self._initial = step, initial

    @classmethod
    def of(cls, model: LoopedTransformer) -> TorchLoop:
        """The loop of a `LoopedTransformer`; `e` is an embedding, (batch, cells, width)."""
        return cls(model.step, model.initial)

    @property
    def torch_step(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The step on tensors."""
        return self._step

    def step(self, h: Array, e: Array) -> Array:
        """The next state."""
        with torch.no_grad():
            return _numpy(_called(self._step, _tensor(h), _tensor(e)))

    def initial(self, e: Array) -> Array:
        """The first state for an input."""
        with torch.no_grad():
            return _numpy(_called(self._initial, _tensor(e))).copy()

    def linearize(self, h: Array, e: Array) -> Record:
        """The step at (h, e), recorded once for any number of products."""
        return Record(self._step, h, e)

    def jvp(self, h: Array, e: Array, v: Array) -> Array:
        """J v at (h, e)."""
        return self.linearize(h, e)(v)

    def vjp(self, h: Array, e: Array, u: Array) -> Array:
        """J^T u at (h, e)."""
        return self.linearize(h, e).adjoint(u)

    def input_jvp(self, h: Array, e: Array, v: Array) -> Array:
        """K v at (h, e)."""
        return self.linearize(h, e).input_product(v)

    def input_vjp(self, h: Array, e: Array, u: Array) -> Array:
        """K^T u at (h, e)."""
        return self.linearize(h, e).input_adjoint(u)


class Record:
    """One recorded step, and products with J = D_h step and K = D_e step at (h, e).

    J^T u and K^T u are one backward pass each. They are linear in u, so the derivative of <J^T u,
    v> by u is J v. That is reverse mode twice: forward mode falls back to slow Python
    decompositions for element-wise products. It needs second derivatives, which fused attention
    does not have; `LoopError` then says what to do. A step that loses its gradient is an error, and
    not a derivative of zero.
    """

    def __init__(self, step: Callable[[Tensor, Tensor], Tensor], h: Array, e: Array):
        self._step = step
        self._at = {"state": _tensor(h).requires_grad_(), "input": _tensor(e)}
        if self._at["input"].is_floating_point():
            self._at["input"].requires_grad_()
        with torch.enable_grad():
            self._out = _called(step, *self._at.values())
            self._u = torch.zeros_like(self._out, requires_grad=True)
        self._pulled: dict[str, Tensor | None] = {}
        self._constant: set[str] = set()

    def __call__(self, v: Array) -> Array:
        """J v."""
        return self._push("state", v)

    def adjoint(self, u: Array) -> Array:
        """J^T u."""
        return self._pull("state", u)

    def input_product(self, v: Array) -> Array:
        """K v."""
        return self._push("input", v)

    def input_adjoint(self, u: Array) -> Array:
        """K^T u, in the shape of the input."""
        return self._pull("input", u)

    def _pull(self, name: str, u: Array) -> Array:
        found = _gradient(
            self._out, self._at[name], _tensor(u).reshape(self._out.shape), retain_graph=True
        )
        return self._zeros(name, self._at[name]) if found is None else _numpy(found)

    def _push(self, name: str, v: Array) -> Array:
        if name not in self._pulled:
            with torch.enable_grad():
                self._pulled[name] = _gradient(
                    self._out, self._at[name], self._u, create_graph=True
                )
        pulled = self._pulled[name]
        if pulled is None:
            return self._zeros(name, self._out)
        # no path from u: J^T u is 0 whatever u, as for a step that multiplies by 0
        found = _gradient(pulled, self._u, _tensor(v).reshape(pulled.shape), retain_graph=True)
        return (
            np.zeros(self._out.shape, _numpy(self._out).dtype) if found is None else _numpy(found)
        )

    def _zeros(self, name: str, like: Tensor) -> Array:
        """The product where torch sees no dependence, which is zero if a second call of the step
        confirms that there is none.
        """
        if name not in self._constant:
            with torch.no_grad():
                moved = _called(
                    self._step, *(t + 1 if key == name else t for key, t in self._at.items())
                )
            if not torch.equal(moved, self._out):
                raise LoopError(
                    f"the step loses the gradient by its {name}: take torch.no_grad, detach or"
                    " NumPy out of the step"
                )
            self._constant.add(name)
        return np.zeros(like.shape, _numpy(self._out).dtype)


def _called(function: Callable[..., Any], *arguments: Tensor) -> Tensor:
    try:
        out = function(*arguments)
    except RuntimeError as error:
        raise LoopError(
            f"torch cannot compute the step ({_reason(error)}): check dtype (module.double()),"
            " shapes and in-place changes"
        ) from None
    if not isinstance(out, Tensor):
        raise LoopError(
            f"the function returned {type(out).__name__}, not a tensor: return the new state alone"
        )
    return out


def _gradient(out: Tensor, by: Tensor, seed: Tensor, **options: bool) -> Tensor | None:
    """The gradient of <out, seed>; None where torch sees no dependence."""
    if not (out.requires_grad and by.requires_grad):
        return None
    try:
        (found,) = torch.autograd.grad(out, by, seed, allow_unused=True, **options)
    except RuntimeError as error:
        reason = _reason(error)
        advice = TWICE if "derivative" in reason else "check for in-place changes"
        raise LoopError(f"the step cannot be differentiated ({reason}): {advice}") from None
    return found


def _reason(error: RuntimeError) -> str:
    return " ".join(str(error).split())[:120]


def _numpy(tensor: Tensor) -> Array:
    if tensor.dtype is torch.bfloat16:
        raise LoopError(
            "the step returned bfloat16, which NumPy does not have: measure in float64"
            " (module.double())"
        )
    return tensor.detach().cpu().numpy()


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.array(array, copy=True))
