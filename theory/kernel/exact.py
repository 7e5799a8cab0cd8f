"""Small exact linear algebra on lists of fractions, for falsifiers: obvious code, no rounding."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

Vector = Sequence[Fraction]
Matrix = Sequence[Vector]


def identity_matrix(size: int) -> Matrix:
    """The identity."""
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
    """basis block inverse."""
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
    """A random integer matrix of determinant 1 and its inverse (products of a few shears)."""
    matrix, inverse = identity_matrix(size), identity_matrix(size)
    for _ in range(size):
        i, j = rng.sample(range(size), 2)
        k = rng.choice((-1, 1))
        shear = [
            [Fraction(int(a == b) + (k if (a, b) == (i, j) else 0)) for b in range(size)]
            for a in range(size)
        ]
        undo = [
            [Fraction(int(a == b) - (k if (a, b) == (i, j) else 0)) for b in range(size)]
            for a in range(size)
        ]
        matrix, inverse = multiply(matrix, shear), multiply(undo, inverse)
    return matrix, inverse
