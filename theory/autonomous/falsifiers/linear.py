"""Attacks on A1, linear loops without recall: what happens when one assumption is dropped."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

import sympy as sp

from ...kernel.exact import (
    Matrix,
    Vector,
    add,
    apply,
    conjugate,
    difference,
    identity_matrix,
    norm1,
    unimodular,
)
from ...kernel.falsifier import Falsifier


class _Loop(NamedTuple):
    matrix: Matrix
    offset: Vector
    starts: tuple[Vector, Vector]
    eigenvalues: tuple[str, ...]
    in_range: bool


_BLOCKS = {
    "good": ("1", "1/2"),
    "flip": ("-1", "1/2"),
    "expanding": ("3/2", "1/3"),
    "jordan": ("1", "1 (Jordan block of size 2)"),
}


def _loop(rng: random.Random, kind: str, in_range: bool) -> _Loop:
    """M = V D V^{-1} with a block D of the kind asked for and a third eigenvalue -1/3; exact."""
    third = Fraction(-1, 3)
    top = {
        "good": (1, Fraction(1, 2), 0),
        "flip": (-1, Fraction(1, 2), 0),
        "expanding": (Fraction(3, 2), Fraction(1, 3), 0),
        "jordan": (1, 1, 1),
    }
    a, b, corner = (Fraction(value) for value in top[kind])
    block = [
        [a, corner, Fraction(0)],
        [Fraction(0), b, Fraction(0)],
        [Fraction(0), Fraction(0), third],
    ]
    basis, inverse = unimodular(rng, 3)
    matrix = conjugate(basis, block, inverse)
    w = [Fraction(rng.randint(-4, 4)) for _ in range(3)]
    offset = difference(w, apply(matrix, w))
    if not in_range:
        # the first basis vector spans the part of R^3 that I - M never reaches
        offset = add(offset, [row[0] for row in basis])
    starts = tuple(
        [Fraction(rng.randint(-5, 5)) + Fraction(1, 7) * i for i in range(3)] for _ in range(2)
    )
    return _Loop(matrix, offset, starts, (*_BLOCKS[kind], ("-1/3")), in_range)  # type: ignore[arg-type]


def _run(loop: _Loop, start: Vector, steps: int = 48) -> tuple[Vector, Vector]:
    before, state = start, start
    for _ in range(steps):
        before, state = state, add(apply(loop.matrix, state), loop.offset)
    return before, state


def _diverges(loop: _Loop) -> str | None:
    for start in loop.starts:
        before, state = _run(loop, start)
        step = norm1(difference(state, before))
        if step > Fraction(1, 2**20):
            where = (
                f"M = {_text(loop.matrix)} (eigenvalues {', '.join(loop.eigenvalues)}), c ="
                f" {_row(loop.offset)}"
            )
            return f"{where}: at loop 48 the step is {float(step):.3g}"
    return None


def _two_limits(loop: _Loop) -> str | None:
    ends = [_run(loop, start)[1] for start in loop.starts]
    gap = norm1(difference(*ends))
    if gap > Fraction(1, 2**10):
        return (
            f"M = {_text(loop.matrix)}: starts {_row(loop.starts[0])} and {_row(loop.starts[1])}"
            f" end {float(gap):.3g} apart"
        )
    return None


def _regular(rng: random.Random, keep: bool) -> _Loop:
    loop = _loop(rng, "good", True)
    if not keep:
        return loop
    half = [[entry / 2 for entry in row] for row in loop.matrix]
    return loop._replace(matrix=half, eigenvalues=("1/2", "1/4", "-1/6"))


def _one_is_eigenvalue(loop: _Loop) -> bool:
    gap = [[Fraction(int(i == j)) - loop.matrix[i][j] for j in range(3)] for i in range(3)]
    return sp.Matrix(gap).det() == 0


def _text(matrix: Matrix) -> str:
    return "[" + "; ".join(_row(row) for row in matrix) + "]"


def _row(vector: Vector) -> str:
    return "(" + ", ".join(map(str, vector)) + ")"


def _in_range(loop: _Loop) -> bool:
    gap = sp.Matrix(_difference_matrix(identity_matrix(3), loop.matrix))
    return gap.rank() == gap.row_join(sp.Matrix(loop.offset)).rank()


def _difference_matrix(left: Matrix, right: Matrix) -> Matrix:
    """left - right, entry by entry."""
    return [difference(a, b) for a, b in zip(left, right, strict=True)]


def _modulus_ok(loop: _Loop) -> bool:
    roots = sp.Matrix(loop.matrix).eigenvals()
    return all(root == 1 or abs(root) < 1 for root in roots)


def _semisimple(loop: _Loop) -> bool:
    gap = sp.Matrix(_difference_matrix(identity_matrix(3), loop.matrix))
    return gap.rank() == (gap * gap).rank()


FALSIFIERS = (
    Falsifier(
        "offset_outside_the_range",
        "range",
        "h_t converges from every start",
        lambda rng, keep: _loop(rng, "good", keep),
        _in_range,
        _diverges,
        8,
    ),
    Falsifier(
        "eigenvalue_on_or_outside_the_circle",
        "modulus",
        "h_t converges from every start",
        lambda rng, keep: _loop(rng, "good" if keep else rng.choice(("flip", "expanding")), True),
        _modulus_ok,
        _diverges,
        8,
    ),
    Falsifier(
        "jordan_block_at_one",
        "semisimple",
        "h_t converges from every start",
        lambda rng, keep: _loop(rng, "good" if keep else "jordan", True),
        _semisimple,
        _diverges,
        8,
    ),
    Falsifier(
        "one_is_an_eigenvalue",
        "regular",
        "every start ends at the same point",
        _regular,
        lambda loop: not _one_is_eigenvalue(loop),
        _two_limits,
        8,
    ),
)
