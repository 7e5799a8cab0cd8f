"""Attacks on R1, the linear loop with recall: what breaks without one of its assumptions.

The loops are planar (d = 2) and the arithmetic is exact.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

from ...kernel.exact import Matrix, Vector, add, apply, conjugate, difference, norm1, unimodular
from ...kernel.random_falsifier import RandomFalsifier

LOOPS = 48
"""iterations after which two orbits are compared"""
RESIDUE = Fraction(1, 2**20)
"""distance below which the starts count as forgotten: moduli below 1/2 leave a share of 2^-48"""
SMALLEST_RECALL = Fraction(1, 100)
"""a lower bound of sigma_min(B) for the bases that occur"""


class _Loop(NamedTuple):
    """h' = M h + B e with M = `matrix`, B = `recall`."""

    matrix: Matrix
    recall: Matrix
    eigenvalues: tuple[Fraction, Fraction]
    starts: tuple[Vector, Vector]


def _loop(rng: random.Random, eigenvalues: tuple[Fraction, Fraction], recall: Matrix) -> _Loop:
    """Eigenvalues and recall (a diagonal matrix) in a random basis; two random starts."""
    basis, inverse = unimodular(rng, 2)
    first, second = (
        [Fraction(rng.randint(-5, 5)) + Fraction(k, 3), Fraction(rng.randint(-5, 5))]
        for k in (0, 1)
    )
    matrix = conjugate(basis, _diagonal(*eigenvalues), inverse)
    return _Loop(matrix, conjugate(basis, recall, inverse), eigenvalues, (first, second))


def _diagonal(a: Fraction, b: Fraction) -> Matrix:
    return [[a, Fraction(0)], [Fraction(0), b]]


def _pick(rng: random.Random, bound: int) -> Fraction:
    """A random non-zero multiple of 1/12 of modulus below bound/12, where bound <= 12."""
    return Fraction(rng.choice([k for k in range(1 - bound, bound) if k]), 12)


def _contractive(rng: random.Random, keep: bool) -> _Loop:
    expanding = (Fraction(-1), Fraction(1), Fraction(5, 4), Fraction(-4, 3))
    first = _pick(rng, 6) if keep else rng.choice(expanding)
    return _loop(rng, (first, _pick(rng, 6)), _diagonal(Fraction(1), Fraction(2)))


def _with_recall(rng: random.Random, keep: bool) -> _Loop:
    size = Fraction(rng.randint(1, 4))
    size = size if keep else Fraction(0)
    return _loop(rng, (_pick(rng, 6), _pick(rng, 6)), _diagonal(size, size))


def _near_one(rng: random.Random, keep: bool) -> _Loop:
    first = 1 - Fraction(1, 10 ** rng.randint(4, 6))
    eigenvalues = (first, _pick(rng, 6))
    return _loop(rng, eigenvalues, _diagonal(Fraction(int(keep)), Fraction(rng.randint(1, 3))))


def _matrix_text(matrix: Matrix) -> str:
    return "[" + "; ".join("(" + ", ".join(map(str, row)) + ")" for row in matrix) + "]"


def _forgets_start(loop: _Loop) -> str | None:
    ends = []
    for start in loop.starts:
        state: Vector = start
        for _ in range(LOOPS):
            state = add(apply(loop.matrix, state), apply(loop.recall, [Fraction(1), Fraction(1)]))
        ends.append(state)
    gap = norm1(difference(*ends))
    if gap > RESIDUE:
        return (
            f"M = {_matrix_text(loop.matrix)}: after {LOOPS} loops two starts are still"
            f" {float(gap):.3g} apart"
        )
    return None


def _sensitivity(loop: _Loop) -> list[list[Fraction]]:
    """S = (I - M)^{-1} B by Cramer's rule."""
    (a, b), (c, d) = loop.matrix
    det = (1 - a) * (1 - d) - b * c
    inverse = [[(1 - d) / det, b / det], [c / det, (1 - a) / det]]
    columns = [apply(inverse, [row[k] for row in loop.recall]) for k in range(2)]
    return [[columns[j][i] for j in range(2)] for i in range(2)]


def _insensitive(loop: _Loop) -> str | None:
    if all(entry == 0 for row in _sensitivity(loop) for entry in row):
        return f"M = {_matrix_text(loop.matrix)}, B = {_matrix_text(loop.recall)}: S = 0"
    return None


def _stays_small(loop: _Loop) -> str | None:
    size = sum((norm1(row) for row in _sensitivity(loop)), Fraction(0))
    # |S|_1 >= |S|_2 >= sigma_min(B)/|1 - l|
    if size < SMALLEST_RECALL / abs(1 - loop.eigenvalues[0]):
        where = f"M = {_matrix_text(loop.matrix)} has the eigenvalue {loop.eigenvalues[0]}"
        return f"{where}, B = {_matrix_text(loop.recall)}: |S| = {float(size):.3g}"
    return None


FALSIFIERS = (
    RandomFalsifier(
        "spectral_radius_not_below_one",
        "contractive",
        "two orbits of the same input end together",
        _contractive,
        lambda loop: max(abs(x) for x in loop.eigenvalues) < 1,
        _forgets_start,
        12,
    ),
    RandomFalsifier(
        "no_recall",
        "recall",
        "S != 0",
        _with_recall,
        lambda loop: any(entry != 0 for row in loop.recall for entry in row),
        _insensitive,
        12,
    ),
    RandomFalsifier(
        "recall_misses_the_eigenvector",
        "invertible",
        "|S| grows like 1/|1 - lambda| as the eigenvalue lambda tends to 1",
        _near_one,
        lambda loop: loop.recall[0][0] * loop.recall[1][1] != loop.recall[0][1] * loop.recall[1][0],
        _stays_small,
        12,
    ),
)
