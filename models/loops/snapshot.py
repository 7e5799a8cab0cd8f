"""The state of a user's model and of the process, to be compared and put back."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .process_state import process_state
from .reach import Reach, Used

SMALL = 10_000
"""Largest array, which has no version, that is compared after every call."""


class Snapshot:
    """What functions can reach, as it is now.

    Args:
        reach: what the functions can reach.
        clones: clones of an earlier snapshot, by the id of their tensors; they are used again
            where the content is the same, which saves memory traffic.

    Raises:
        ValueError: a module has lazy parameters, which have no values yet.

    Example:
        >>> import torch
        >>> from loopstab.models.loops.reach import Reach
        >>> from loopstab.models.loops.snapshot import Snapshot
        >>> net = torch.nn.BatchNorm1d(2)
        >>> before = Snapshot(Reach({"net": net}))
        >>> _ = net(torch.randn(3, 2))
        >>> [used.name for used in before.restore()], int(net.num_batches_tracked)
        (['net:running_mean', 'net:running_var', 'net:num_batches_tracked'], 0)
    """

    def __init__(self, reach: Reach, clones: dict[int, Any] | None = None):
        self.reach = reach
        self._held = [_held(used, clones or {}) for used in reach.used]
        self._entries = [(name, holder, _copied(holder)) for name, holder in reach.holders]
        self._process = process_state(reach.generators)

    @property
    def clones(self) -> dict[int, Any]:
        """The clones, for the next snapshot."""
        return {id(held.used.value): held.clone for held in self._held}

    def changed(self, contents: bool) -> list[Used]:
        """The tensors whose values changed in place, and the parameters and buffers exchanged.

        Args:
            contents: whether to compare the contents of all tensors; otherwise only of those
                whose version or memory shows a change, which `x.data.add_(1)` avoids.
        """
        return [held.used for held in self._held if held.moved(contents)]

    def exchanged(self) -> list[str]:
        """Names of the containers, attributes and variables that hold something else now."""
        found = []
        for name, holder, entries in self._entries:
            if isinstance(holder, dict):
                keys = [k for k in holder if k not in entries or holder[k] is not entries[k]]
                found += [f"{name}{'' if name.endswith(':') else '.'}{key}" for key in keys]
            elif len(holder) != len(entries):
                found.append(name)
        found += [
            name for name, cell, content in self.reach.cells if cell.cell_contents is not content
        ]
        found += [n for scope, n, content in self.reach.globals if scope.get(n) is not content]
        return list(dict.fromkeys(found))

    def restore(self) -> list[Used]:
        """Put everything back, and return what `changed` finds."""
        found = self.changed(contents=True)
        for held in self._held:
            held.restore()
        for _, holder, entries in self._entries:
            _put_back(holder, entries)
        for _, cell, content in self.reach.cells:
            if cell.cell_contents is not content:
                cell.cell_contents = content
        for variables, name, content in self.reach.globals:
            if variables.get(name) is not content:
                variables[name] = content
        self._process()
        return found


class _HeldArray:
    """One array with its content."""

    def __init__(self, used: Used, clones: dict[int, Any]):
        self.used, self.clone = used, _clone(used.value, clones)

    def moved(self, contents: bool) -> bool:
        small = self.clone.size <= SMALL
        return (contents or small) and not _same(self.used.value, self.clone)

    def restore(self) -> None:
        if self.moved(True):
            self.used.value[...] = self.clone


class _HeldTensor:
    """One tensor with its content, gradient and flags."""

    def __init__(self, used: Used, clones: dict[int, Any]):
        self.used, value = used, used.value
        if nn.parameter.is_lazy(value):
            raise ValueError(used.name)
        self.alias = value.detach()
        self.version, self.requires_grad = _version(value), value.requires_grad
        self.content = value.layout is torch.strided and not value.is_meta
        self.clone = _clone(value, clones) if self.content else None
        grad = value.grad if value.is_leaf else None
        self.grad = None if grad is None else (grad, grad.detach().clone())

    def moved(self, contents: bool) -> bool:
        value: Any = self.used.value
        owner = self.used.owner
        if not self.content:
            return False
        if owner is not None and self.used.registered:
            value = getattr(owner, self.used.name.rpartition(":")[2].rpartition(".")[2], None)
            if value is not self.used.value:
                new = isinstance(value, Tensor) and value.shape == self.alias.shape
                return new and not _same(value, self.clone)
        version, place = _version(value), value.data_ptr()
        known = (self.version, self.alias.data_ptr()) == (version, place) and version is not None
        if known and not contents:
            return False
        if not _same(value, self.clone):
            return True
        self.version = version
        return False

    @torch.no_grad()
    def restore(self) -> None:
        value = self.used.value
        if self.clone is not None:
            now = value.data_ptr(), value.dtype, value.shape
            if now != (self.alias.data_ptr(), self.alias.dtype, self.alias.shape):
                value.data = self.alias  # memory, dtype or device were exchanged: module.double()
            if not _same(self.alias, self.clone):
                self.alias.copy_(self.clone)
        if value.is_leaf:
            if value.requires_grad is not self.requires_grad:
                value.requires_grad_(self.requires_grad)
            value.grad = None if self.grad is None else self.grad[0]
            if self.grad is not None and not _same(*self.grad):
                self.grad[0].copy_(self.grad[1])


def _held(used: Used, clones: dict[int, Any]) -> _HeldArray | _HeldTensor:
    return (_HeldTensor if isinstance(used.value, Tensor) else _HeldArray)(used, clones)


def _copied(holder: Any) -> Any:
    kind = next((k for k in (dict, set) if isinstance(holder, k)), list)
    return kind(holder)


def _put_back(holder: Any, entries: Any) -> None:
    if isinstance(holder, list):
        holder[:] = entries
    elif isinstance(holder, dict):
        same = len(holder) == len(entries) and all(
            key in holder and holder[key] is value for key, value in entries.items()
        )
        if not same:
            holder.clear()
            holder.update(entries)
    elif isinstance(holder, deque):
        holder.clear()
        holder.extend(entries)
    elif holder != entries:
        holder.clear()
        holder.update(entries)


def _version(value: Tensor) -> int | None:
    return None if value.is_inference() else value._version


def _clone(value: Any, clones: dict[int, Any]) -> Any:
    """A copy of the content; an earlier one where it is the same."""
    earlier: Any = clones.get(id(value))
    if earlier is not None and earlier.dtype == value.dtype and _same(value, earlier):
        return earlier
    return value.detach().clone() if isinstance(value, Tensor) else value.copy()


def _same(value: Any, clone: Any) -> bool:
    """Whether the values are equal; NaN equals NaN, and a change of dtype or device is none."""
    if value.shape != clone.shape:
        return False
    if not isinstance(value, Tensor):
        return np.array_equal(value, clone, equal_nan=value.dtype.kind in "fc")
    value = value.detach().to(clone.device)
    inexact = value.is_floating_point() or value.is_complex()
    if value.dtype != clone.dtype:
        coarser = max(value.dtype, clone.dtype, key=lambda d: torch.finfo(d).eps if inexact else 0)
        value, clone = value.to(coarser), clone.to(coarser)
    if torch.equal(value, clone):
        return True
    return inexact and torch.allclose(value, clone, rtol=0, atol=0, equal_nan=True)
