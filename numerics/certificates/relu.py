"""All fixed points of a ReLU map, exactly, by rational arithmetic.

Each activation pattern gives one linear system.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product as patterns_of
from typing import Any

import flint
import numpy as np

from ...support.errors import UsageError
from .coordinates import Matrix, matrix_of, vector_of

MOST_UNITS = 12
"""Largest number of hidden units: they give 2^12 linear systems, under a second of work."""


@dataclass(frozen=True)
class ReluMap:
    """f(h) = A relu(W h + c) + b; matrices and vectors stand for the exact doubles they hold."""

    outer: Matrix
    inner: Matrix
    drive: tuple[float, ...]
    bias: tuple[float, ...]

    @classmethod
    def of(cls, outer: Any, bias: Any, inner: Any = None, drive: Any = None) -> ReluMap:
        """Check the sizes and build the map.

        Args:
            outer: Matrix A, (d, k), with k at most `MOST_UNITS`.
            bias: Vector b, (d,).
            inner: Matrix W, (k, d); default the identity, for k = d.
            drive: Vector c, (k,); default 0.

        Raises:
            UsageError: If the sizes do not fit together, k is too large, or an entry is not finite.
        """
        a = matrix_of(outer, "A")
        d, units = len(a), len(a[0])
        if inner is None and d != units:
            raise UsageError(f"A relu(h) needs a square A, got {d} x {units}: give W")
        if units > MOST_UNITS:
            raise UsageError(
                f"{units} hidden units have 2^{units} activation patterns: use at most {MOST_UNITS}"
            )
        w = matrix_of(np.eye(d) if inner is None else inner, "W", d)
        if len(w) != units:
            raise UsageError(
                f"A has {units} columns but W has {len(w)} rows: they are the hidden units"
            )
        return cls(
            a,
            w,
            vector_of(np.zeros(units) if drive is None else drive, "c", units),
            vector_of(bias, "b", d),
        )

    @property
    def size(self) -> int:
        """Dimension d."""
        return len(self.outer)


@dataclass(frozen=True)
class LinearPiecePoint:
    """A fixed point in an activation region, the only one there.

    Args:
        exact: Its coordinates, exactly.
        active: The units that are on in the open region.
        determinant: det(I - J), exactly; it is not 0.
    """

    exact: tuple[Fraction, ...]
    active: tuple[bool, ...]
    determinant: Fraction

    @property
    def center(self) -> np.ndarray:
        """The nearest doubles."""
        return np.array([float(x) for x in self.exact])

    @property
    def index(self) -> int:
        """Sign of det(I - J)."""
        return 1 if self.determinant > 0 else -1

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, the exact ones as text."""
        return {
            "center": self.center.tolist(),
            "exact": [str(x) for x in self.exact],
            "active": list(self.active),
            "index": self.index,
            "determinant": str(self.determinant),
        }


@dataclass(frozen=True)
class ReluCertificate:
    """All fixed points inside activation regions, and the undecided activation patterns.

    `undecided` lists these patterns, each with the reason.
    """

    points: tuple[LinearPiecePoint, ...]
    undecided: tuple[tuple[tuple[bool, ...], str], ...]

    @property
    def count(self) -> int | None:
        """The exact number of fixed points in R^d; None where something is undecided."""
        return None if self.undecided else len(self.points)

    @property
    def index_sum(self) -> int:
        """Sum of the indices; it need not be 1, because a ReLU map may be unbounded."""
        return sum(point.index for point in self.points)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "count": self.count,
            "found": len(self.points),
            "undecided": len(self.undecided),
            "index_sum": self.index_sum,
            "points": [point.to_json() for point in self.points],
            "undecided_patterns": [
                {"active": list(active), "reason": reason} for active, reason in self.undecided
            ],
        }


def certify_relu(f: ReluMap) -> ReluCertificate:
    """Find all fixed points of a ReLU map.

    For every pattern D, the system (I - A D W) h = A D c + b is solved, and h is a fixed point if
    the signs of W h + c are those of D. A pattern is undecided if its system is singular but
    solvable (a line of fixed points if the solutions meet the region), or if its solution lies on
    the border of its region (a fixed point at which f is not differentiable).
    """
    d, units = f.size, len(f.inner)
    a, w, c, b = (
        _rational(x) for x in (f.outer, f.inner, [[x] for x in f.drive], [[x] for x in f.bias])
    )
    eye = flint.fmpq_mat(d, d, [int(i == j) for i in range(d) for j in range(d)])
    points, undecided = [], []
    for active in patterns_of((True, False), repeat=units):
        switch = flint.fmpq_mat(
            units, units, [int(i == j and active[i]) for i in range(units) for j in range(units)]
        )
        matrix, right = eye - a * switch * w, a * switch * c + b
        determinant = matrix.det()
        if determinant == 0:
            augmented = flint.fmpq_mat(
                [[*row, r[0]] for row, r in zip(matrix.tolist(), right.tolist(), strict=True)]
            )
            if augmented.rank() == matrix.rank():
                undecided.append((active, "singular: no fixed point or a continuum of them"))
            continue
        h = matrix.solve(right)
        before = (w * h + c).entries()
        if any((x > 0) != on for x, on in zip(before, active, strict=True) if x != 0):
            continue
        if any(x == 0 for x in before):
            undecided.append((active, "the solution lies on the border of its region"))
            continue
        points.append(
            LinearPiecePoint(
                tuple(_fraction(x) for x in h.entries()), active, _fraction(determinant)
            )
        )
    return ReluCertificate(tuple(points), tuple(undecided))


def _rational(rows: Any) -> flint.fmpq_mat:
    return flint.fmpq_mat([[flint.fmpq(*x.as_integer_ratio()) for x in row] for row in rows])


def _fraction(x: flint.fmpq) -> Fraction:
    return Fraction(int(x.p), int(x.q))
