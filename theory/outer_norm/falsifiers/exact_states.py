"""Exact facts about rational matrices and loops N(A h + b), for predicates of outer norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flint
import sympy as sp
from flint import fmpq_mat

from ...kernel.algebra import diagonal, fmpq


def rows(entries: Sequence[Sequence[Any]]) -> fmpq_mat:
    """The matrix of these rationals."""
    flat = [fmpq(x) for row in entries for x in row]
    return fmpq_mat(len(entries), len(entries[0]), flat)


def column(entries: Sequence[Any]) -> fmpq_mat:
    """The column of these rationals."""
    return rows([[x] for x in entries])


def unit(size: int) -> fmpq_mat:
    """The identity matrix."""
    return diagonal([1] * size)


def dot(x: fmpq_mat, y: fmpq_mat) -> flint.fmpq:
    """The inner product of two columns."""
    return (x.transpose() * y)[0, 0]


def centring(size: int) -> fmpq_mat:
    """C = I - 1 1^T/d, which subtracts the mean."""
    return unit(size) - fmpq_mat(size, size, [flint.fmpq(1, size)] * size**2)


def sphere_point(axis: Sequence[Any]) -> fmpq_mat:
    """A rational column of norm sqrt(d): (1, ..., 1) reflected in the hyperplane across `axis`."""
    normal, ones = column(axis), column([1] * len(axis))
    return ones - (2 * dot(normal, ones) / dot(normal, normal)) * normal


def is_semidefinite(matrix: fmpq_mat) -> bool:
    """Whether a symmetric matrix has no negative eigenvalue.

    As its eigenvalues are real, that is so iff the coefficients of its characteristic polynomial
    alternate.
    """
    size = matrix.nrows()
    coefficients = matrix.charpoly().coeffs()
    return all((-1) ** (size - k) * x >= 0 for k, x in enumerate(coefficients))


def norm_at_most(matrix: fmpq_mat, bound: Any) -> bool:
    """Whether |M|_2 <= bound: bound^2 - M^T M has no negative eigenvalue."""
    top = bound if isinstance(bound, flint.fmpq) else fmpq(bound)
    return top >= 0 and is_semidefinite(top**2 * unit(matrix.ncols()) - matrix.transpose() * matrix)


def norm_between(matrix: fmpq_mat, halvings: int = 24) -> tuple[flint.fmpq, flint.fmpq]:
    """Rational bounds low < |M|_2 <= high of the 2-norm, or (0, 0) for the zero matrix."""
    high = sum((abs(x) for x in matrix.entries()), flint.fmpq(0))
    low = flint.fmpq(0)
    for _ in range(halvings if high else 0):
        middle = (low + high) / 2
        if norm_at_most(matrix, middle):
            high = middle
        else:
            low = middle
    return low, high


def has_fixed_state(matrix: fmpq_mat, drive: fmpq_mat) -> bool:
    """Whether some k of norm sqrt(d) satisfies w k = M k + b with a scale w > 0.

    That is so iff the block matrix ((M^T, I), (b b^T/d, M)) has a positive eigenvalue. Its
    characteristic polynomial at w is det(w - M)^2 (1 - |(w - M)^{-1} b|^2/d), which is positive
    for large w: so it has a positive root if M has a positive eigenvalue. If w > 0 is a root and
    not an eigenvalue of M, then k = (w - M)^{-1} b. Let M have a positive eigenvalue. If
    |(w - M)^{-1} b| exceeds sqrt(d) for some w > 0 it equals sqrt(d) for a larger one, as it tends
    to 0. If not, (w - M)^{-1} b has a limit at the eigenvalue, of norm at most sqrt(d), and a
    multiple of the eigenvector completes it to a state.
    """
    size = matrix.nrows()
    above = [
        [*a, *b] for a, b in zip(matrix.transpose().tolist(), unit(size).tolist(), strict=True)
    ]
    outer = flint.fmpq(1, size) * (drive * drive.transpose())
    below = [[*a, *b] for a, b in zip(outer.tolist(), matrix.tolist(), strict=True)]
    block = fmpq_mat(2 * size, 2 * size, [x for row in (*above, *below) for x in row])
    return has_root(block.charpoly(), sp.Integer(0), None)


def has_root(polynomial: flint.fmpq_poly, low: Any, high: Any) -> bool:
    """Whether a polynomial that is not zero has a root strictly between `low` and `high`.

    An end that is None stands for infinity.
    """
    coefficients = [sp.Rational(int(x.p), int(x.q)) for x in polynomial.coeffs()]
    exact = sp.Poly(coefficients[::-1], sp.Symbol("w"))
    ends = sum(x is not None and exact.eval(x) == 0 for x in (low, high))
    return bool(exact.count_roots(low, high) > ends)


def show(matrix: fmpq_mat) -> str:
    """A matrix in one line; a column as a vector."""
    table = matrix.tolist()
    if matrix.ncols() == 1:
        return "(" + ", ".join(str(row[0]) for row in table) + ")"
    return "[" + "; ".join(", ".join(map(str, row)) for row in table) + "]"
