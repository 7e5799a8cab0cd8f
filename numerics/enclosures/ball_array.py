"""Arrays of balls of any precision, which enclose an orbit in exact arithmetic.

The radius of a ball grows by about the norm of the derivative at every iteration, so an orbit of T
iterations is enclosed with some multiple of T bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import arb, arb_mat

from ...support.errors import UsageError
from ..arrays import Array
from .functions import FUNCTIONS
from .rounding import TINY


@dataclass(frozen=True)
class BallArray:
    """Numbers enclosed by Arb, with the operations of a `Jet`.

    The precision is that of `flint.ctx`.

    Args:
        balls: array of `flint.arb`, of any shape.
        matrices: weights that were converted before, by identity; shared by all arrays of an orbit,
            in which no weight may be changed.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.ball_array import BallArray
        >>> x = BallArray.exact(np.array([1.0, 2.0]))
        >>> float((x * x).sum().balls[0])
        5.0
    """

    balls: Any
    matrices: dict[int, tuple[Array, arb_mat]] = field(default_factory=dict, repr=False)

    @classmethod
    def exact(cls, values: Array, radius: Array | float = 0.0) -> BallArray:
        """Doubles as balls of radius 0, or of a given radius."""
        balls = np.empty(values.shape, object)
        flat = np.asarray(values, float).ravel().tolist()
        if np.any(radius):
            radii = np.broadcast_to(radius, values.shape).ravel().tolist()
            balls.ravel()[:] = [arb(x, r) for x, r in zip(flat, radii, strict=True)]
        else:
            balls.ravel()[:] = [arb(x) for x in flat]
        return cls(balls)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.balls.shape

    @property
    def mid(self) -> Array:
        """The midpoints, rounded to doubles."""
        return self._floats(lambda ball: float(ball.mid()))

    @property
    def centers(self) -> BallArray:
        """The midpoints, exactly."""
        return self._of([ball.mid() for ball in self.balls.ravel().tolist()], self.shape)

    @property
    def radius(self) -> arb:
        """An upper bound of the 2-norm of all radii."""
        return _norm([ball.rad() for ball in self.balls.ravel().tolist()])

    def distance(self, center: Array) -> Array:
        """For each entry, an upper bound of its distance from a double, as a double."""
        flat = zip(self.balls.ravel().tolist(), center.ravel().tolist(), strict=True)
        far = [float(abs(ball - x).upper()) * (1 + 2.0**-50) + TINY for ball, x in flat]
        return np.array(far).reshape(self.shape)

    def numbers(self, values: Array) -> BallArray:
        """Doubles as balls of radius 0, with the same converted weights."""
        return BallArray(_balls(values), self.matrices)

    def affine(self, weight: Array, bias: Array | None = None) -> BallArray:
        """weight @ x + bias along the last axis; weight is (out, in)."""
        out, n = weight.shape
        if weight.dtype != np.float64:
            raise UsageError(f"a weight is in {weight.dtype}: give weights in float64")
        if id(weight) not in self.matrices:
            self.matrices[id(weight)] = (weight, arb_mat(n, out, weight.T.ravel().tolist()))
        rows = self.balls.size // n
        product = arb_mat(rows, n, self.balls.ravel().tolist()) * self.matrices[id(weight)][1]
        made = self._of(product.entries(), (*self.shape[:-1], out))
        return made if bias is None else made + bias

    def __add__(self, other: BallArray | Array | float) -> BallArray:
        return BallArray(self.balls + _balls(other), self.matrices)

    def __neg__(self) -> BallArray:
        return BallArray(-self.balls, self.matrices)

    def __sub__(self, other: BallArray) -> BallArray:
        return BallArray(self.balls - other.balls, self.matrices)

    def __mul__(self, other: BallArray | Array | float) -> BallArray:
        return BallArray(self.balls * _balls(other), self.matrices)

    def over(self, divisor: float) -> BallArray:
        """x / divisor."""
        return BallArray(self.balls / arb(divisor), self.matrices)

    def sum(self) -> BallArray:
        """The sum over the last axis, which stays as an axis of length 1."""
        return BallArray(self.balls.sum(-1, keepdims=True), self.matrices)

    def map(self, name: str) -> BallArray:
        """An elementary function of every entry, by its name in `functions.FUNCTIONS`."""
        value = FUNCTIONS[name].value
        return self._of([value(x) for x in self.balls.ravel().tolist()], self.shape)

    def square_sum(self) -> BallArray:
        """The sum of squares over the last axis, which stays as an axis of length 1."""
        return (self * self).sum()

    def inner(self, other: BallArray) -> BallArray:
        """The inner products x y^T of (..., a, n) with (..., b, n)."""
        return self.matmul(other.swapped())

    def matmul(self, other: BallArray) -> BallArray:
        """The matrix products x @ y over the last two axes; all axes before them agree."""
        *batch, m, n = self.shape
        p = other.shape[-1]
        pairs = zip(self.balls.reshape(-1, m * n), other.balls.reshape(-1, n * p), strict=True)
        found: list[arb] = []
        for x, y in pairs:
            found += (arb_mat(m, n, x.tolist()) * arb_mat(n, p, y.tolist())).entries()
        return self._of(found, (*batch, m, p))

    def swapped(self) -> BallArray:
        """The two last axes exchanged."""
        return BallArray(self.balls.swapaxes(-1, -2), self.matrices)

    def reshape(self, *shape: int) -> BallArray:
        """The same entries in another shape."""
        return BallArray(self.balls.reshape(*shape), self.matrices)

    def transpose(self, *axes: int) -> BallArray:
        """The axes in another order."""
        return BallArray(self.balls.transpose(*axes), self.matrices)

    def __getitem__(self, index: Any) -> BallArray:
        return BallArray(self.balls[index], self.matrices)

    @staticmethod
    def concatenate(parts: Sequence[BallArray], axis: int) -> BallArray:
        """Arrays one after another along an axis, counted from the first."""
        if axis < 0:
            raise UsageError(f"concatenate counts axes from the first, not {axis}")
        balls = np.concatenate([part.balls for part in parts], axis)
        return BallArray(balls, parts[0].matrices)

    def _of(self, entries: list[arb], shape: tuple[int, ...]) -> BallArray:
        balls = np.empty(shape, object)
        balls.ravel()[:] = entries
        return BallArray(balls, self.matrices)

    def _floats(self, function: Callable[[arb], float]) -> Array:
        return np.array([function(x) for x in self.balls.ravel().tolist()]).reshape(self.shape)


def _norm(values: list[arb]) -> arb:
    """An upper bound of the 2-norm, as an exact number."""
    return sum((x * x for x in values), arb(0)).sqrt().upper()


def _balls(other: BallArray | Array | float) -> Any:
    if isinstance(other, BallArray):
        return other.balls
    return BallArray.exact(np.asarray(other, float)).balls
