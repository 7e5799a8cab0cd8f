"""What arrays of enclosed numbers can do, and the operations of networks that are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from ..arrays import Array


class Enclosure(Protocol):
    """An array of enclosed numbers: a `Jet` or a `BallArray`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        ...

    @property
    def mid(self) -> Array:
        """The midpoints as doubles."""
        ...

    def numbers(self, values: Array) -> Self:
        """Doubles as an array of the same kind, which depends on nothing."""
        ...

    def affine(self, weight: Array, bias: Array | None = None) -> Self:
        """weight @ x + bias along the last axis; weight is (out, in)."""
        ...

    def __add__(self, other: Any) -> Self: ...
    def __sub__(self, other: Self) -> Self: ...
    def __neg__(self) -> Self: ...
    def __mul__(self, other: Any) -> Self: ...
    def __getitem__(self, index: Any) -> Self: ...

    def over(self, divisor: float) -> Self:
        """x / divisor, for a divisor that is a double."""
        ...

    def sum(self) -> Self:
        """The sum over the last axis, which stays as an axis of length 1."""
        ...

    def square_sum(self) -> Self:
        """The sum of squares over the last axis, which stays as an axis of length 1."""
        ...

    def map(self, name: str) -> Self:
        """An elementary function of every entry, by its name in `functions.FUNCTIONS`."""
        ...

    def inner(self, other: Self) -> Self:
        """The inner products x y^T of (..., a, n) with (..., b, n)."""
        ...

    def matmul(self, other: Self) -> Self:
        """The matrix products x @ y over the last two axes; all axes before them agree."""
        ...

    def reshape(self, *shape: int) -> Self:
        """The same entries in another shape."""
        ...

    def transpose(self, *axes: int) -> Self:
        """The axes in another order."""
        ...

    @staticmethod
    def concatenate(parts: Sequence[Any], axis: int) -> Any:
        """Arrays one after another along an axis, counted from the first."""
        ...


E = TypeVar("E", bound=Enclosure)


def rms_norm(z: E, gain: Array | float = 1.0, eps: float = 0.0) -> E:
    """gain * z / sqrt(mean z^2 + eps) over the last axis."""
    scale = (z.square_sum().over(z.shape[-1]) + eps).map("rsqrt")
    return z * scale * gain


def layer_norm(z: E, gain: Array | float = 1.0, bias: Array | float = 0.0, eps: float = 0.0) -> E:
    """gain * (z - mean z) / sqrt(var z + eps) + bias over the last axis."""
    return rms_norm(z - z.sum().over(z.shape[-1]), gain, eps) + bias


def softmax(scores: E, mask: Array | None = None) -> E:
    """The softmax over the last axis; where the mask is 0 the weight is 0."""
    middle = scores.mid if mask is None else np.where(mask > 0, scores.mid, -np.inf)
    powers = (scores + -middle.max(-1, keepdims=True)).map("exp")
    if mask is not None:
        powers = powers * mask
    return powers * powers.sum().map("reciprocal")
