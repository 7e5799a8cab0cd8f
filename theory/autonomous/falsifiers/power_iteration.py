"""Attacks on A5, power iteration: what happens when one assumption is dropped. Powers of rational
matrices, without rounding.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import sympy as sp

from ...kernel.exact import (
    Matrix,
    Vector,
    apply,
    conjugate,
    difference,
    identity_matrix,
    multiply,
    unimodular,
)
from ...kernel.falsifier import Falsifier

LOOPS = 2**12
"""loops before the direction is read: a Jordan block is then about 1/LOOPS away from its limit"""

Block = tuple[str, int]
"""(kind, size): kind "+" and "-" for the eigenvalues rho and -rho, "c" for the pair rho (3 +-
4i)/5, "s" for rho/2; rho = 1
"""

CONVERGE: tuple[tuple[Block, ...], ...] = (
    (("+", 1), ("s", 1), ("s", 2)),
    (("+", 1), ("+", 1), ("s", 1)),
    (("+", 2), ("-", 1), ("s", 1)),
    (("+", 2), ("c", 1)),
    (("+", 3), ("-", 1)),
    (("+", 2), ("+", 2)),
)
WANDER: tuple[tuple[Block, ...], ...] = (
    (("-", 1), ("s", 1), ("s", 2)),
    (("c", 1), ("s", 1)),
    (("+", 1), ("-", 1), ("s", 1)),
    (("+", 1), ("-", 2), ("s", 1)),
    (("+", 2), ("-", 2)),
    (("c", 1), ("+", 1)),
)


class Loop(NamedTuple):
    """h' = N(M h): M, its Jordan basis and inverse, the blocks, and two initial states."""

    matrix: Matrix
    basis: Matrix
    inverse: Matrix
    blocks: tuple[Block, ...]
    starts: tuple[Vector, ...]


def loop(rng: random.Random, blocks: tuple[Block, ...], starts: int = 1) -> Loop:
    """A matrix with those blocks in a random unimodular basis."""
    form = jordan_form(blocks)
    size = len(form)
    basis, inverse = unimodular(rng, size)
    states = tuple(
        [Fraction(rng.randint(1, 9), rng.randint(1, 5)) for _ in range(size)] for _ in range(starts)
    )
    return Loop(conjugate(basis, form, inverse), basis, inverse, blocks, states)


def jordan_form(blocks: Sequence[Block]) -> Matrix:
    """The real Jordan form with rho = 1."""
    cells = {
        "+": [[Fraction(1)]],
        "-": [[Fraction(-1)]],
        "s": [[Fraction(1, 2)]],
        "c": [[Fraction(3, 5), Fraction(-4, 5)], [Fraction(4, 5), Fraction(3, 5)]],
    }
    size = sum(count * len(cells[kind]) for kind, count in blocks)
    form = [[Fraction(0)] * size for _ in range(size)]
    corner = 0
    for kind, count in blocks:
        width = len(cells[kind])
        for k in range(count):
            for i in range(width):
                for j in range(width):
                    form[corner + i][corner + j] = cells[kind][i][j]
                if k + 1 < count:
                    form[corner + i][corner + i + width] = Fraction(1)
            corner += width
    return form


def power(matrix: Matrix, exponent: int) -> Matrix:
    """matrix to that power, by squaring."""
    result = identity_matrix(len(matrix))
    while exponent:
        if exponent & 1:
            result = multiply(result, matrix)
        matrix, exponent = multiply(matrix, matrix), exponent >> 1
    return result


def direction(vector: Vector) -> list[float]:
    """The unit vector along it, in floats (the entries may be far outside their range)."""
    largest = max(abs(x) for x in vector)
    scaled = [float(x / largest) for x in vector]
    length = math.hypot(*scaled)
    return [x / length for x in scaled]


