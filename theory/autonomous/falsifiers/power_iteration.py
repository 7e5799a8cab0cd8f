"""Attacks on A5, power iteration: what happens when one assumption is dropped.

Powers of rational matrices are computed without rounding.
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
from ...kernel.random_falsifier import RandomFalsifier

LOOPS = 2**12
"""iterations before the direction is read; a Jordan block is then about 1/LOOPS from its limit"""
MOVING = Fraction(1, 100)
"""a direction that moves by more than this has not converged; Jordan blocks move by 1/LOOPS"""

Block = tuple[str, int]
"""a Jordan block as (kind, size), with rho = 1

The kinds "+" and "-" stand for the eigenvalues rho and -rho, "c" for the pair rho (3 +- 4i)/5, and
"s" for rho/2.
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


class PowerIteration(NamedTuple):
    """h' = N(M h): M, its Jordan basis and the inverse, its blocks, and the initial states."""

    matrix: Matrix
    basis: Matrix
    inverse: Matrix
    blocks: tuple[Block, ...]
    starts: tuple[Vector, ...]


def random_iteration(
    rng: random.Random, blocks: tuple[Block, ...], starts: int = 1
) -> PowerIteration:
    """A matrix with those blocks in a random unimodular basis, and random initial states."""
    form = jordan_form(blocks)
    size = len(form)
    basis, inverse = unimodular(rng, size)
    states = tuple(
        [Fraction(rng.randint(1, 9), rng.randint(1, 5)) for _ in range(size)] for _ in range(starts)
    )
    return PowerIteration(conjugate(basis, form, inverse), basis, inverse, blocks, states)


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
    """The power of a matrix, by repeated squaring."""
    result = identity_matrix(len(matrix))
    while exponent:
        if exponent & 1:
            result = multiply(result, matrix)
        matrix, exponent = multiply(matrix, matrix), exponent >> 1
    return result


def direction(vector: Vector) -> list[float]:
    """The unit vector along it, in floats; the entries themselves may exceed their range."""
    largest = max(abs(x) for x in vector)
    scaled = [float(x / largest) for x in vector]
    length = math.hypot(*scaled)
    return [x / length for x in scaled]


def criterion(matrix: Matrix) -> bool:
    """Whether every eigenvalue of largest modulus with a largest Jordan block equals +rho.

    The sizes of the blocks follow from the ranks of (M - l)^k.
    """
    exact = sp.Matrix(matrix)
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


def _wanders(case: PowerIteration) -> str | None:
    far = apply(power(case.matrix, LOOPS), case.starts[0])
    step = math.dist(direction(far), direction(apply(case.matrix, far)))
    if step > MOVING:
        matrix = f"M = {_text(case.matrix)}, blocks {_blocks(case)}"
        return f"{matrix}: at loop {LOOPS} the direction still moves by {step:.3g} per loop"
    return None


def _start(rng: random.Random, keep: bool) -> PowerIteration:
    case = random_iteration(rng, (("+", 1), ("s", 1), ("s", 1)))
    dominant = rng.choice((-2, -1, 1, 2)) if keep else 0
    weights = [Fraction(x) for x in (dominant, rng.randint(1, 5), -rng.randint(1, 5))]
    return case._replace(starts=(apply(case.basis, weights),))


def _two_starts(rng: random.Random, keep: bool) -> PowerIteration:
    return random_iteration(rng, (("+", 1), ("s" if keep else "+", 1), ("s", 1)), starts=2)


def _sees_the_dominant(case: PowerIteration) -> bool:
    return apply(case.inverse, case.starts[0])[0] != 0


def _misses(case: PowerIteration) -> str | None:
    state = apply(power(case.matrix, LOOPS), case.starts[0])
    scale = max(abs(x) for x in state)
    normal = [x / scale for x in state]
    gap = max(abs(x) for x in difference(apply(case.matrix, normal), normal))
    if gap > MOVING:
        start = f"M = {_text(case.matrix)} from h_0 = {_row(case.starts[0])}"
        return f"{start}: the limit is no eigenvector of rho = 1, |M h - h| = {float(gap):.3g}"
    return None


def _more_than_a_bit(case: PowerIteration) -> str | None:
    far = power(case.matrix, LOOPS)
    first, second = (direction(apply(far, start)) for start in case.starts)
    gap = min(math.dist(first, second), math.dist(first, [-x for x in second]))
    if gap > MOVING:
        return f"M = {_text(case.matrix)}: two starts end {gap:.3g} apart up to sign"
    return None


def _simple(case: PowerIteration) -> bool:
    # the blocks of the eigenvalue 1 have size 1 in every case drawn
    exact = sp.Matrix(case.matrix)
    return (exact - sp.eye(exact.rows)).rank() == exact.rows - 1


def _text(matrix: Matrix) -> str:
    return "[" + "; ".join(_row(row) for row in matrix) + "]"


def _row(vector: Vector) -> str:
    return "(" + ", ".join(map(str, vector)) + ")"


def _blocks(case: PowerIteration) -> str:
    names = {"+": "rho", "-": "-rho", "c": "rho(3+-4i)/5", "s": "rho/2"}
    return ", ".join(f"{names[kind]} of size {size}" for kind, size in case.blocks)


FALSIFIERS = (
    RandomFalsifier(
        "a_largest_block_off_rho",
        "positive",
        "the direction converges",
        lambda rng, keep: random_iteration(rng, rng.choice(CONVERGE if keep else WANDER)),
        lambda case: criterion(case.matrix),
        _wanders,
        trials=8,
    ),
    RandomFalsifier(
        "start_in_the_null_set",
        "almost_every",
        "the limit is an eigenvector of rho",
        _start,
        _sees_the_dominant,
        _misses,
        trials=12,
    ),
    RandomFalsifier(
        "double_dominant_eigenvalue",
        "simple",
        "all limits lie on one line",
        lambda rng, keep: random_iteration(
            rng, (("+", 1), ("s" if keep else "+", 1), ("s", 1)), starts=2
        ),
        _simple,
        _more_than_a_bit,
        trials=12,
    ),
)
