"""How a state that is not one float array is laid out in one: nested, complex, half precision."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from ..arrays import Array

NAMESPACE = "loopstab"
"""Registry of the dataclasses that are taken apart like tuples."""
FLOATS = (np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.float16))


class StructureError(ValueError):
    """A state cannot be laid out in a float array, or differs from the states before it."""


@dataclass(frozen=True)
class Leaf:
    """One array of a nested state.

    Args:
        path: where it stands, for example `['z_H']` or `[0]`; empty if the state is one array.
        shape: its shape.
        dtype: its dtype: real or complex floats.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def reals(self) -> int:
        """The number of real numbers in it."""
        return int(np.prod(self.shape)) * (2 if self.dtype.kind == "c" else 1)


class Structure:
    """The layout of a state: tuples, lists, dicts, named tuples and dataclasses of float arrays.

    A state that is one array of float64 or float32 is packed as itself. Any other state becomes
    one vector: its arrays one after the other, complex numbers as (real, imaginary). The vector
    has float64 where one of the arrays has, and otherwise float32, which holds every value of
    half precision.

    Args:
        state: a state.
        rows: whether the first axis of every array counts independent rows; then the packed state
            has the shape (rows, reals of a row).

    Raises:
        StructureError: a part of the state is no array of floats; the message names it.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.loops.structure import Structure
        >>> state = {"h": np.ones(2), "c": np.array([1j])}
        >>> layout = Structure(state)
        >>> layout.pack(state)
        array([0., 1., 1., 1.])
        >>> layout.unpack(np.arange(4.0))["c"]
        array([0.+1.j])
    """

    def __init__(self, state: Any, rows: bool = False):
        paths, leaves, self.tree = flattened(state)
        self.leaves = [_leaf(path, array) for path, array in zip(paths, leaves, strict=True)]
        if not self.leaves:
            raise StructureError("holds no array")
        self.rows = rows
        first = self.leaves[0]
        plain = len(paths) == 1 and not first.path and first.dtype in FLOATS[:2]
        self.plain = plain and not rows
        double = any(leaf.dtype in (np.float64, np.complex128) for leaf in self.leaves)
        self.dtype = np.dtype(np.float64 if double else np.float32)
        if rows:
            counts = {leaf.shape[:1] for leaf in self.leaves}
            if len(counts) != 1 or counts == {()}:
                raise StructureError("has arrays whose first axes differ, so it has no rows")

    def pack(self, state: Any) -> Array:
        """The state as one float array.

        Raises `StructureError` if it has another structure, or an array of another shape or dtype.
        """
        paths, leaves, tree = flattened(state)
        all_found = [_leaf(path, array) for path, array in zip(paths, leaves, strict=True)]
        if tree != self.tree:
            raise StructureError(f"has the structure {shown(tree)}, not {shown(self.tree)}")
        for path, found, leaf in zip(paths, all_found, self.leaves, strict=True):
            shape = found.shape[1:] if self.rows else found.shape
            if shape != (leaf.shape[1:] if self.rows else leaf.shape):
                raise StructureError(f"has shape {found.shape}{place(path)}, not {leaf.shape}")
            if found.dtype != leaf.dtype:
                raise StructureError(f"has dtype {found.dtype}{place(path)}, not {leaf.dtype}")
        if self.plain:
            return leaves[0]
        parts = [_real(array, self.dtype) for array in leaves]
        if self.rows:
            return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        return np.concatenate([part.ravel() for part in parts])

    def is_packed(self, state: Any) -> bool:
        """Whether something is an array as `pack` returns it."""
        if not isinstance(state, np.ndarray):
            return False
        if self.plain:
            return True
        reals = sum(leaf.reals for leaf in self.leaves)
        size = state.size
        if self.rows:
            reals //= max(self.leaves[0].shape[0], 1)
            size = state.shape[-1] if state.ndim == 2 else -1
        return state.dtype == self.dtype and size == reals

    def unpack(self, h: Array) -> Any:
        """The state that a packed array stands for."""
        if self.plain:
            return h
        lead = (len(h),) if self.rows else ()
        leaves, start = [], 0
        for leaf in self.leaves:
            shape = (*lead, *leaf.shape[len(lead) :])
            reals = leaf.reals // (leaf.shape[0] if lead and leaf.shape[0] else 1)
            part = np.ascontiguousarray(h[..., start : start + reals])
            start += reals
            if leaf.dtype.kind == "c":
                part = part.astype(_part(leaf.dtype)).view(leaf.dtype)
            leaves.append(np.array(part, leaf.dtype).reshape(shape))
        return optree.tree_unflatten(self.tree, leaves)


def flattened(state: Any) -> tuple[list[str], list[Any], optree.PyTreeSpec]:
    """Paths, leaves and structure; dataclasses are registered when they are first seen."""
    while True:
        found = optree.tree_flatten_with_path(state, namespace=NAMESPACE)
        new = {type(leaf) for leaf in found[1] if dataclasses.is_dataclass(leaf)}
        if not new:
            paths = ["".join(f"[{part!r}]" for part in path) for path in found[0]]
            return paths, found[1], found[2]
        for kind in new:
            _register(kind)


def _register(kind: type) -> None:
    names = tuple(field.name for field in dataclasses.fields(kind))
    optree.register_pytree_node(
        kind,
        lambda value: ([getattr(value, name) for name in names], None, names),
        lambda _, children: kind(**dict(zip(names, children, strict=True))),
        namespace=NAMESPACE,
    )


def _leaf(path: str, array: Any) -> Leaf:
    if not isinstance(array, np.ndarray):
        raise StructureError(f"is {type(array).__name__}{place(path)}, not a NumPy array")
    if array.dtype not in FLOATS and array.dtype.kind != "c":
        raise StructureError(f"has dtype {array.dtype}{place(path)}, which is no float")
    return Leaf(path, array.shape, array.dtype)


def _real(array: Array, dtype: np.dtype[Any]) -> Array:
    if array.dtype.kind == "c":
        array = np.stack((np.real(array), np.imag(array)), axis=-1)
    return array.astype(dtype, copy=False)


def _part(dtype: np.dtype[Any]) -> type:
    return np.float32 if dtype == np.complex64 else np.float64


def place(path: str) -> str:
    """Where in a state something is, in words."""
    return f" at {path}" if path else ""


def shown(tree: optree.PyTreeSpec) -> str:
    """A structure in words, with a star for every array."""
    return str(optree.tree_unflatten(tree, ["*"] * tree.num_leaves)).replace("'*'", "*")
