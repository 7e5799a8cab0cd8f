"""Attacks on M5, non-normal Jacobians: what happens when one assumption is dropped.

The cases are planar matrices with rational entries.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

from ...kernel.exact import Matrix, conjugate, identity_matrix, multiply, unimodular
from ...kernel.random_falsifier import RandomFalsifier


def norm_at_most(matrix: Matrix, square: Fraction) -> bool:
    """Whether |M|_2^2 <= square for a 2 x 2 matrix: square - M^T M is positive semidefinite.

    The diagonal and the determinant decide this.
    """
    (a, b), (c, d) = matrix
    first, second, mixed = square - a * a - c * c, square - b * b - d * d, a * b + c * d
    return first >= 0 and second >= 0 and first * second >= mixed**2


def resolvent(matrix: Matrix) -> Matrix:
    """(I - J)^{-1} for a 2 x 2 matrix without the eigenvalue 1."""
    (a, b), (c, d) = matrix
    det = (1 - a) * (1 - d) - b * c
    return [[(1 - d) / det, b / det], [c / det, (1 - a) / det]]


def corner(r: Fraction, c: Fraction) -> Matrix:
    """The matrix [[r, c], [0, r]]."""
    return [[r, c], [Fraction(0), r]]


class _Jacobian(NamedTuple):
    """A matrix and its spectral radius."""

    matrix: Matrix
    rho: Fraction


def _show(matrix: Matrix) -> str:
    return "[" + "; ".join("(" + ", ".join(map(str, row)) + ")" for row in matrix) + "]"


def _normal(rng: random.Random, keep: bool) -> _Jacobian:
    """rho times a rational rotation, or a Jordan block with the same spectral radius."""
    rho, q = Fraction(rng.randint(1, 9), 10), Fraction(rng.randint(-9, 9), 7)
    cos, sin = (1 - q * q) / (1 + q * q), 2 * q / (1 + q * q)
    if keep:
        return _Jacobian([[rho * cos, -rho * sin], [rho * sin, rho * cos]], rho)
    return _Jacobian(corner(rho, Fraction(rng.randint(1, 9))), rho)


def _is_normal(case: _Jacobian) -> bool:
    transpose = [list(column) for column in zip(*case.matrix, strict=True)]
    return multiply(case.matrix, transpose) == multiply(transpose, case.matrix)


def _exceeds_radius(case: _Jacobian) -> str | None:
    where = f"J = {_show(case.matrix)}, rho = {case.rho}"
    if not norm_at_most(resolvent(case.matrix), 1 / (1 - case.rho) ** 2):
        return f"{where}: |(I - J)^-1| > 1/(1 - rho) = {1 / (1 - case.rho)}"
    power: Matrix = identity_matrix(2)
    for t in range(1, 9):
        power = multiply(power, case.matrix)
        if not norm_at_most(power, case.rho ** (2 * t)):
            return f"{where}: |J^{t}| > rho^{t}"
    return None


def _contractive(rng: random.Random, keep: bool) -> _Jacobian:
    """A triangular matrix in another basis, of spectral radius at most 4/5, or at least 1."""
    rho = Fraction(rng.randint(1, 8), 10) if keep else Fraction(rng.randint(10, 13), 10)
    basis, inverse = unimodular(rng, 2)
    other = rho * Fraction(rng.randint(-9, 9), 10)
    triangle = [[rho, Fraction(rng.randint(-3, 3))], [Fraction(0), other]]
    return _Jacobian(conjugate(basis, triangle, inverse), rho)


def _neumann_sum_fails(case: _Jacobian) -> str | None:
    """J^128 is not small, so that the Neumann sum has not converged.

    (I - J) Sum_{k<t} J^k = I - J^t, so the sum tends to the resolvent iff J^t -> 0.
    """
    power = case.matrix
    for _ in range(7):
        power = multiply(power, power)
    if not norm_at_most(power, Fraction(1, 100)):
        where = f"J = {_show(case.matrix)}, rho = {case.rho}"
        return f"{where}: |J^128| > 1/10, the Neumann sum has not converged"
    return None


class _Rated(NamedTuple):
    """A matrix, its spectral radius, and the square of the constant C in |J^t| <= C rho^t.

    C^2 = |V|_F^2 |V^{-1}|_F^2 if V is a basis of eigenvectors.
    """

    matrix: Matrix
    rho: Fraction
    constant: Fraction


def _diagonalisable(rng: random.Random, keep: bool) -> _Rated:
    rho = Fraction(rng.randint(1, 9), 10)
    basis, inverse = unimodular(rng, 2)
    sizes = [sum((x * x for row in m for x in row), Fraction(0)) for m in (basis, inverse)]
    block = corner(rho, Fraction(1))
    if keep:
        block = [[rho, Fraction(0)], [Fraction(0), -rho * Fraction(rng.randint(0, 4), 4)]]
    return _Rated(conjugate(basis, block, inverse), rho, sizes[0] * sizes[1])


def _has_eigenbasis(case: _Rated) -> bool:
    """Whether the eigenvalues are distinct, by the discriminant of the characteristic polynomial.

    A multiple of I is never drawn.
    """
    (a, b), (c, d) = case.matrix
    return (a + d) ** 2 - 4 * (a * d - b * c) > 0


def _rate_fails(case: _Rated) -> str | None:
    power: Matrix = [[x / case.rho for x in row] for row in case.matrix]
    for doubling in range(1, 11):
        power = multiply(power, power)
        if not norm_at_most(power, case.constant):
            numbers = f"t = {2**doubling}, rho = {case.rho}, C^2 = {case.constant}"
            return f"J = {_show(case.matrix)}: |J^t| > C rho^t at {numbers}"
    return None


FALSIFIERS = (
    RandomFalsifier(
        "transient_growth",
        "normal",
        "|J^t| <= rho^t and |(I - J)^{-1}| <= 1/(1 - rho)",
        _normal,
        _is_normal,
        _exceeds_radius,
        trials=30,
    ),
    RandomFalsifier(
        "spectral_radius_not_below_one",
        "contractive",
        "the Neumann sum tends to (I - J)^{-1}",
        _contractive,
        lambda case: case.rho < 1,
        _neumann_sum_fails,
        trials=20,
    ),
    RandomFalsifier(
        "jordan_block",
        "diagonalisable",
        "|J^t| <= C rho^t for every t, C the condition number of V",
        _diagonalisable,
        _has_eigenbasis,
        _rate_fails,
        trials=20,
    ),
)
