"""The operations of exported graphs that move entries, on enclosures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .module_values import Masked, Unsupported, aligned, check_double, enclosed, finite


def view(x: Any, shape: Sequence[int]) -> Any:
    """The same entries in another shape."""
    if not len(shape):
        raise Unsupported("gives a single number: keep one axis of length 1")
    return x.reshape(*shape)


def transpose(x: Any, first: int, second: int) -> Any:
    """Two axes exchanged."""
    axes = list(range(len(x.shape)))
    axes[first], axes[second] = axes[second], axes[first]
    return x.transpose(*axes)


def permute(x: Any, axes: Sequence[int]) -> Any:
    """The axes in another order."""
    return x.transpose(*(a % len(axes) for a in axes))


def moved(x: Any, source: int, target: int) -> Any:
    """One axis moved to another place."""
    rank = len(x.shape)
    axes = list(range(rank))
    axis = axes.pop(source % rank)
    axes.insert(target % rank, axis)
    return x if axes == list(range(rank)) else x.transpose(*axes)


def unsqueeze(x: Any, dim: int) -> Any:
    """A new axis of length 1."""
    shape = list(x.shape)
    shape.insert(dim % (len(shape) + 1), 1)
    return x.reshape(*shape)


def squeeze(x: Any, dims: Any = None) -> Any:
    """Without axes of length 1."""
    rank = len(x.shape)
    dims = range(rank) if dims is None else [dims] if isinstance(dims, int) else dims
    gone = {d % rank for d in dims if x.shape[d] == 1}
    return view(x, [n for d, n in enumerate(x.shape) if d not in gone])


def expand(x: Any, shape: Sequence[int], *, implicit: bool = False) -> Any:
    """The entries repeated along axes of length 1."""
    if isinstance(x, Masked):
        return Masked(expand(x.scores, shape), np.broadcast_to(x.keep, shape))
    old = (1,) * (len(shape) - len(x.shape)) + tuple(x.shape)
    full = tuple(o if n == -1 else n for o, n in zip(old, shape, strict=True))
    x = aligned(x, len(full))
    return x if tuple(x.shape) == full else x + np.zeros(full)


def filled(x: Any, value: float, **_: Any) -> Any:
    """One number in the shape of x."""
    numbers = np.full(x.shape, float(value))
    return x.numbers(numbers) if np.isfinite(value) else numbers


def _index(x: Any, dim: int, item: Any) -> Any:
    items: list[Any] = [slice(None)] * len(x.shape)
    items[dim] = item
    return x[tuple(items)]


def cut(x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1):
    """A slice along an axis."""
    return _index(x, dim, slice(start, end, step))


def select(x: Any, dim: int, index: int) -> Any:
    """One index of an axis, which goes."""
    if len(x.shape) == 1:
        raise Unsupported("gives a single number: take a slice of length 1")
    return _index(x, dim, int(index))


def index_select(x: Any, dim: int, index: Any) -> Any:
    """Some indices of an axis."""
    if enclosed(index):
        raise Unsupported("has indices that depend on the state or the input")
    return _index(x, dim, np.asarray(index).ravel())


def index(x: Any, indices: Sequence[Any]) -> Any:
    """Constant indices of one axis."""
    given = [d for d, i in enumerate(indices) if i is not None]
    if len(given) != 1 or enclosed(indices[given[0]]) or np.ndim(indices[given[0]]) != 1:
        raise Unsupported("has indices of several axes, or ones that depend on the state")
    return _index(x, given[0], np.asarray(indices[given[0]]))


def flip(x: Any, dims: Sequence[int]) -> Any:
    """The entries in reverse order along axes."""
    for dim in dims:
        x = _index(x, dim, np.arange(x.shape[dim])[::-1])
    return x


def split(x: Any, sizes: Sequence[int], dim: int = 0) -> list[Any]:
    """Consecutive parts of given sizes."""
    ends = np.cumsum(sizes).tolist()
    return [cut(x, dim, end - size, end) for size, end in zip(sizes, ends, strict=True)]


def concatenate(parts: Sequence[Any], dim: int = 0) -> Any:
    """Arrays one after another."""
    first = next(part for part in parts if enclosed(part))
    made = [part if enclosed(part) else first.numbers(finite(part)) for part in parts]
    return first.concatenate(made, dim % len(first.shape))


def pad(x: Any, widths: Sequence[int], value: float = 0.0) -> Any:
    """Constant numbers before and after, from the last axis on."""
    for i in range(0, len(widths), 2):
        dim = len(x.shape) - 1 - i // 2
        sides = []
        for width in widths[i : i + 2]:
            if width < 0:
                raise Unsupported("has a negative width")
            sides.append(np.full((*x.shape[:dim], width, *x.shape[dim + 1 :]), float(value)))
        before, after = sides
        x = concatenate([p for p in (before, x, after) if p is x or p.size], dim)
    return x


def same(x: Any, *_: Any, dtype: Any = None, **__: Any) -> Any:
    """The array itself, as for a copy; not for one in another precision."""
    check_double(dtype)
    return x
