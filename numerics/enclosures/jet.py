"""Arrays of numbers that depend on a state, enclosed with their gradients over a ball of states.

A `Jet` describes functions of coordinates y on the ball |y|_2 <= r. Each entry has an enclosure of
its value at y = 0 and a gradient with a bound of its error that holds on the whole ball. By the
mean value theorem this also encloses the entry's values on the ball, and much more tightly than
interval arithmetic, because the first-order part of a gradient is kept exactly.

Errors of gradients are bounded twice: entry by entry in the 2-norm (`spread`), and for each vector
along the last axis in the operator norm of its matrix of gradients (`block`). The second bound
passes a linear layer W with the factor |W|_2, where the first would need that of the matrix of
absolute values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from .ball_array import BallArray
from .functions import FUNCTIONS, enclose
from .rounding import UNIT, gamma, operator_norms, row_norms, up

NO_BOUND = np.array(np.inf)
"""Stands for a bound of `Jet.block` that then follows from `Jet.spread`."""


@dataclass(frozen=True)
class Jet:
    """Functions of y on the ball |y|_2 <= r, with values, gradients, and bounds of all errors.

    Args:
        values: the values at y = 0, enclosed at the precision of `flint.ctx`, of shape s.
        gradient: midpoints of the gradients, of shape s + (n,); None where nothing depends on y.
        spread: for each entry, a bound of the distance in the 2-norm between `gradient` and the
            true gradient anywhere on the ball, of shape s.
        block: for each vector along the last axis, a bound of the same distance in the operator
            norm, of shape s[:-1]; infinite for none, which then follows from `spread`.
        radius: r.

    Example:
        The function tanh(y) on [-0.1, 0.1]:

        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.jet import Jet
        >>> y = Jet.coordinates(np.zeros(1), np.eye(1), 0.1)
        >>> z = y.map("tanh")
        >>> round(float(z.gradient[0, 0]), 2), bool(z.spread[0] < 0.03), bool(z.reach[0] < 0.103)
        (1.0, True, True)
    """

    values: BallArray
    gradient: Array | None
    spread: Array
    block: Array = field(default_factory=lambda: NO_BOUND)
    radius: float = field(kw_only=True)

    def __post_init__(self) -> None:
        if self.gradient is None:
            object.__setattr__(self, "block", np.zeros(self.shape[:-1]))
            return
        if self.gradient.dtype != np.float64:
            raise UsageError(f"gradients are in {self.gradient.dtype}: give jets arrays in float64")
        block = np.minimum(self.block, row_norms(self.spread))
        shapes = self.gradient.shape[:-1], self.spread.shape, block.shape
        if shapes != (self.shape, self.shape, self.shape[:-1]):
            raise UsageError(f"bounds of the shapes {shapes} are not those of a jet {self.shape}")
        object.__setattr__(self, "block", block)
        object.__setattr__(self, "spread", np.minimum(self.spread, block[..., None]))

    @classmethod
    def coordinates(cls, center: Array, directions: Array, radius: float) -> Jet:
        """The states center + directions @ y, with n columns of directions."""
        gradient = directions.reshape(*center.shape, directions.shape[-1])
        return cls(BallArray.exact(center), gradient, 0 * center, radius=radius)

    @classmethod
    def constant(cls, mid: Array, rad: Array | float = 0.0, radius: float = 0.0) -> Jet:
        """Numbers known to lie in mid +- rad, which do not depend on y."""
        values = BallArray.exact(mid, rad)
        return cls(values, None, np.zeros(mid.shape), radius=radius)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return self.values.shape

    @property
    def mid(self) -> Array:
        """The values at y = 0 as doubles."""
        return self._mid

    @cached_property
    def _mid(self) -> Array:
        return self.values.mid

    @cached_property
    def rad(self) -> Array:
        """Bounds of the distance of the values at y = 0 from `mid`."""
        return self.values.distance(self.mid)

    @cached_property
    def norms(self) -> Array:
        """Upper bounds of the 2-norms of the midpoints of the gradients."""
        return np.zeros(self.shape) if self.gradient is None else row_norms(self.gradient)

    @cached_property
    def slope(self) -> Array:
        """Upper bounds of the 2-norms of the gradients on the ball."""
        return up(self.norms + self.spread, 1)

    @cached_property
    def reach(self) -> Array:
        """Bounds of the distance of the values on the ball from `mid`."""
        return up(self.rad + self.radius * self.slope, 1)

    @cached_property
    def block_slope(self) -> Array:
        """For each vector along the last axis, a bound of the operator norm of its gradients."""
        if self.gradient is None:
            return np.zeros(self.shape[:-1])
        return up(operator_norms(self.gradient) + self.block, 1)

    @cached_property
    def block_reach(self) -> Array:
        """For each vector along the last axis, a bound of its distance from `mid` on the ball."""
        return up(row_norms(self.rad) + self.radius * self.block_slope, 1)

    def numbers(self, values: Array) -> Jet:
        """Doubles as a jet that does not depend on y."""
        return Jet.constant(values, 0.0, self.radius)

    def affine(self, weight: Array, bias: Array | None = None) -> Jet:
        """weight @ x + bias along the last axis; weight is (out, in)."""
        n, size, values = weight.shape[1], np.abs(weight), self.values.affine(weight, bias)
        if self.gradient is None:
            return self._constant(values)
        rounded = gamma(n) * up(self.norms @ size.T, n)
        by_entry = self.spread @ size.T + rounded
        by_block = self.block[..., None] * row_norms(weight) + rounded
        block = operator_norms(weight) * self.block + row_norms(rounded)
        spread = np.minimum(by_entry, by_block)
        return self._with(values, np.matmul(weight, self.gradient), up(spread, n), up(block, n))

    def __add__(self, other: Jet | Array | float) -> Jet:
        one, other = self._over_one_ball(other)
        return one._total(other, one.values + other.values)

    def __neg__(self) -> Jet:
        gradient = None if self.gradient is None else -self.gradient
        return self._with(-self.values, gradient, self.spread, self.block)

    def __sub__(self, other: Jet) -> Jet:
        return self + (-other)

    def __mul__(self, other: Jet | Array | float) -> Jet:
        one, other = self._over_one_ball(other)
        values = one.values * other.values
        left, right = _times_gradient(other, one, values), _times_gradient(one, other, values)
        return left._total(right, values)

    def over(self, divisor: float) -> Jet:
        """x / divisor, for a divisor that is a double."""
        values, size = self.values.over(divisor), abs(divisor)
        if self.gradient is None:
            return self._constant(values)
        spread = up((self.spread + UNIT * self.norms) / size, 2)
        block = up((self.block + UNIT * row_norms(self.norms)) / size, 2)
        return self._with(values, self.gradient / divisor, spread, block)

    def sum(self) -> Jet:
        """The sum over the last axis, which stays as an axis of length 1."""
        return self.affine(np.ones((1, self.shape[-1])))

    def square_sum(self) -> Jet:
        """The sum of squares over the last axis, which stays as an axis of length 1."""
        n, values = self.shape[-1], self.values.square_sum()
        if self.gradient is None:
            return self._constant(values)
        gradient = 2 * np.matmul(self.mid[..., None, :], self.gradient)
        spread = row_norms(self.mid) * self.block + self.block_reach * self.block_slope
        spread = spread + gamma(n) * (np.abs(self.mid) * self.norms).sum(-1)
        return self._with(values, gradient, up(2 * spread[..., None], n))

    def map(self, name: str) -> Jet:
        """An elementary function of every entry, by its name in `functions.FUNCTIONS`."""
        values = self.values.map(name)
        if self.gradient is None:
            return self._constant(values)
        factor, width = enclose(FUNCTIONS[name].slope, self.mid, self.reach)
        size, rounded = np.abs(factor), UNIT * np.abs(factor) * self.norms
        spread = size * self.spread + rounded + width * self.slope
        block = size.max(-1) * self.block + row_norms(rounded)
        block = block + np.minimum(width.max(-1) * self.block_slope, row_norms(width * self.slope))
        gradient = factor[..., None] * self.gradient
        return self._with(values, gradient, up(spread, 3), up(block, 3))

    def inner(self, other: Jet) -> Jet:
        """The inner products x y^T of (..., a, n) with (..., b, n)."""
        one, other = self._over_one_ball(other)
        values = one.values.inner(other.values)
        left = right = one._constant(values)
        if one.gradient is not None:
            left = _products_of_rows(one, other, values)
        if other.gradient is not None:
            right = _products_of_rows(other, one, values.swapped())._swapped()
        return left._total(right, values)

    def matmul(self, other: Jet) -> Jet:
        """The matrix products x @ y over the last two axes; all axes before them agree."""
        one, other = self._over_one_ball(other)
        n, x, y, values = one.shape[-1], one.mid, other.mid, one.values.matmul(other.values)
        left = right = one._constant(values)
        a, b = np.abs(x), np.abs(y)
        if other.gradient is not None:
            g, rounded = other.gradient, gamma(n) * up(a @ other.norms, n)
            gradient = (x @ g.reshape(*g.shape[:-2], -1)).reshape(*values.shape, g.shape[-1])
            spread = a @ other.spread + one.reach @ other.slope + rounded
            block = (a @ other.block[..., None] + one.reach @ other.block_slope[..., None])[..., 0]
            block = block + row_norms(rounded)
            right = one._with(values, gradient, up(spread, 2 * n), up(block, 2 * n))
        if one.gradient is not None:
            gradient = np.matmul(np.swapaxes(y, -1, -2)[..., None, :, :], one.gradient)
            rounded = gamma(n) * up(one.norms @ b, n)
            spread = one.spread @ b + one.slope @ other.reach + rounded
            moved = row_norms(other.block_reach)[..., None]
            block = operator_norms(y)[..., None] * one.block + moved * one.block_slope
            block = block + row_norms(rounded)
            left = one._with(values, gradient, up(spread, 2 * n), up(block, n))
        return left._total(right, values)

    def reshape(self, *shape: int) -> Jet:
        """The same entries in another shape."""
        values = self.values.reshape(*shape)
        old, new = self.shape[-1], shape[-1] if shape[-1] >= 0 else values.shape[-1]
        block: Array = NO_BOUND
        if old % new == 0:  # each vector is cut into parts
            block = np.repeat(self.block.ravel(), old // new).reshape(values.shape[:-1])
        elif new % old == 0:  # vectors are put together
            block = up(row_norms(self.block.reshape(*values.shape[:-1], new // old)), 1)
        return self._rearranged(values, lambda a, tail: a.reshape(*values.shape, *tail), block)

    def transpose(self, *axes: int) -> Jet:
        """The axes of the values in another order."""
        last = len(axes) - 1
        block = self.block.transpose(*axes[:-1]) if axes[-1] == last else NO_BOUND
        return self._rearranged(
            self.values.transpose(*axes),
            lambda a, tail: a.transpose(*axes, *(last + 1,) * bool(tail)),
            block,
        )

    def __getitem__(self, index: Any) -> Jet:
        items: tuple[Any, ...] = index if isinstance(index, tuple) else (index,)
        all_axes = len(items) == len(self.shape) or items[0] is Ellipsis
        block = self.block[items[:-1] if all_axes else items]
        if all_axes and not isinstance(items[-1], slice):
            block = NO_BOUND
        return self._rearranged(
            self.values[items], lambda a, tail: a[(*items, *(slice(None),) * bool(tail))], block
        )

    @staticmethod
    def concatenate(parts: Sequence[Jet], axis: int) -> Jet:
        """Jets one after another along an axis, counted from the first."""
        first = parts[0]
        for part in parts[1:]:
            first, _ = first._over_one_ball(part)
        values = first.values.concatenate([part.values for part in parts], axis)
        lengths = [part.gradient.shape[-1] for part in parts if part.gradient is not None]
        if not lengths:
            return first._constant(values)
        gradients = [
            np.zeros((*p.shape, lengths[0])) if p.gradient is None else p.gradient for p in parts
        ]
        spread = np.concatenate([part.spread for part in parts], axis)
        blocks = [part.block for part in parts]
        last = axis == len(first.shape) - 1
        block = up(row_norms(np.stack(blocks, -1)), 1) if last else np.concatenate(blocks, axis)
        return first._with(values, np.concatenate(gradients, axis), spread, block)

    def _over_one_ball(self, other: Jet | Array | float) -> tuple[Jet, Jet]:
        """Both operands as jets on the same ball; constants are constant on every ball."""
        if not isinstance(other, Jet):
            return self, self.numbers(np.asarray(other, float))
        if self.radius == other.radius:
            return self, other
        if self.gradient is None:
            return replace(self, radius=other.radius), other
        if other.gradient is None:
            return self, replace(other, radius=self.radius)
        raise UsageError(f"jets on balls of the radii {self.radius} and {other.radius} do not mix")

    def _total(self, other: Jet, values: BallArray) -> Jet:
        """These values, with the sum of both gradients."""
        one, two, shape = self.gradient, other.gradient, values.shape
        spread = np.broadcast_to(self.spread + other.spread, shape)
        if one is None or two is None:
            only = self if two is None else other
            if only.gradient is None:
                return self._constant(values)
            gradient = np.broadcast_to(only.gradient, (*shape, only.gradient.shape[-1]))
            block = only.block if only.shape == shape else NO_BOUND
            return self._with(values, gradient, spread, block)
        gradient = one + two
        rounded = UNIT * row_norms(gradient)
        same = self.shape == other.shape == shape
        block = up(self.block + other.block + row_norms(rounded), 2) if same else NO_BOUND
        return self._with(values, gradient, up(spread + rounded, 2), block)

    def _swapped(self) -> Jet:
        """The two last axes exchanged."""
        axes = list(range(len(self.shape)))
        axes[-2:] = axes[-1], axes[-2]
        return self.transpose(*axes)

    def _rearranged(
        self, values: BallArray, move: Callable[[Array, tuple[int, ...]], Array], block: Array
    ) -> Jet:
        gradient = self.gradient
        moved = None if gradient is None else move(gradient, gradient.shape[-1:])
        return self._with(values, moved, move(self.spread, ()), block)

    def _constant(self, values: BallArray) -> Jet:
        return self._with(values, None, np.zeros(values.shape))

    def _with(
        self, values: BallArray, gradient: Array | None, spread: Array, block: Array = NO_BOUND
    ) -> Jet:
        return Jet(values, gradient, spread, block, radius=self.radius)


def _times_gradient(by: Jet, x: Jet, values: BallArray) -> Jet:
    """The part by * grad x of the gradient of a product."""
    shape = values.shape
    if x.gradient is None:
        return x._constant(values)
    size = np.abs(by.mid)
    rounded = UNIT * np.broadcast_to(size * x.norms, shape)
    spread = np.broadcast_to(size * x.spread + by.reach * x.slope, shape) + rounded
    block: Array = NO_BOUND
    if x.shape == shape:
        block = size.max(-1) * x.block + by.reach.max(-1) * x.block_slope
        block = np.minimum(block, size.max(-1) * x.block + row_norms(by.reach * x.slope))
        block = up(block + row_norms(rounded), 4)
    elif x.shape[-1] == 1 and by.shape == shape:
        block = row_norms(by.mid) * x.spread[..., 0] + by.block_reach * x.slope[..., 0]
        block = up(block + row_norms(rounded), 4)
    gradient = np.broadcast_to(by.mid[..., None] * x.gradient, (*shape, x.gradient.shape[-1]))
    return x._with(values, gradient, up(spread, 4), block)


def _products_of_rows(x: Jet, y: Jet, values: BallArray) -> Jet:
    """The part of the gradient of x y^T that moves x: for the row i of x, all y_j . grad x_i."""
    assert x.gradient is not None
    n = x.shape[-1]
    turned = np.swapaxes(np.abs(y.mid), -1, -2)
    gradient = np.matmul(y.mid[..., None, :, :], x.gradient)
    rounded = gamma(n) * up(x.norms @ turned, n)
    by_entry = x.spread @ turned + x.slope @ np.swapaxes(y.reach, -1, -2)
    size, far = row_norms(y.mid)[..., None, :], y.block_reach[..., None, :]
    by_block = x.block[..., None] * size + x.block_slope[..., None] * far
    spread = np.minimum(by_entry, by_block) + rounded
    block = operator_norms(y.mid)[..., None] * x.block
    block = block + row_norms(y.block_reach)[..., None] * x.block_slope + row_norms(rounded)
    return x._with(values, gradient, up(spread, 2 * n), up(block, 2 * n))
