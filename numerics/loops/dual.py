"""Forward-mode derivatives: an array with its tangent, and the few operations that looped blocks
are made of.

A block written on `Dual` gives its value and its exact Jacobian product from one text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from .activations import ArrayActivation


@dataclass(frozen=True)
class Dual:
    """A value and its derivative; vectors are rows (the last axis).

    Arrays of one shape, or the tangent with further axes in front: one derivative for each
    direction along them (none: the value alone). Further axes in front of both hold several states;
    matrices may then be (..., m, n), one for each.
    """

    value: Array
    tangent: Array

    @classmethod
    def constant(cls, value: Array) -> Dual:
        """Derivative zero."""
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
        """Matrix x for every row x."""
        transposed = matrix.swapaxes(-1, -2)
        return Dual(self.value @ transposed, self.tangent @ transposed)

    def map(self, activation: ArrayActivation) -> Dual:
        """The activation of every entry."""
        if not self.tangent.size:  # the derivative costs as much as the value
            return Dual(activation(self.value), self.tangent)
        return Dual(activation(self.value), activation.derivative(self.value) * self.tangent)

    def rms_norm(self, eps: float) -> Dual:
        """z / sqrt(mean z^2 + eps) over the last axis, with N1's Jacobian (v - n mean(n v)) / s."""
        s = np.sqrt(np.mean(self.value**2, axis=-1, keepdims=True) + eps)
        n = self.value / s
        return Dual(n, (self.tangent - n * np.mean(n * self.tangent, axis=-1, keepdims=True)) / s)

    def softmax(self) -> Dual:
        """Over the last axis."""
        p = np.exp(self.value - self.value.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        return Dual(p, p * (self.tangent - np.sum(p * self.tangent, axis=-1, keepdims=True)))

    def product(self, other: Dual) -> Dual:
        """Matrix product over the last two axes."""
        return Dual(
            self.value @ other.value, self.tangent @ other.value + self.value @ other.tangent
        )

    def split(self, parts: int) -> Dual:
        """(..., tokens, width) to (..., parts, tokens, width/parts): heads."""
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
