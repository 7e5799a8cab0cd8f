"""Attacks on A1, linear loops without recall: what happens when one assumption is dropped."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

import sympy as sp

from ...kernel.exact import Matrix, Vector, add, apply, conjugate, difference, norm1, unimodular
from ...kernel.random_falsifier import RandomFalsifier


class _Loop(NamedTuple):
    """h' = M h + offset on R^3, two starts, and the eigenvalues of M in words."""

    matrix: Matrix
    offset: Vector
    starts: tuple[Vector, Vector]
    eigenvalues: tuple[str, ...]


STEPS = 48
"""iterations from each start; those that converge shrink by 1/2 or more in each"""
SETTLED = Fraction(1, 2**20)
"""a step below this counts as converged"""
APART = Fraction(1, 2**10)
"""limits further apart than this differ"""

_BLOCKS = {
    "good": ("1", "1/2", "0"),
    "flip": ("-1", "1/2", "0"),
    "expanding": ("3/2", "1/3", "0"),
    "jordan": ("1", "1", "1"),
}
"""the block [[a, c], [0, b]] of each kind as (a, b, c)"""


def _loop(rng: random.Random, kind: str, in_range: bool) -> _Loop:
    """A loop with M = V D V^{-1}, where D is a block of that kind with a third eigenvalue -1/3."""
    a, b, corner = (Fraction(text) for text in _BLOCKS[kind])
    zero, third = Fraction(0), Fraction(-1, 3)
    block = [[a, corner, zero], [zero, b, zero], [zero, zero, third]]
    basis, inverse = unimodular(rng, 3)
    matrix = conjugate(basis, block, inverse)
    w = [Fraction(rng.randint(-4, 4)) for _ in range(3)]
    offset = difference(w, apply(matrix, w))
    if not in_range:
        # the range of I - M does not contain the first basis vector
        offset = add(offset, [row[0] for row in basis])
    first, second = ([rng.randint(-5, 5) + Fraction(i, 7) for i in range(3)] for _ in range(2))
    eigenvalues = (str(a), "1 (Jordan block of size 2)" if corner else str(b), str(third))
    return _Loop(matrix, offset, (first, second), eigenvalues)


def _run(loop: _Loop, start: Vector) -> tuple[Vector, Vector]:
    """The last two states of `STEPS` iterations."""
    before, state = start, start
    for _ in range(STEPS):
        before, state = state, add(apply(loop.matrix, state), loop.offset)
    return before, state


def _diverges(loop: _Loop) -> str | None:
    for start in loop.starts:
        before, state = _run(loop, start)
        step = norm1(difference(state, before))
        if step > SETTLED:
            matrix = f"{_text(loop.matrix)} (eigenvalues {', '.join(loop.eigenvalues)})"
            where = f"M = {matrix}, c = {_row(loop.offset)}"
            return f"{where}: at loop {STEPS} the step is {float(step):.3g}"
    return None


def _two_limits(loop: _Loop) -> str | None:
    ends = [_run(loop, start)[1] for start in loop.starts]
    gap = norm1(difference(*ends))
    if gap > APART:
        starts = f"starts {_row(loop.starts[0])} and {_row(loop.starts[1])}"
        return f"M = {_text(loop.matrix)}: {starts} end {float(gap):.3g} apart"
    return None


def _regular(rng: random.Random, keep: bool) -> _Loop:
    loop = _loop(rng, "good", True)
    if not keep:
        return loop
    half = [[entry / 2 for entry in row] for row in loop.matrix]
    return loop._replace(matrix=half, eigenvalues=("1/2", "1/4", "-1/6"))


def _text(matrix: Matrix) -> str:
    return "[" + "; ".join(_row(row) for row in matrix) + "]"


def _row(vector: Vector) -> str:
    return "(" + ", ".join(map(str, vector)) + ")"


def _gap(loop: _Loop) -> sp.Matrix:
    """I - M."""
    return sp.eye(3) - sp.Matrix(loop.matrix)


def _in_range(loop: _Loop) -> bool:
    gap = _gap(loop)
    return gap.rank() == gap.row_join(sp.Matrix(loop.offset)).rank()


def _modulus_ok(loop: _Loop) -> bool:
    roots = sp.Matrix(loop.matrix).eigenvals()
    return all(root == 1 or abs(root) < 1 for root in roots)


def _semisimple(loop: _Loop) -> bool:
    gap = _gap(loop)
    return gap.rank() == (gap * gap).rank()


FALSIFIERS = (
    RandomFalsifier(
        "offset_outside_the_range",
        "range",
        "h_t converges from every start",
        lambda rng, keep: _loop(rng, "good", keep),
        _in_range,
        _diverges,
        trials=8,
    ),
    RandomFalsifier(
        "eigenvalue_on_or_outside_the_circle",
        "modulus",
        "h_t converges from every start",
        lambda rng, keep: _loop(rng, "good" if keep else rng.choice(("flip", "expanding")), True),
        _modulus_ok,
        _diverges,
        trials=8,
    ),
    RandomFalsifier(
        "jordan_block_at_one",
        "semisimple",
        "h_t converges from every start",
        lambda rng, keep: _loop(rng, "good" if keep else "jordan", True),
        _semisimple,
        _diverges,
        trials=8,
    ),
    RandomFalsifier(
        "one_is_an_eigenvalue",
        "regular",
        "every start ends at the same point",
        _regular,
        lambda loop: _gap(loop).det() != 0,
        _two_limits,
        trials=8,
    ),
)
