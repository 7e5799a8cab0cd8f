"""A torch loop seen as a NumPy `LoopedMap`, with exact Jacobian products, so that `numerics` can measure it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from models.transformer import LoopedTransformer
from numerics.loop import LoopError

Array = np.ndarray


class TorchLoop:
    """Wrap `step(h, e) -> h` and `initial(e) -> h` on tensors; states and inputs are NumPy arrays outside.

    Computes in the dtype of the arrays given (float64 recommended: move the module there first). Jacobian products cost two
    backward passes over one recorded step; fused attention has no second derivative, so `linearize` raises `LoopError` and says
    what to do. Parameters, gradients and mode are left alone.
    """

    def __init__(self, step: Callable[[Tensor, Tensor], Tensor], initial: Callable[[Tensor], Tensor]):
        self._step, self._initial = step, initial

    @classmethod
    def of(cls, model: LoopedTransformer) -> TorchLoop:
        """The loop of one of our models; e is an embedding, (batch, cells, width)."""
        return cls(model.step, model.initial)

    def step(self, h: Array, e: Array) -> Array:
        """One loop."""
        with torch.no_grad():
            return self._step(_tensor(h), _tensor(e)).numpy()

    def initial(self, e: Array) -> Array:
        """The start state of an input."""
        with torch.no_grad():
            return self._initial(_tensor(e)).numpy().copy()

    def linearize(self, h: Array, e: Array) -> Callable[[Array], Array]:
        """v -> J v with J = D_h step at (h, e), exact to rounding; the step is recorded once.

        g(u) = J^T u is linear in u, so the derivative of <g(u), v> by u is J v: reverse mode twice, because forward mode
        falls back to slow Python decompositions for elementwise products.
        """
        with torch.enable_grad():
            state = _tensor(h).requires_grad_()
            out = self._step(state, _tensor(e))
            if not out.requires_grad:
                return lambda v: np.zeros(h.shape, out.detach().numpy().dtype)
            u = torch.zeros_like(out, requires_grad=True)
            (pulled,) = torch.autograd.grad(out, state, u, create_graph=True, materialize_grads=True)

        def product(v: Array) -> Array:
            if not pulled.requires_grad:
                return np.zeros(h.shape, h.dtype)
            try:
                (pushed,) = torch.autograd.grad(pulled, u, _tensor(v).reshape(h.shape), retain_graph=True, materialize_grads=True)
            except RuntimeError as error:
                reason = " ".join(str(error).split())[:120]
                raise LoopError(
                    f"the step cannot be differentiated twice ({reason}): fused attention cannot; call "
                    "torch.nn.attention.sdpa_kernel(SDPBackend.MATH) inside your step"
                ) from None
            return pushed.numpy()

        return product

    def jvp(self, h: Array, e: Array, v: Array) -> Array:
        """J v at (h, e)."""
        return self.linearize(h, e)(v)


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.array(array, copy=True))
