"""The coarsest precision in which a step computes, found from its operations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ...numerics.loops.resolution import Resolution
from .tensor_structure import named
from .torch_advice import tensors

TENSOR_FLOAT = 2.0**-10
"""Machine epsilon of TF32."""
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "linear", "_scaled_dot_product_efficient_attention")
CONVOLUTIONS = ("convolution", "cudnn_convolution")


class Dtypes(TorchDispatchMode):
    """Records in which precision the values that depend on a state are computed.

    Constants, such as tables of positions in float32 inside a step in float64, do not count.

    Args:
        state: the packed state.

    Example:
        >>> import torch
        >>> from loopstab.models.loops.precision import Dtypes
        >>> h = torch.ones(2, dtype=torch.float64)
        >>> with Dtypes(h) as seen:
        ...     _ = h.bfloat16().double() + torch.ones(2)
        >>> seen.resolution(h.dtype)
        Resolution(eps=0.0078125, name='bfloat16')
    """

    def __init__(self, state: Tensor):
        super().__init__()
        self.found: dict[str, float] = {}
        """Machine epsilon by name."""
        self._dependent = {id(state): state}  # alive, so ids stay unique

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        given = [t for t in tensors((args, kwargs or {})) if id(t) in self._dependent]
        if given:
            for tensor in tensors(out):
                self._dependent[id(tensor)] = tensor
                self._note(func.__name__.partition(".")[0], tensor)
        return out

    def _note(self, operation: str, tensor: Tensor) -> None:
        if not (tensor.is_floating_point() or tensor.is_complex()):
            return
        real = tensor.dtype.to_real()
        self.found[named(real)] = torch.finfo(real).eps
        if tensor.device.type == "cuda" and real is torch.float32:
            matmul = operation in PRODUCTS and torch.backends.cuda.matmul.allow_tf32
            if matmul or (operation in CONVOLUTIONS and torch.backends.cudnn.allow_tf32):
                self.found["TF32"] = TENSOR_FLOAT

    def resolution(self, state: torch.dtype) -> Resolution:
        """The coarsest precision found, where it is coarser than the state's dtype."""
        name = max(self.found, key=lambda key: self.found[key], default=None)
        if name is None or self.found[name] <= torch.finfo(state).eps:
            return Resolution()
        return Resolution(self.found[name], name)
