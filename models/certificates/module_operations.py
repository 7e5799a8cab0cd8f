"""The operations of exported torch graphs, on enclosures.

Arguments are those of the torch operations, with an enclosure or an array of exact doubles in the
place of each tensor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...numerics.arrays import Array
from ...numerics.enclosures.operations import layer_norm, rms_norm, softmax
from . import module_shapes as shapes
from .module_values import (
    Masked,
    Operation,
    Unsupported,
    aligned,
    array_of,
    check_double,
    enclosed,
    finite,
)


def _pair(x: Any, y: Any) -> tuple[Any, Any]:
    """Two values of the same number of axes, of which the first is enclosed if one is."""
    x, y = (v if enclosed(v) else finite(v) for v in (x, y))
    rank = max(len(x.shape), len(y.shape))
    return aligned(x, rank), aligned(y, rank)


def _infinite(x: Any) -> bool:
    return not enclosed(x) and not isinstance(x, Masked) and bool(np.isneginf(array_of(x)).any())


def add(x: Any, y: Any, alpha: float = 1) -> Any:
    """x + alpha y."""
    if alpha != 1:
        y = y * float(alpha) if enclosed(y) else finite(y) * alpha
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
        keep = ~np.isneginf(array_of(y))
        return _masked(add(x, np.where(keep, y, 0.0)), keep)
    x, y = _pair(x, y)
    return x + y


def _masked(scores: Any, keep: Array) -> Masked:
    keep = np.broadcast_to(keep, scores.shape).astype(float)
    return Masked(scores * keep, keep)


def subtract(x: Any, y: Any, alpha: float = 1) -> Any:
    """x - alpha y."""
    return add(x, -y if enclosed(y) else -array_of(y), alpha)


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
    divisor = finite(y)
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
    (x, known), (y, rest) = _without_infinity(x, chosen), _without_infinity(y, ~chosen)
    out, keep = add(multiply(x, chosen), multiply(y, ~chosen)), known & rest
    return out if keep.all() else _masked(out, keep)


def _without_infinity(x: Any, chosen: Array) -> tuple[Any, Array]:
    """The array with 0 for minus infinity, and where it is finite or not chosen."""
    if isinstance(x, Masked):
        return x.scores, (x.keep > 0) | ~chosen
    if enclosed(x):
        return x, np.array(True)
    wanted = np.where(chosen, array_of(x), 0.0)
    infinite = np.isneginf(wanted)
    return np.where(infinite, 0.0, wanted), ~infinite


def matmul(x: Any, y: Any) -> Any:
    """The matrix product, with batches and with vectors."""
    vectors = len(x.shape) == 1, len(y.shape) == 1
    x = x.reshape(1, -1) if vectors[0] else x
    y = y.reshape(-1, 1) if vectors[1] else y
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x, y = (
        shapes.expand(v, (*batch, *v.shape[-2:]))
        if enclosed(v)
        else np.broadcast_to(finite(v), (*batch, *v.shape[-2:]))
        for v in (x, y)
    )
    x = x if enclosed(x) else y.numbers(x)
    out = x.matmul(y if enclosed(y) else x.numbers(y))
    if not any(vectors):
        return out
    shape = [*out.shape[:-2], *(n for n, v in zip(out.shape[-2:], vectors, strict=True) if not v)]
    return shapes.view(out, shape)


def addmm(bias: Any, x: Any, y: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta bias + alpha x y."""
    if beta != 1 or alpha != 1:
        raise Unsupported("has factors beta and alpha")
    return add(matmul(x, y), bias)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """weight x + bias."""
    if enclosed(weight) or enclosed(bias):
        raise Unsupported("has a weight that depends on the state or the input")
    return x.affine(finite(weight), None if bias is None else finite(bias))


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
    q, k, v = (shapes.expand(x, (*batch, *x.shape[-2:])) for x in (q, k, v))
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
    check_double(dtype)
    return shapes.moved(softmax(shapes.moved(x, dim, -1), keep), -1, dim)


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
        1.0 if gain is None else finite(gain).ravel(),
        None if bias is None else finite(bias).ravel(),
    )


def total(x: Any, dims: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over axes."""
    check_double(dtype)
    flat, shape, _ = _gathered(x, dims, keepdim)
    return flat.sum().reshape(*shape)


def mean(x: Any, dims: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over axes."""
    check_double(dtype)
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
    check_double(dtype)
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
    "aten._to_copy.default": Operation(shapes.same),
    "aten._unsafe_view.default": Operation(shapes.view),
    "aten.abs.default": Operation(absolute),
    "aten.add.Scalar": Operation(add),
    "aten.add.Tensor": Operation(add, masked=True),
    "aten.addmm.default": Operation(addmm),
    "aten.alias.default": Operation(shapes.same, masked=True),
    "aten.bmm.default": Operation(matmul),
    "aten.cat.default": Operation(shapes.concatenate),
    "aten.clamp.default": Operation(clamp),
    "aten.clamp.Tensor": Operation(clamp),
    "aten.clamp_min.default": Operation(maximum),
    "aten.clamp_max.default": Operation(minimum),
    "aten.clone.default": Operation(shapes.same, masked=True),
    "aten.constant_pad_nd.default": Operation(shapes.pad),
    "aten.copy.default": Operation(lambda x, y, _=False: shapes.expand(y, x.shape)),
    "aten.detach.default": Operation(shapes.same),
    "aten.div.Scalar": Operation(divide),
    "aten.div.Tensor": Operation(divide),
    "aten.elu.default": Operation(elu),
    "aten.expand.default": Operation(shapes.expand),
    "aten.flip.default": Operation(shapes.flip),
    "aten.full_like.default": Operation(shapes.filled),
    "aten.gelu.default": Operation(gelu),
    "aten.hardtanh.default": Operation(lambda x, low=-1.0, high=1.0: clamp(x, low, high)),
    "aten.index.Tensor": Operation(shapes.index),
    "aten.index_select.default": Operation(shapes.index_select),
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
    "aten.permute.default": Operation(shapes.permute),
    "aten.pow.Tensor_Scalar": Operation(power),
    "aten.rms_norm.default": Operation(norm_rms),
    "aten.scaled_dot_product_attention.default": Operation(attention),
    "aten.select.int": Operation(shapes.select),
    "aten.slice.Tensor": Operation(shapes.cut),
    "aten.softmax.int": Operation(softmax_over, masked=True),
    "aten.split_with_sizes.default": Operation(shapes.split),
    "aten.squeeze.default": Operation(shapes.squeeze),
    "aten.squeeze.dim": Operation(shapes.squeeze),
    "aten.squeeze.dims": Operation(shapes.squeeze),
    "aten.sub.Scalar": Operation(subtract),
    "aten.sub.Tensor": Operation(subtract),
    "aten.sum.default": Operation(total),
    "aten.sum.dim_IntList": Operation(total),
    "aten.transpose.int": Operation(shapes.transpose),
    "aten.unsqueeze.default": Operation(shapes.unsqueeze),
    "aten.var.correction": Operation(variance),
    "aten.view.default": Operation(shapes.view),
    "aten.where.self": Operation(where, masked=True),
    "<built-in function getitem>": Operation(lambda parts, i: parts[i]),
}
"""All operations that can be enclosed, by their names in an exported graph."""
