"""Maps that can be evaluated with error bounds, on `Interval` arrays as well as on arb balls.

A map has `size`, `image(x)` (a list of coordinates), `jacobian(x)` (rows of coordinates) and
`bounds()`, a box that contains every fixed point. Matrices and vectors stand for the exact doubles
that they hold. A map must not multiply two plain floats, because their product would be rounded
without a bound: multiply coordinates by floats, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from ..loops.protocol import LoopError
from .coordinates import (
    Coordinate,
    Matrix,
    Vector,
    constant,
    matrix_of,
    norm_derivative,
    product,
    rms_norm,
    squared,
    tanh,
    total,
    vector_of,
)

_ROUNDING = 1e-12
"""Relative margin of a box of bounds, far above the rounding of a sum of a few hundred doubles."""


class CertifiedMap(Protocol):
    """The interface of a map h -> f(h) on R^size whose fixed points can be certified."""

    @property
    def size(self) -> int:
        """Dimension of the state."""
        ...

    def image(self, x: Vector) -> list[Coordinate]:
        """An enclosure of f on x, one entry per coordinate."""
        ...

    def jacobian(self, x: Vector) -> list[list[Coordinate]]:
        """An enclosure of the Jacobian of f on x, by rows."""
        ...

    def bounds(self) -> tuple[Array, Array] | None:
        """The ends of a box whose interior contains every fixed point; None if none is known."""
        ...


@dataclass(frozen=True)
class TanhMap:
    """f(h) = A tanh(W h + c) + b, built with `TanhMap.of`; `drive` is c."""

    outer: Matrix
    inner: Matrix
    drive: tuple[Any, ...]
    bias: tuple[float, ...]

    @classmethod
    def of(cls, outer: Any, inner: Any, bias: Any, drive: Any = None) -> TanhMap:
        """Check the sizes and build the map.

        Args:
            outer: Matrix A, (d, k).
            inner: Matrix W, (k, d).
            bias: Vector b, (d,).
            drive: Vector c, (k,); default 0.

        Raises:
            UsageError: If the sizes do not fit together, or an entry is not finite.
        """
        w = matrix_of(inner, "W")
        a = matrix_of(outer, "A", len(w))
        if len(a) != len(w[0]):
            raise UsageError(
                f"A has {len(a)} rows but W has {len(w[0])} columns: A tanh(W h) must map the state"
                " to itself"
            )
        return cls(
            a,
            w,
            vector_of(np.zeros(len(w)) if drive is None else drive, "c", len(w)),
            vector_of(bias, "b", len(a)),
        )

    @property
    def size(self) -> int:
        """Dimension d."""
        return len(self.outer)

    def _hidden(self, x: Vector) -> list[Coordinate]:
        return [tanh(u + c) for u, c in zip(product(self.inner, x), self.drive, strict=True)]

    def image(self, x: Vector) -> list[Coordinate]:
        """A tanh(W x + c) + b."""
        return [u + b for u, b in zip(product(self.outer, self._hidden(x)), self.bias, strict=True)]

    def jacobian(self, x: Vector) -> list[list[Coordinate]]:
        """A diag(1 - tanh^2) W."""
        columns = [
            product(self.outer, column)
            for column in zip(*self._weighted(x, self.inner), strict=True)
        ]
        return [list(row) for row in zip(*columns, strict=True)]

    def _weighted(self, x: Vector, matrix: Matrix) -> list[list[Coordinate]]:
        return [
            [(1 - squared(t)) * w for w in row]
            for t, row in zip(self._hidden(x), matrix, strict=True)
        ]

    def drive_jacobian(self, x: Vector, direction: Vector) -> list[Coordinate]:
        """The derivative of f with respect to c along `direction`."""
        return product(
            self.outer,
            [(1 - squared(t)) * u for t, u in zip(self._hidden(x), direction, strict=True)],
        )

    def driven(self, drive: Vector) -> TanhMap:
        """The map with c replaced by `drive`, which may consist of arb balls."""
        return replace(self, drive=tuple(drive))

    def bounds(self) -> tuple[Array, Array]:
        """|h_i - b_i| <= sum_j |A_ij|, because |tanh| < 1; `_ROUNDING` covers the rounded sum."""
        radius = np.abs(np.array(self.outer)).sum(1) * (1 + _ROUNDING) + _ROUNDING * (
            1 + np.abs(self.bias)
        )
        return np.array(self.bias) - radius, np.array(self.bias) + radius


@dataclass(frozen=True)
class NormMap:
    """f(h) = N(a h + A phi(h) + c), with N(z) = z / sqrt(mean z^2 + eps).

    The map is built with `NormMap.of`. phi is tanh if `saturates`, otherwise the identity; `drive`
    is c (with recall: beta e).
    """

    residual: float
    matrix: Matrix
    drive: tuple[Any, ...]
    eps: float
    saturates: bool

    @classmethod
    def of(
        cls, residual: float, matrix: Any, drive: Any, eps: float = 1e-3, activation: str = "tanh"
    ) -> NormMap:
        """Check the arguments and build the map.

        Args:
            residual: Number a.
            matrix: Matrix A, (d, d).
            drive: Vector c, (d,).
            eps: Number eps >= 0 in the norm; with 0 the map is undefined where z = 0.
            activation: `tanh` or `linear`.

        Raises:
            UsageError: If the activation is unknown, the sizes do not fit together, eps is
                negative, or a number is not finite.
        """
        if activation not in ("tanh", "linear"):
            raise UsageError(f"unknown activation {activation!r}: use tanh or linear")
        if not (np.isfinite(eps) and eps >= 0 and np.isfinite(residual)):
            raise UsageError(
                f"a normalised map needs finite a and eps >= 0, not {residual} and {eps}"
            )
        a = matrix_of(matrix, "A", len(np.atleast_1d(drive)))
        return cls(
            float(residual),
            matrix_of(matrix, "A", len(a)),
            vector_of(drive, "c", len(a)),
            float(eps),
            activation == "tanh",
        )

    @property
    def size(self) -> int:
        """Dimension d."""
        return len(self.matrix)

    def _inside(self, x: Vector) -> list[Coordinate]:
        """z = a x + A phi(x) + c."""
        update = product(self.matrix, [tanh(xi) for xi in x] if self.saturates else x)
        return [self.residual * xi + u + c for xi, u, c in zip(x, update, self.drive, strict=True)]

    def _inside_jacobian(self, x: Vector) -> list[list[Coordinate]]:
        slopes = [1 - squared(tanh(xi)) if self.saturates else constant(xi, 1.0) for xi in x]
        rows = [[slope * a for slope, a in zip(slopes, row, strict=True)] for row in self.matrix]
        for i, row in enumerate(rows):
            row[i] = row[i] + self.residual
        return rows

    def image(self, x: Vector) -> list[Coordinate]:
        """N(z)."""
        return rms_norm(self._inside(x), self.eps)

    def jacobian(self, x: Vector) -> list[list[Coordinate]]:
        """DN(z) Dz, DN = (1/s)(I - n n^T / d), n = N(z) (N1)."""
        n, scale = self._norm(x)
        columns = [
            norm_derivative(n, scale, column)
            for column in zip(*self._inside_jacobian(x), strict=True)
        ]
        return [list(row) for row in zip(*columns, strict=True)]

    def _norm(self, x: Vector) -> tuple[list[Coordinate], Coordinate]:
        """N(z) and sqrt(mean z^2 + eps)."""
        z = self._inside(x)
        return rms_norm(z, self.eps), (total(map(squared, z)) / self.size + self.eps).sqrt()

    def drive_jacobian(self, x: Vector, direction: Vector) -> list[Coordinate]:
        """The derivative of f with respect to c along `direction`."""
        return norm_derivative(*self._norm(x), direction)

    def driven(self, drive: Vector) -> NormMap:
        """The map with c replaced by `drive`, which may consist of arb balls."""
        return replace(self, drive=tuple(drive))

    def bounds(self) -> tuple[Array, Array]:
        """|N(z)| <= sqrt(d)."""
        radius = np.full(self.size, np.sqrt(self.size) * (1 + _ROUNDING))
        return -radius, radius


@dataclass(frozen=True)
class FunctionMap:
    """A map given by two functions of a list of coordinates.

    The functions may use + - * /, `.sqrt()`, and `tanh` and `squared` of this module. Nothing is
    known about where the fixed points lie: `certify` needs a box.

    Args:
        size: Number d of coordinates.
        f: Function that returns the d coordinates of the image.
        derivative: Function that returns the rows of the Jacobian, d lists of d coordinates.
    """

    size: int
    f: Callable[[Vector], Sequence[Coordinate | float]]
    derivative: Callable[[Vector], Sequence[Sequence[Coordinate | float]]]

    def image(self, x: Vector) -> list[Coordinate]:
        """f(x), with plain numbers converted to coordinates."""
        return self._coordinates(self.f(x), x, "f")

    def jacobian(self, x: Vector) -> list[list[Coordinate]]:
        """The Jacobian, with plain numbers converted to coordinates."""
        rows = self.derivative(x)
        if len(rows) != self.size:
            raise LoopError(
                f"derivative returned {len(rows)} rows for a state of {self.size} coordinates:"
                " return one row per coordinate"
            )
        return [self._coordinates(row, x, "derivative") for row in rows]

    def _coordinates(
        self, values: Sequence[Coordinate | float], x: Vector, name: str
    ) -> list[Coordinate]:
        if len(values) != self.size:
            raise LoopError(
                f"{name} returned {len(values)} coordinates for a state of {self.size}: a looped"
                " map must keep the shape"
            )
        return [constant(x[0], float(v)) if isinstance(v, int | float) else v for v in values]

    def bounds(self) -> None:
        """None: no box is known that contains the fixed points."""
        return
