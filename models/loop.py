"""A torch loop seen as a NumPy `LoopedMap`, with exact Jacobian products, so that `numerics` can measure it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from models.transformer import LoopedTransformer

Array = np.ndarray


class TorchLoop:
    """Wrap `step(h, e) -> h` and `initial(e) -> h` on tensors; states and inputs are NumPy arrays outside.

    Computes in the dtype of the arrays given (float64 recommended: move the module there first). `jvp` uses forward mode;
    a step that contains fused attention has none, then torch's error names it: call
    torch.nn.attention.sdpa_kernel(SDPBackend.MATH) inside your step. Parameters, gradients and mode are left alone.
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

    def jvp(self, h: Array, e: Array, v: Array) -> Array:
        """J v with J = D_h step at (h, e), exact to rounding."""
        fixed = _tensor(e)
        with torch.no_grad():
            pair = torch.func.jvp(lambda state: self._step(state, fixed), (_tensor(h),), (_tensor(v),))
        return pair[1].numpy()


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.array(array, copy=True))
