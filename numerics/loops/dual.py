"""Forward-mode derivatives: an array with its tangent, and the operations of looped blocks.

A block that is written once for `Dual` gives both its value and its exact Jacobian product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from .activations import ArrayActivation


@dataclass(frozen=True)
class Dual:
    """A value and its derivative along one or several directions; vectors are rows.

    Args:
        value: the value; vectors lie along the last axis. Axes in front hold tokens and several
            states; matrices may then have the shape (..., m, n), one for each state.
        tangent: the derivative, in the shape of the value, or with further axes in front, one
            derivative for each direction. An empty tangent means the value alone.
    """

    value: Array
    tangent: Array

    @classmethod
    def constant(cls, value: Array) -> Dual:
        """A value whose derivative is zero."""
        return cls(value, np.zeros_like(value))

    def __add__(self, other: Dual | Array | float) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.tangent + other.tangent)
        return Dual(self.value + other, self.tangent)

    def __mul__(self, other: Dual | Array | float) -> Dual:
        if isinstance(other, Dual):
            return Dual(
                self.value * other.value, self.tangent * other.value + self.value * other.tangent
            )
        return Dual(self.value * other, self.tangent * other)

    def linear(self, matrix: Array) -> Dual:
        """The product of the matrix with every row."""
        transposed = matrix.swapaxes(-1, -2)
        return Dual(self.value @ transposed, self.tangent @ transposed)

    def map(self, activation: ArrayActivation) -> Dual:
        """The activation, entry by entry."""
        if not self.tangent.size:  # skip the derivative, which costs as much as the value
            return Dual(activation(self.value), self.tangent)
        return Dual(activation(self.value), activation.derivative(self.value) * self.tangent)

    def rms_norm(self, eps: float) -> Dual:
        """z / sqrt(mean z^2 + eps) over the last axis, with the Jacobian of N1.

        The derivative along v is (v - n mean(n v))/s.
        """
        s = np.sqrt(np.mean(self.value**2, axis=-1, keepdims=True) + eps)
        n = self.value / s
        return Dual(n, (self.tangent - n * np.mean(n * self.tangent, axis=-1, keepdims=True)) / s)

    def softmax(self) -> Dual:
        """The softmax over the last axis."""
        p = np.exp(self.value - self.value.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        return Dual(p, p * (self.tangent - np.sum(p * self.tangent, axis=-1, keepdims=True)))

    def product(self, other: Dual) -> Dual:
        """The matrix product over the last two axes."""
        return Dual(
            self.value @ other.value, self.tangent @ other.value + self.value @ other.tangent
        )

    def split(self, parts: int) -> Dual:
        """Split into heads: (..., tokens, width) to (..., parts, tokens, width/parts)."""
        return Dual(
            *(
                x.reshape(*x.shape[:-1], parts, x.shape[-1] // parts).swapaxes(-3, -2)
                for x in (self.value, self.tangent)
            )
        )

    def joined(self) -> Dual:
        """The inverse of `split`."""
        return Dual(
            *(
                x.swapaxes(-3, -2).reshape(*x.shape[:-3], x.shape[-2], x.shape[-3] * x.shape[-1])
                for x in (self.value, self.tangent)
            )
        )

    def transposed(self) -> Dual:
        """The last two axes exchanged."""
        return Dual(self.value.swapaxes(-1, -2), self.tangent.swapaxes(-1, -2))
