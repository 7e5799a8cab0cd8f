"""The layout of a state of tensors in one real tensor, differentiable in both directions."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree
import torch
from torch import Tensor

from ...numerics.loops.structure import Structure, StructureError, flattened, place, shown

Array = np.ndarray

HALVES = {torch.bfloat16, torch.float16}
"""Packed as float32, which holds all their values."""


class TensorStructure(Structure):
    """A `Structure` of tensors: `pack` and `unpack` work on tensors and are differentiable.

    Tensors of half precision are packed as float32, and unpacked in their own dtype.

    Args:
        state: a state of tensors.
        rows: as for `Structure`.

    Raises:
        StructureError: a part of the state is no tensor of floats.

    Example:
        >>> import torch
        >>> from loopstab.models.loops.tensor_structure import TensorStructure
        >>> layout = TensorStructure((torch.ones(2), torch.zeros(1, dtype=torch.bfloat16)))
        >>> layout.pack(layout.unpack(torch.tensor([1.0, 2.0, 3.0])))
        tensor([1., 2., 3.])
    """

    def __init__(self, state: Any, rows: bool = False):
        paths, leaves, tree = flattened(state)
        for path, leaf in zip(paths, leaves, strict=True):
            _check(path, leaf)
        self.kinds = [leaf.dtype for leaf in leaves]
        # the shapes and dtypes count, so that a tensor on any device is stood in for by NumPy's
        stand_ins = [np.empty(leaf.shape, _numpy_dtype(leaf.dtype)) for leaf in leaves]
        super().__init__(optree.tree_unflatten(tree, stand_ins), rows)

    def pack(self, state: Any) -> Any:
        """The state as one real tensor.

        Raises `StructureError` if it has another structure, or a tensor of another shape or dtype.
        """
        paths, leaves, tree = flattened(state)
        for path, leaf in zip(paths, leaves, strict=True):
            _check(path, leaf)
        if tree != self.tree:
            raise StructureError(f"has the structure {shown(tree)}, not {shown(self.tree)}")
        if self.plain and self.kinds[0] not in HALVES:
            return leaves[0]  # the dtype is that of the packed state, which may be another
        skipped = int(self.rows)
        for path, found, leaf, kind in zip(paths, leaves, self.leaves, self.kinds, strict=True):
            if found.shape[skipped:] != leaf.shape[skipped:]:
                shape = tuple(found.shape)
                raise StructureError(f"has shape {shape}{place(path)}, not {leaf.shape}")
            if found.dtype != kind:
                raise StructureError(
                    f"has dtype {named(found.dtype)}{place(path)}, not {named(kind)}"
                )
        if self.plain:
            return leaves[0].float()
        target = torch.float64 if self.dtype == np.float64 else torch.float32
        parts = [_real(leaf).to(target) for leaf in leaves]
        if self.rows:
            return torch.cat([part.reshape(len(part), -1) for part in parts], dim=1)
        return torch.cat([part.reshape(-1) for part in parts])

    def unpack(self, h: Any) -> Any:
        """The state that a packed tensor stands for; its tensors share no memory with h."""
        if self.plain:
            kind = self.kinds[0] if self.kinds[0] in HALVES else h.dtype
            return optree.tree_unflatten(self.tree, [h.clone().to(kind)])
        lead = h.shape[:1] if self.rows else h.shape[:0]
        leaves, start = [], 0
        for leaf, kind in zip(self.leaves, self.kinds, strict=True):
            shape = (*lead, *leaf.shape[len(lead) :])
            reals = int(np.prod(leaf.shape[len(lead) :])) * (2 if kind.is_complex else 1)
            part = h[..., start : start + reals].clone()
            start += reals
            if kind.is_complex:
                part = torch.view_as_complex(part.reshape(*shape, 2))
            leaves.append(part.to(kind).reshape(shape))
        return optree.tree_unflatten(self.tree, leaves)


def named(dtype: torch.dtype) -> str:
    """The name of a dtype without its package."""
    return str(dtype).removeprefix("torch.")


def to_array(tensor: Tensor) -> Array:
    """The content of a tensor on any device; half precision as float32."""
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    return (tensor.float() if tensor.dtype in HALVES else tensor).numpy()


def to_tensor(value: Any, device: torch.device | None = None) -> Any:
    """A copy of an array or a tensor on a device; anything else as it is."""
    if isinstance(value, Tensor):
        return value.detach().clone().to(device)
    if isinstance(value, np.ndarray | np.generic):
        return torch.from_numpy(np.array(value, copy=True)).to(device)
    return value


def _check(path: str, leaf: Any) -> None:
    if not isinstance(leaf, Tensor):
        raise StructureError(f"is {type(leaf).__name__}{place(path)}, not a tensor")
    if not (leaf.is_floating_point() or leaf.is_complex()):
        raise StructureError(f"has dtype {named(leaf.dtype)}{place(path)}, which is no float")


def _numpy_dtype(kind: torch.dtype) -> Any:
    known = {
        torch.float64: np.float64,
        torch.float32: np.float32,
        torch.complex64: np.complex64,
        torch.complex128: np.complex128,
    }
    if kind in HALVES or kind in known:
        return known.get(kind, np.float32)
    raise StructureError(f"has dtype {named(kind)}, which cannot be measured")


def _real(leaf: Tensor) -> Tensor:
    return torch.view_as_real(leaf.resolve_conj()) if leaf.is_complex() else leaf
