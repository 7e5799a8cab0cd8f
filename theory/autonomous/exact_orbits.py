"""Exact answers about orbits of rational matrices, without iterating them.

What M^t v does as t grows is read off the minimal polynomial q of v, the monic polynomial of least
degree with q(M) v = 0: the eigenvalues that v feels, with the sizes of their Jordan blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import flint

from ...support.errors import UsageError
from ..kernel.algebra import diagonal, fmpq

Exact = flint.fmpq_mat
Polynomial = flint.fmpq_poly
Z = Polynomial([0, 1])
"""the variable of the polynomials"""


def matrix(rows: Iterable[Sequence[Any]]) -> Exact:
    """The matrix of these rows of rationals."""
    return Exact([[fmpq(entry) for entry in row] for row in rows])


def column(entries: Iterable[Any]) -> Exact:
    """The column of these rationals."""
    return matrix([entry] for entry in entries)


def identity(size: int) -> Exact:
    """The identity matrix."""
    return diagonal([1] * size)


def text(values: Exact) -> str:
    """A matrix as [(1, 2); (3, 4)], a column as (1, 2)."""
    rows = values.tolist()
    if values.ncols() == 1:
        return "(" + ", ".join(str(row[0]) for row in rows) + ")"
    return "[" + "; ".join("(" + ", ".join(map(str, row)) + ")" for row in rows) + "]"


def beside(*columns: Exact) -> Exact:
    """The matrix of these columns, or matrices, side by side."""
    rows = zip(*(part.tolist() for part in columns), strict=True)
    return Exact([[entry for part in row for entry in part] for row in rows])


def annihilator(m: Exact, v: Exact) -> Polynomial:
    """The monic polynomial q of least degree with q(M) v = 0."""
    krylov = [v]
    while True:
        reduced, rank = beside(*krylov).rref()
        if rank < len(krylov):
            # the last column is a combination of the others, which are independent
            return Z**rank - Polynomial([reduced[i, rank] for i in range(rank)])
        krylov.append(m * krylov[-1])


def value(polynomial: Polynomial, m: Exact, v: Exact) -> Exact:
    """polynomial(M) v, by Horner's rule."""
    result = v * 0
    for coefficient in reversed(polynomial.coeffs()):
        result = m * result + v * coefficient
    return result


def is_stable(polynomial: Polynomial) -> bool:
    """Whether all roots have modulus below 1: the Schur-Cohn recursion, in exact numbers."""
    coefficients = polynomial.coeffs()
    while len(coefficients) > 1:
        first, last = coefficients[0], coefficients[-1]
        if abs(first) >= abs(last):
            return False
        pairs = zip(coefficients[1:], reversed(coefficients[:-1]), strict=True)
        coefficients = [a - first / last * b for a, b in pairs]
    return True


def affine_limit(m: Exact, c: Exact, h: Exact) -> Exact | None:
    """The limit of h' = M h + c from h; None if the orbit does not converge.

    It converges iff its steps M^t s, s = M h + c - h, go to 0, that is iff the minimal polynomial q
    of s is stable. Then the sum of all steps is r(M) s/q(1), r(z) = (q(1) - q(z))/(1 - z).
    """
    step = m * h + c - h
    q = annihilator(m, step)
    if not is_stable(q):
        return None
    total = q(flint.fmpq(1))
    return h + value((total - q) / (1 - Z), m, step) * (1 / total)


class Top(NamedTuple):
    """The roots of largest modulus, and among them those of largest multiplicity.

    Attributes:
        square: the square of their modulus.
        multiplicity: the multiplicity of those that are most often.
        factors: the irreducible factors whose roots these are.
    """

    square: flint.fmpq
    multiplicity: int
    factors: tuple[Polynomial, ...]

    @property
    def root(self) -> flint.fmpq | None:
        """The one root of largest modulus and multiplicity if it is alone and positive."""
        first, *others = self.factors
        root = -first[0]
        return root if not others and first.degree() == 1 and root > 0 else None


def top(polynomial: Polynomial) -> Top:
    """The dominant roots of a monic polynomial of degree >= 1.

    Raises:
        UsageError: a root is neither rational nor one of a pair of complex roots a +- ib with
            rational 2a and a^2 + b^2, so that moduli cannot be compared exactly.
    """
    found = [(modulus_square(factor), count, factor) for factor, count in factors(polynomial)]
    square = max(item[0] for item in found)
    multiplicity = max(item[1] for item in found if item[0] == square)
    dominant = tuple(item[2] for item in found if item[:2] == (square, multiplicity))
    return Top(square, multiplicity, dominant)


def factors(polynomial: Polynomial) -> list[tuple[Polynomial, int]]:
    """The monic irreducible factors over the rationals, with their multiplicities."""
    return [(f / f[f.degree()], multiplicity) for f, multiplicity in polynomial.factor()[1]]


def modulus_square(factor: Polynomial) -> flint.fmpq:
    """The squared modulus of the roots of a monic irreducible polynomial."""
    if factor.degree() == 1:
        return factor[0] * factor[0]
    if factor.degree() == 2 and factor[1] * factor[1] < 4 * factor[0]:
        return factor[0]
    raise UsageError(f"the roots of {factor} have no modulus that can be compared exactly")


def limit_direction(m: Exact, h: Exact) -> tuple[flint.fmpq, Exact] | None:
    """The limit of the direction of M^t h as (l, v), M v = l v, l > 0; None if there is none.

    With q the minimal polynomial of h and k the multiplicity of its dominant root l, the limit is
    along (q/(z - l))(M) h times the sign of (q/(z - l)^k)(l).
    """
    q = annihilator(m, h)
    dominant = top(q) if q.degree() else None
    root = dominant.root if dominant else None
    if dominant is None or root is None:
        return None
    rest = q / (Z - root) ** dominant.multiplicity
    vector = value(q / (Z - root), m, h)
    return root, vector if rest(root) > 0 else -vector


def parallel(a: Exact, b: Exact) -> bool:
    """Whether two columns that are not 0 lie on one line."""
    return beside(a, b).rank() == 1
