"""A slow, obvious twin of a jet: one point and one direction, in 50 digits."""

from __future__ import annotations

from dataclasses import dataclass

import flint
import numpy as np
from flint import arb

from loopstab.numerics.enclosures.ball_array import BallArray
from loopstab.numerics.enclosures.functions import FUNCTIONS

BITS = 170
"""Bits of 50 digits, and a few more."""


@dataclass(frozen=True)
class Dual:
    """Values and directional derivatives, propagated by the rules of differentiation."""

    value: BallArray
    tangent: BallArray

    @classmethod
    def of(cls, value, tangent) -> Dual:
        """A point (arrays of doubles or of balls) and a direction."""
        return cls(_array(value), _array(tangent))

    @property
    def shape(self):
        return self.value.shape

    @property
    def mid(self):
        return self.value.mid

    def numbers(self, values):
        return Dual(self.value.numbers(values), self.value.numbers(0 * values))

    def affine(self, weight, bias=None):
        return Dual(self.value.affine(weight, bias), self.tangent.affine(weight))

    def __add__(self, other):
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.tangent + other.tangent)
        value = self.value + other
        return Dual(value, self.tangent + np.zeros(value.shape))

    def __neg__(self):
        return Dual(-self.value, -self.tangent)

    def __sub__(self, other):
        return self + (-other)

    def __mul__(self, other):
        if isinstance(other, Dual):
            tangent = self.value * other.tangent + other.value * self.tangent
            return Dual(self.value * other.value, tangent)
        return Dual(self.value * other, self.tangent * other)

    def over(self, divisor):
        return Dual(self.value.over(divisor), self.tangent.over(divisor))

    def sum(self):
        return Dual(self.value.sum(), self.tangent.sum())

    def square_sum(self):
        return (self * self).sum()

    def map(self, name):
        slope = FUNCTIONS[name].slope
        slopes = BallArray(np.vectorize(slope, otypes=[object])(self.value.balls))
        return Dual(self.value.map(name), slopes * self.tangent)

    def inner(self, other):
        swapped = Dual(other.value.swapped(), other.tangent.swapped())
        return self.matmul(swapped)

    def matmul(self, other):
        tangent = self.value.matmul(other.tangent) + self.tangent.matmul(other.value)
        return Dual(self.value.matmul(other.value), tangent)

    def reshape(self, *shape):
        return Dual(self.value.reshape(*shape), self.tangent.reshape(*shape))

    def transpose(self, *axes):
        return Dual(self.value.transpose(*axes), self.tangent.transpose(*axes))

    def __getitem__(self, index):
        return Dual(self.value[index], self.tangent[index])

    @staticmethod
    def concatenate(parts, axis):
        value, tangent = (
            BallArray.concatenate([getattr(p, name) for p in parts], axis)
            for name in ("value", "tangent")
        )
        return Dual(value, tangent)


def _array(numbers) -> BallArray:
    if isinstance(numbers, BallArray):
        return numbers
    return BallArray.exact(np.asarray(numbers, float))


def point_in_ball(center, directions, radius, rng):
    """A random point of the ball in exact arithmetic, often on its surface, and a unit direction.

    Returns the state and its derivative in the direction, (shape of the center).
    """
    n = directions.shape[-1]
    y, v = rng.normal(size=n), rng.normal(size=n)
    with flint.ctx.workprec(BITS):
        length = arb(radius) * (1 if rng.random() < 0.5 else float(rng.random()))
        y, v = (_scaled(vector, size) for vector, size in ((y, length), (v, arb(1))))
        columns = directions.reshape(-1, n)
        state = y.reshape(1, n).affine(columns).reshape(*center.shape) + center
        tangent = v.reshape(1, n).affine(columns).reshape(*center.shape)
    return Dual(state, tangent), v


def _scaled(vector, length) -> BallArray:
    """The vector with that length, a little less so that rounding does not leave the ball."""
    exact = BallArray.exact(vector)
    norm = (exact * exact).sum().balls[0].sqrt()
    return BallArray(exact.balls * (length / norm * (1 - arb(2) ** -150)))
