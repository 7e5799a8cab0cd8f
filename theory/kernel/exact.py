"""Exact linear algebra on lists of fractions, for falsifiers: obvious code without rounding."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from math import isqrt

from ...support.errors import UsageError

Vector = Sequence[Fraction]
Matrix = Sequence[Vector]


def identity_matrix(size: int) -> Matrix:
    """The identity matrix."""
    return [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]


def apply(matrix: Matrix, vector: Vector) -> list[Fraction]:
    """Matrix times vector."""
    return [sum((a * x for a, x in zip(row, vector, strict=True)), Fraction(0)) for row in matrix]


def multiply(left: Matrix, right: Matrix) -> Matrix:
    """Matrix product."""
    columns = list(zip(*right, strict=True))
    return [
        [sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0)) for column in columns]
        for row in left
    ]


def conjugate(basis: Matrix, block: Matrix, inverse: Matrix) -> Matrix:
    """The product basis x block x inverse."""
    return multiply(multiply(basis, block), inverse)


def add(left: Vector, right: Vector) -> list[Fraction]:
    """left + right."""
    return [a + b for a, b in zip(left, right, strict=True)]


def difference(left: Vector, right: Vector) -> list[Fraction]:
    """left - right."""
    return [a - b for a, b in zip(left, right, strict=True)]


def norm1(vector: Vector) -> Fraction:
    """Sum of absolute values."""
    return sum((abs(x) for x in vector), Fraction(0))


def unimodular(rng: random.Random, size: int) -> tuple[Matrix, Matrix]:
    """A random integer matrix of determinant 1 and its inverse: a product of `size` shears."""
    matrix, inverse = identity_matrix(size), identity_matrix(size)
    for _ in range(size):
        i, j = rng.sample(range(size), 2)
        k = rng.choice((-1, 1))
        matrix = multiply(matrix, _shear(size, i, j, k))
        inverse = multiply(_shear(size, i, j, -k), inverse)
    return matrix, inverse


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


def _shear(size: int, i: int, j: int, k: int) -> Matrix:
    """The identity with k at row i, column j."""
    return [
        [Fraction(k if (a, b) == (i, j) else int(a == b)) for b in range(size)] for a in range(size)
    ]
