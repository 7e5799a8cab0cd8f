"""Exact linear algebra on lists of fractions, for falsifiers: obvious code without rounding."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt

from ...support.errors import UsageError

Vector = Sequence[Fraction]
Matrix = Sequence[Vector]


def apply(matrix: Matrix, vector: Vector) -> list[Fraction]:
    """Matrix times vector."""
    return [sum((a * x for a, x in zip(row, vector, strict=True)), Fraction(0)) for row in matrix]


def add(left: Vector, right: Vector) -> list[Fraction]:
    """left + right."""
    return [a + b for a, b in zip(left, right, strict=True)]


def rational_root(x: Fraction) -> Fraction:
    """The square root of the square of a rational.

    Raises:
        UsageError: the root is not rational.
    """
    x = Fraction(x)
    if x >= 0:
        found = Fraction(isqrt(x.numerator), isqrt(x.denominator))
        if found**2 == x:
            return found
    raise UsageError(f"the square root of {x} is not rational: choose an exact case")
