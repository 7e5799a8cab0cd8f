"""Rectangular linear maps as corners of square ones.

With them, an identity between words of square matrices covers every pair of dimensions. The letters
stand for these matrices on R^N:

- p projects R^N on the state space R^n;
- A = p A p is J - I on the state space, and B its inverse where it has one;
- K = p K is the derivative with respect to the parameters; it is onto the state space, and S is a
  right inverse: K S = p;
- l = l p is a row with l A = 0, where A is singular.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import sympy as sp
from flint import fmpq_mat

from ..kernel.algebra import Rules, diagonal, fmpq, letters, random_matrix, rational

P, A, B, K, S, LEFT = letters("p A B K S l")
"""the letters of the list above"""

_CORNER: Rules = (((P, P), P), ((P, A), A), ((A, P), A), ((P, K), K), ((S, P), S), ((K, S), P))
INVERTIBLE: Rules = (*_CORNER, ((P, B), B), ((B, P), B), ((A, B), P), ((B, A), P))
"""rules that hold where A is invertible on the state space"""
SINGULAR: Rules = (*_CORNER, ((LEFT, P), LEFT), ((LEFT, A), sp.Integer(0)))
"""rules that hold where a row l of the state space annihilates the image of A"""


def invertible_model(rng: random.Random, size: int) -> Mapping[sp.Symbol, fmpq_mat]:
    """Random rational matrices that satisfy `INVERTIBLE`."""
    n = rng.randint(1, size)
    values = _onto(rng, size, n)
    block = random_matrix(rng, n)
    values |= {A: _placed(size, (0, 0, block)), B: _placed(size, (0, 0, block.inv()))}
    return _conjugated(rng, size, values)


def singular_model(rng: random.Random, size: int) -> Mapping[sp.Symbol, fmpq_mat]:
    """Random rational matrices that satisfy `SINGULAR`."""
    n = rng.randint(1, size)
    values = _onto(rng, size, n)
    basis = random_matrix(rng, n)
    middle = diagonal([0] + [rational(rng) for _ in range(n - 1)])
    first_row = diagonal([1] + [0] * (n - 1))
    values[A] = _placed(size, (0, 0, basis * middle * random_matrix(rng, n)))
    values[LEFT] = _placed(size, (0, 0, first_row * basis.inv()))
    return _conjugated(rng, size, values)


def _onto(rng: random.Random, size: int, n: int) -> dict[sp.Symbol, fmpq_mat]:
    """Random p, K and S in coordinates where the state space is the first n axes.

    K = [K1 K2; 0 0] with K1 of size n invertible, and S = [S1 0; S2 0] with K1 S1 + K2 S2 = I.
    """
    k1, rest = random_matrix(rng, n), size - n
    k2 = fmpq_mat(n, rest, [fmpq(rational(rng)) for _ in range(n * rest)])
    s2 = fmpq_mat(rest, n, [fmpq(rational(rng)) for _ in range(n * rest)])
    s1 = k1.inv() * (diagonal([1] * n) - k2 * s2) if rest else k1.inv()
    return {
        P: diagonal([1] * n + [0] * rest),
        K: _placed(size, (0, 0, k1), (0, n, k2)),
        S: _placed(size, (0, 0, s1), (n, 0, s2)),
    }


def _placed(size: int, *blocks: tuple[int, int, fmpq_mat]) -> fmpq_mat:
    """The square matrix with these blocks, each given with its top row and left column."""
    matrix = fmpq_mat(size, size)
    for top, left, block in blocks:
        for i in range(block.nrows()):
            for j in range(block.ncols()):
                matrix[top + i, left + j] = block[i, j]
    return matrix


def _conjugated(
    rng: random.Random, size: int, values: Mapping[sp.Symbol, fmpq_mat]
) -> dict[sp.Symbol, fmpq_mat]:
    """The matrices in a random basis of R^N."""
    basis = random_matrix(rng, size)
    return {name: basis * value * basis.inv() for name, value in values.items()}
