"""The operations of exported torch graphs, on enclosures.

Arguments are those of the torch operations, with an enclosure or an array of exact doubles in the
place of each tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...numerics.arrays import Array
from ...numerics.enclosures.operations import layer_norm, rms_norm, softmax


class Unsupported(Exception):
    """An operation with arguments that cannot be enclosed; the message says which."""


@dataclass(frozen=True)
class Masked:
    """Scores, some of which are minus infinity.

    Args:
        scores: the scores, an enclosure that is 0 where they are infinite.
        keep: 1 where they are finite and 0 where they are not.
    """

    scores: Any
    keep: Array


@dataclass(frozen=True)
class Operation:
    """How an operation is enclosed.

    Args:
        function: the operation on enclosures.
        masked: whether its first two arguments may be `Masked`.
    """

    function: Callable[..., Any]
    masked: bool = False


def enclosed(x: Any) -> bool:
    """Whether a value depends on an argument, as opposed to a number or an array."""
    return hasattr(x, "affine")


def _array(x: Any) -> Array:
    return np.asarray(x, float)


def _finite(x: Any) -> Array:
    found = _array(x)
    if not np.isfinite(found).all():
        raise Unsupported("has a constant that is not finite")
    return found


def _aligned(x: Any, rank: int) -> Any:
    missing = rank - len(x.shape)
    return x.reshape(*(1,) * missing, *x.shape) if missing > 0 else x


def _pair(x: Any, y: Any) -> tuple[Any, Any]:
    """Two values of the same number of axes, of which the first is enclosed if one is."""
    x, y = (v if enclosed(v) else _finite(v) for v in (x, y))
    rank = max(len(x.shape), len(y.shape))
    return _aligned(x, rank), _aligned(y, rank)


def _infinite(x: Any) -> bool:
    return not enclosed(x) and not isinstance(x, Masked) and bool(np.isneginf(_array(x)).any())


def add(x: Any, y: Any, alpha: float = 1) -> Any:
    """x + alpha y."""
    if alpha != 1:
        y = y * float(alpha) if enclosed(y) else _finite(y) * alpha
    if not enclosed(x) and not isinstance(x, Masked):
        x, y = y, x
    if isinstance(x, Masked):
        if isinstance(y, Masked):
            raise Unsupported("adds two arrays with minus infinity")
        shape = np.broadcast_shapes(x.scores.shape, np.shape(y) if not enclosed(y) else y.shape)
        keep = np.broadcast_to(x.keep, shape)
        if _infinite(y):
            keep, y = keep * ~np.isneginf(y), np.where(np.isneginf(y), 0.0, y)
        return _masked(add(x.scores, y), keep)
    if isinstance(y, Masked):
        return add(y, x)
    if _infinite(y):
        keep = ~np.isneginf(_array(y))
        return _masked(add(x, np.where(keep, y, 0.0)), keep)
    x, y = _pair(x, y)
    return x + y


def _masked(scores: Any, keep: Array) -> Masked:
    keep = np.broadcast_to(keep, scores.shape).astype(float)
    return Masked(scores * keep, keep)


def subtract(x: Any, y: Any, alpha: float = 1) -> Any:
    """x - alpha y."""
    return add(x, -y if enclosed(y) else -_array(y), alpha)


def multiply(x: Any, y: Any) -> Any:
    """x y."""
    if not enclosed(x):
        x, y = y, x
    x, y = _pair(x, y)
    return x * y


def divide(x: Any, y: Any) -> Any:
    """x / y."""
    if enclosed(y):
        return multiply(y.map("reciprocal"), x)
    divisor = _finite(y)
    if (divisor == 0).any():
        raise Unsupported("divides by zero")
    if divisor.size == 1 and divisor.ndim <= len(x.shape):
        return x.over(float(divisor.ravel()[0]))
    return multiply(x, x.numbers(divisor).map("reciprocal"))


def power(x: Any, exponent: float) -> Any:
    """x ** exponent, for small whole numbers and for the half."""
    if exponent in (0.5, -0.5):
        return x.map("sqrt" if exponent > 0 else "rsqrt")
    if exponent != int(exponent) or not 1 <= abs(exponent) <= 8:
        raise Unsupported(
            f"has the exponent {exponent}: only whole numbers and 1/2 can be enclosed"
        )
    out = x
    for _ in range(int(abs(exponent)) - 1):
        out = out * x
    return out if exponent > 0 else out.map("reciprocal")


def gelu(x: Any, approximate: str = "none") -> Any:
    """GELU, exact or by tanh."""
    return x.map("gelu" if approximate == "none" else "gelu-tanh")


def absolute(x: Any) -> Any:
    """|x|."""
    return x.map("relu") + (-x).map("relu")


def elu(x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    """x above 0 and alpha (exp x - 1) below."""
    if scale != 1 or input_scale != 1:
        raise Unsupported("is scaled")
    below = (-(-x).map("relu")).map("exp") + -1.0
    return x.map("relu") + below * float(alpha)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """max(x, 0) + slope min(x, 0)."""
    return x.map("relu") - (-x).map("relu") * float(slope)


def maximum(x: Any, y: Any) -> Any:
    """The larger one, y + relu(x - y)."""
    return add(subtract(x, y).map("relu"), y)


def minimum(x: Any, y: Any) -> Any:
    """The smaller one, x - relu(x - y)."""
    return subtract(x, subtract(x, y).map("relu"))


def clamp(x: Any, low: Any = None, high: Any = None) -> Any:
    """x between two bounds."""
    x = x if low is None else maximum(x, low)
    return x if high is None else minimum(x, high)


def where(condition: Array, x: Any, y: Any) -> Any:
    """x where the condition holds and y elsewhere."""
    if enclosed(condition):
        raise Unsupported("has a condition that depends on the state or the input")
    chosen = np.asarray(condition, bool)
    (x, finite), (y, rest) = _without_infinity(x, chosen), _without_infinity(y, ~chosen)
    out, keep = add(multiply(x, chosen), multiply(y, ~chosen)), finite & rest
    return out if keep.all() else _masked(out, keep)


def _without_infinity(x: Any, chosen: Array) -> tuple[Any, Array]:
    """The array with 0 for minus infinity, and where it is finite or not chosen."""
    if isinstance(x, Masked):
        return x.scores, (x.keep > 0) | ~chosen
    if enclosed(x):
        return x, np.array(True)
    wanted = np.where(chosen, _array(x), 0.0)
    infinite = np.isneginf(wanted)
    return np.where(infinite, 0.0, wanted), ~infinite


def matmul(x: Any, y: Any) -> Any:
    """The matrix product, with batches and with vectors."""
    vectors = len(x.shape) == 1, len(y.shape) == 1
    x = x.reshape(1, -1) if vectors[0] else x
    y = y.reshape(-1, 1) if vectors[1] else y
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x, y = (
        expand(v, (*batch, *v.shape[-2:]))
        if enclosed(v)
        else np.broadcast_to(_finite(v), (*batch, *v.shape[-2:]))
        for v in (x, y)
    )
    x = x if enclosed(x) else y.numbers(x)
    out = x.matmul(y if enclosed(y) else x.numbers(y))
    if not any(vectors):
        return out
    shape = [*out.shape[:-2], *(n for n, v in zip(out.shape[-2:], vectors, strict=True) if not v)]
    return view(out, shape)


def addmm(bias: Any, x: Any, y: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta bias + alpha x y."""
    if beta != 1 or alpha != 1:
        raise Unsupported("has factors beta and alpha")
    return add(matmul(x, y), bias)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """weight x + bias."""
    if enclosed(weight) or enclosed(bias):
        raise Unsupported("has a weight that depends on the state or the input")
    return x.affine(_finite(weight), None if bias is None else _finite(bias))


def attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Scaled dot-product attention."""
    if dropout_p or enable_gqa:
        raise Unsupported("has dropout or grouped queries")
    some = next(x for x in (q, k, v) if enclosed(x))
    q, k, v = (x if enclosed(x) else some.numbers(x) for x in (q, k, v))
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in (q, k, v)))
    q, k, v = (expand(x, (*batch, *x.shape[-2:])) for x in (q, k, v))
    if scale is None:
        q = q * q.numbers(np.full((1,) * len(q.shape), float(q.shape[-1]))).map("rsqrt")
    else:
        q = q * float(scale)
    scores = q.inner(k)
    if is_causal:
        scores = _masked(scores, np.tril(np.ones(scores.shape[-2:])))
    if mask is not None:
        allowed = not enclosed(mask) and np.asarray(mask).dtype == bool
        scores = _masked(scores, mask) if allowed else add(scores, mask)
    return softmax_over(scores, -1).matmul(v)


def softmax_over(x: Any, dim: int, dtype: Any = None) -> Any:
    """The softmax over an axis."""
    keep = None
    if isinstance(x, Masked):
        x, keep = x.scores, np.moveaxis(x.keep, dim, -1)
        if not keep.any(-1).all():
            raise Unsupported("is given a row of minus infinities")
    _check_double(dtype)
    return _moved(softmax(_moved(x, dim, -1), keep), -1, dim)


def norm_layer(
    x: Any,
    shape: Sequence[int],
    gain: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    _: Any = None,
) -> Any:
    """Layer normalisation over the last axes."""
    flat, gain, bias = _flat(x, shape, gain, bias)
    return layer_norm(flat, gain, 0.0 if bias is None else bias, eps).reshape(*x.shape)


def norm_rms(x: Any, shape: Sequence[int], gain: Any = None, eps: float | None = None) -> Any:
    """RMS normalisation over the last axes."""
    flat, gain, _ = _flat(x, shape, gain, None)
    eps = float(np.finfo(float).eps) if eps is None else eps
    return rms_norm(flat, gain, eps).reshape(*x.shape)


def _flat(x: Any, shape: Sequence[int], gain: Any, bias: Any) -> tuple[Any, Any, Any]:
    if enclosed(gain) or enclosed(bias):
        raise Unsupported("has a gain that depends on the state or the input")
    flat = x.reshape(*x.shape[: len(x.shape) - len(shape)], math.prod(shape))
    return (
        flat,
        1.0 if gain is None else _finite(gain).ravel(),
        None if bias is None else _finite(bias).ravel(),
    )


def total(x: Any, dims: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over axes."""
    _check_double(dtype)
    flat, shape, _ = _gathered(x, dims, keepdim)
    return flat.sum().reshape(*shape)


