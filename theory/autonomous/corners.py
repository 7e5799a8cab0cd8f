"""Rectangular linear maps as corners of square ones, so that word identities cover every pair of
dimensions.

p projects R^N on the state space R^n. A = p A p stands for J - I, K = p K for the derivative in the
parameters (onto p, with right inverse S: K S = p), B for the inverse of A on the state space, l = l
p for a row with l A = 0.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import flint
import sympy as sp

from ..kernel.algebra import Rules, diagonal, fmpq, random_matrix, rational

P, A, B, K, S, LEFT = sp.symbols("p A B K S l", commutative=False, seq=True)

_CORNER: Rules = (((P, P), P), ((P, A), A), ((A, P), A), ((P, K), K), ((S, P), S), ((K, S), P))
INVERTIBLE: Rules = (*_CORNER, ((P, B), B), ((B, P), B), ((A, B), P), ((B, A), P))
"""A is invertible on the state space"""
SINGULAR: Rules = (*_CORNER, ((LEFT, P), LEFT), ((LEFT, A), sp.Integer(0)))
"""a row l of the state space annihilates the image of A"""


def invertible_model(rng: random.Random, size: int) -> Mapping[sp.Symbol, flint.fmpq_mat]:
    """Random rational matrices that obey `INVERTIBLE`."""
    n = rng.randint(1, size)
    values = _onto(rng, size, n)
    block = random_matrix(rng, n)
    values |= {A: _corner(block, size), B: _corner(block.inv(), size)}
    return _conjugated(rng, size, values)


def singular_model(rng: random.Random, size: int) -> Mapping[sp.Symbol, flint.fmpq_mat]:
    """Random rational matrices that obey `SINGULAR`."""
    n = rng.randint(1, size)
    values = _onto(rng, size, n)
    basis = random_matrix(rng, n)
    values[A] = _corner(
        basis * diagonal([0] + [rational(rng) for _ in range(n - 1)]) * random_matrix(rng, n), size
    )
    values[LEFT] = _corner(diagonal([1] + [0] * (n - 1)) * basis.inv(), size)
    return _conjugated(rng, size, values)


def _onto(rng: random.Random, size: int, n: int) -> dict[sp.Symbol, flint.fmpq_mat]:
    """K = [K1 K2; 0 0] with K1 of size n invertible, S = [S1 0; S2 0] with K1 S1 + K2 S2 = I, in
    coordinates of the state space.
    """
    first, rest = random_matrix(rng, n), size - n
    side = flint.fmpq_mat(n, rest, [fmpq(rational(rng)) for _ in range(n * rest)])
    low = flint.fmpq_mat(rest, n, [fmpq(rational(rng)) for _ in range(n * rest)])
    top = first.inv() * (diagonal([1] * n) - side * low) if rest else first.inv()
    zero = flint.fmpq(0)
    k = [
        [first[i, j] if j < n else side[i, j - n] for j in range(size)] if i < n else [zero] * size
        for i in range(size)
    ]
    s = [
        [(top[i, j] if i < n else low[i - n, j]) if j < n else zero for j in range(size)]
        for i in range(size)
    ]
    return {P: diagonal([1] * n + [0] * rest), K: flint.fmpq_mat(k), S: flint.fmpq_mat(s)}


def _corner(block: flint.fmpq_mat, size: int) -> flint.fmpq_mat:
    n = block.nrows()
    return flint.fmpq_mat(
        [
            [block[i, j] if i < n and j < n else flint.fmpq(0) for j in range(size)]
            for i in range(size)
        ]
    )


def _conjugated(
    rng: random.Random, size: int, values: Mapping[sp.Symbol, flint.fmpq_mat]
) -> dict[sp.Symbol, flint.fmpq_mat]:
    basis = random_matrix(rng, size)
    return {name: basis * value * basis.inv() for name, value in values.items()}
