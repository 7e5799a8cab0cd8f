"""From drawn floats to the rational numbers of exact predicates."""

from __future__ import annotations

from fractions import Fraction

from ...arrays import Array

SLACK = 1e-9
"""Relative room for the rounding of a float that is to bound something."""


def above(x: float) -> Fraction:
    """A rational number above what x is a rounding of."""
    return Fraction(x * (1 + SLACK))


def below(x: float) -> Fraction:
    """A rational number below what x is a rounding of, at least 0."""
    return Fraction(max(x * (1 - SLACK), 0.0))


def rows(matrix: Array) -> tuple[tuple[Fraction, ...], ...]:
    """The rows of a matrix, exactly."""
    return tuple(tuple(map(Fraction, row)) for row in matrix.tolist())