def mean(x: Any, dims: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over axes."""
    _check_double(dtype)
    flat, shape, n = _gathered(x, dims, keepdim)
    return flat.sum().over(n).reshape(*shape)


def variance(
    x: Any, dims: Any = None, *, correction: float | None = 1, keepdim: bool = False
) -> Any:
    """The variance over axes."""
    flat, shape, n = _gathered(x, dims, keepdim)
    freedom = n - (1 if correction is None else correction)
    if freedom <= 0:
        raise Unsupported("has too few numbers")
    return (flat - flat.sum().over(n)).square_sum().over(freedom).reshape(*shape)


def length(x: Any, order: float = 2, dims: Any = None, keepdim: bool = False, *, dtype: Any = None):
    """The Euclidean norm over axes."""
    _check_double(dtype)
    if order != 2:
        raise Unsupported(f"has the order {order}: only the Euclidean norm can be enclosed")
    flat, shape, _ = _gathered(x, dims, keepdim)
    return flat.square_sum().map("sqrt").reshape(*shape)


def _gathered(x: Any, dims: Any, keepdim: bool) -> tuple[Any, list[int], int]:
    """The axes as one last axis, the shape of what is left of them, and their size."""
    rank = len(x.shape)
    dims = range(rank) if dims is None or not len(dims) else dims
    gone = sorted(d % rank for d in dims)
    kept = [d for d in range(rank) if d not in gone]
    n = math.prod(x.shape[d] for d in gone)
    shape = [1 if d in gone else x.shape[d] for d in range(rank) if keepdim or d not in gone]
    if not shape:
        raise Unsupported("gives a single number: pass keepdim=True")
    flat = x.transpose(*kept, *gone) if gone != list(range(rank - len(gone), rank)) else x
    return flat.reshape(*(x.shape[d] for d in kept), n), shape, n


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


def _moved(x: Any, source: int, target: int) -> Any:
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
    x = _aligned(x, len(full))
    return x if tuple(x.shape) == full else x + np.zeros(full)


def _index(x: Any, dim: int, item: Any) -> Any:
    items: list[Any] = [slice(None)] * len(x.shape)
    items[dim] = item
    return x[tuple(items)]


def filled(x: Any, value: float, **_: Any) -> Any:
    """One number in the shape of x."""
    numbers = np.full(x.shape, float(value))
    return x.numbers(numbers) if np.isfinite(value) else numbers


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
    made = [part if enclosed(part) else first.numbers(_finite(part)) for part in parts]
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
    _check_double(dtype)
    return x


def _check_double(dtype: Any) -> None:
    if dtype is not None and str(dtype) != "torch.float64":
        raise Unsupported(f"changes to {str(dtype).removeprefix('torch.')}: stay in float64")


def _named(name: str) -> Operation:
    return Operation(lambda x: x.map(name))


NAMED = (
    *("cos", "erf", "exp", "log", "reciprocal", "relu", "rsqrt"),
    *("sigmoid", "silu", "sin", "sqrt", "tanh"),
)
"""Functions of one number with the same name in `functions.FUNCTIONS`."""
OPERATIONS: dict[str, Operation] = {
    **{f"aten.{name}.default": _named(name) for name in NAMED},
    "aten._softmax.default": Operation(lambda x, dim, _: softmax_over(x, dim), masked=True),
    "aten._to_copy.default": Operation(same),
    "aten._unsafe_view.default": Operation(view),
    "aten.abs.default": Operation(absolute),
    "aten.add.Scalar": Operation(add),
    "aten.add.Tensor": Operation(add, masked=True),
    "aten.addmm.default": Operation(addmm),
    "aten.alias.default": Operation(same, masked=True),
    "aten.bmm.default": Operation(matmul),
    "aten.cat.default": Operation(concatenate),
    "aten.clamp.default": Operation(clamp),
    "aten.clamp.Tensor": Operation(clamp),
    "aten.clamp_min.default": Operation(maximum),
    "aten.clamp_max.default": Operation(minimum),
    "aten.clone.default": Operation(same, masked=True),
    "aten.constant_pad_nd.default": Operation(pad),
    "aten.copy.default": Operation(lambda x, y, _=False: expand(y, x.shape)),
    "aten.detach.default": Operation(same),
    "aten.div.Scalar": Operation(divide),
    "aten.div.Tensor": Operation(divide),
    "aten.elu.default": Operation(elu),
    "aten.expand.default": Operation(expand),
    "aten.flip.default": Operation(flip),
    "aten.full_like.default": Operation(filled),
    "aten.gelu.default": Operation(gelu),
    "aten.hardtanh.default": Operation(lambda x, low=-1.0, high=1.0: clamp(x, low, high)),
    "aten.index.Tensor": Operation(index),
    "aten.index_select.default": Operation(index_select),
    "aten.layer_norm.default": Operation(norm_layer),
    "aten.leaky_relu.default": Operation(leaky_relu),
    "aten.linalg_vector_norm.default": Operation(length),
    "aten.linear.default": Operation(linear),
    "aten.matmul.default": Operation(matmul),
    "aten.maximum.default": Operation(maximum),
    "aten.mean.default": Operation(mean),
    "aten.mean.dim": Operation(mean),
    "aten.minimum.default": Operation(minimum),
    "aten.mm.default": Operation(matmul),
    "aten.mul.Scalar": Operation(multiply),
    "aten.mul.Tensor": Operation(multiply),
    "aten.neg.default": Operation(lambda x: -x),
    "aten.permute.default": Operation(permute),
    "aten.pow.Tensor_Scalar": Operation(power),
    "aten.rms_norm.default": Operation(norm_rms),
    "aten.scaled_dot_product_attention.default": Operation(attention),
    "aten.select.int": Operation(select),
    "aten.slice.Tensor": Operation(cut),
    "aten.softmax.int": Operation(softmax_over, masked=True),
    "aten.split_with_sizes.default": Operation(split),
    "aten.squeeze.default": Operation(squeeze),
    "aten.squeeze.dim": Operation(squeeze),
    "aten.squeeze.dims": Operation(squeeze),
    "aten.sub.Scalar": Operation(subtract),
    "aten.sub.Tensor": Operation(subtract),
    "aten.sum.default": Operation(total),
    "aten.sum.dim_IntList": Operation(total),
    "aten.transpose.int": Operation(transpose),
    "aten.unsqueeze.default": Operation(unsqueeze),
    "aten.var.correction": Operation(variance),
    "aten.view.default": Operation(view),
    "aten.where.self": Operation(where, masked=True),
    "<built-in function getitem>": Operation(lambda parts, i: parts[i]),
}
"""All operations that can be enclosed, by their names in an exported graph."""