def criterion(matrix: Matrix) -> bool:
    """Whether all eigenvalues of largest modulus with the largest Jordan block equal +rho, from the
    ranks of (M - l)^k.
    """
    exact = sp.Matrix([[sp.Rational(x.numerator, x.denominator) for x in row] for row in matrix])
    roots = exact.eigenvals()
    radius = max(abs(root) for root in roots)
    sizes = {}
    for root in roots:
        if abs(root) == radius:
            gap = exact - root * sp.eye(exact.rows)
            ranks = [(gap**k).applyfunc(sp.expand).rank() for k in range(exact.rows + 2)]
            sizes[root] = next(k for k in range(exact.rows + 1) if ranks[k] == ranks[k + 1])
    largest = max(sizes.values())
    return all(root == radius for root, size in sizes.items() if size == largest)


def _wanders(case: Loop) -> str | None:
    far = apply(power(case.matrix, LOOPS), case.starts[0])
    step = math.dist(direction(far), direction(apply(case.matrix, far)))
    if step > 1e-2:
        return (
            f"M = {_text(case.matrix)}, blocks {_blocks(case)}: at loop {LOOPS} the direction still"
            f" moves by {step:.3g} per loop"
        )
    return None


def _start(rng: random.Random, keep: bool) -> Loop:
    case = loop(rng, (("+", 1), ("s", 1), ("s", 1)))
    weights = [
        Fraction(rng.choice((-2, -1, 1, 2)) if keep else 0),
        Fraction(rng.randint(1, 5)),
        Fraction(-rng.randint(1, 5)),
    ]
    return case._replace(starts=(apply(case.basis, weights),))


def _sees_the_dominant(case: Loop) -> bool:
    return (
        sum((a * x for a, x in zip(case.inverse[0], case.starts[0], strict=True)), Fraction(0)) != 0
    )


def _misses(case: Loop) -> str | None:
    state = apply(power(case.matrix, LOOPS), case.starts[0])
    scale = max(abs(x) for x in state)
    normal = [x / scale for x in state]
    gap = max(abs(x) for x in difference(apply(case.matrix, normal), normal))
    if gap > Fraction(1, 100):
        return (
            f"M = {_text(case.matrix)} from h_0 = {_row(case.starts[0])}: the limit is no"
            f" eigenvector of rho = 1, |M h - h| = {float(gap):.3g}"
        )
    return None


def _more_than_a_bit(case: Loop) -> str | None:
    far = power(case.matrix, LOOPS)
    first, second = (direction(apply(far, start)) for start in case.starts)
    gap = min(math.dist(first, second), math.dist(first, [-x for x in second]))
    if gap > 1e-2:
        return f"M = {_text(case.matrix)}: two starts end {gap:.3g} apart up to sign"
    return None


def _simple(case: Loop) -> bool:
    exact = sp.Matrix(
        [[sp.Rational(x.numerator, x.denominator) for x in row] for row in case.matrix]
    )
    return (
        exact - sp.eye(exact.rows)
    ).rank() == exact.rows - 1  # its blocks have size 1 in every case drawn


def _text(matrix: Matrix) -> str:
    return "[" + "; ".join(_row(row) for row in matrix) + "]"


def _row(vector: Vector) -> str:
    return "(" + ", ".join(map(str, vector)) + ")"


def _blocks(case: Loop) -> str:
    names = {"+": "rho", "-": "-rho", "c": "rho(3+-4i)/5", "s": "rho/2"}
    return ", ".join(f"{names[kind]} of size {size}" for kind, size in case.blocks)


FALSIFIERS = (
    Falsifier(
        "a_largest_block_off_rho",
        "positive",
        "the direction converges",
        lambda rng, keep: loop(rng, rng.choice(CONVERGE if keep else WANDER)),
        lambda case: criterion(case.matrix),
        _wanders,
        trials=8,
    ),
    Falsifier(
        "start_in_the_null_set",
        "almost_every",
        "the limit is an eigenvector of rho",
        _start,
        _sees_the_dominant,
        _misses,
        trials=12,
    ),
    Falsifier(
        "double_dominant_eigenvalue",
        "simple",
        "all limits lie on one line",
        lambda rng, keep: loop(
            rng, (("+", 1), ("s", 1), ("s", 1)) if keep else (("+", 1), ("+", 1), ("s", 1)), 2
        ),
        _simple,
        _more_than_a_bit,
        trials=12,
    ),
)
