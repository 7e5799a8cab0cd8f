"""Hypothesis strategies of matrices V D V^{-1} with known spectra, exact in double arithmetic.

D consists of real and complex blocks, with entries in sixteenths, and V and V^{-1} are integer
matrices; so the products are exact doubles and shrink to short fractions. A block is
("real", l, k), a Jordan block of size k with the eigenvalue l, or ("pair", a, b), the block
[[a, -b], [b, a]] with the eigenvalues a +- ib.
"""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
import numpy as np

from ..arrays import Array
from .fractions import seeds, unimodulars

Block = tuple[str, float, float]

_DISC = [(a / 16, b / 16) for a in range(-14, 15) for b in range(1, 15) if a * a + b * b <= 14 * 14]
PAIRS = tuple(sorted(_DISC, key=lambda z: abs(z[0]) + z[1]))
"""(a, b) with b > 0 and |a + ib| <= 7/8, in sixteenths."""
SEEDS = seeds()


def sixteenths(low: int, high: int) -> st.SearchStrategy[float]:
    """k/16 with k from low to high, all equally often; shrinks towards 0.

    Coarse numbers are not preferred, as they are in `fractions`: they often coincide, and a case
    of equal numbers decides little.
    """
    return st.integers(low, high).map(lambda k: k / 16)


def vector(d: int, size: int = 32) -> st.SearchStrategy[Array]:
    """Vectors (d,) of sixteenths with moduli of at most size/16."""
    return st.lists(sixteenths(-size, size), min_size=d, max_size=d).map(np.array)


def nonzero_vector(d: int, size: int = 32) -> st.SearchStrategy[Array]:
    """Vectors (d,) of non-zero sixteenths with moduli of at most size/16."""
    entry = st.builds(lambda k, sign: sign * k / 16, st.integers(1, size), st.sampled_from((1, -1)))
    return st.lists(entry, min_size=d, max_size=d).map(np.array)


def matrix(rows: int, columns: int, size: int = 32) -> st.SearchStrategy[Array]:
    """Matrices (rows, columns) of sixteenths with moduli of at most size/16."""
    return vector(rows * columns, size).map(lambda x: x.reshape(rows, columns))


def nonzero_matrix(rows: int, columns: int, size: int = 32) -> st.SearchStrategy[Array]:
    """Matrices (rows, columns) of non-zero sixteenths with moduli of at most size/16."""
    return nonzero_vector(rows * columns, size).map(lambda x: x.reshape(rows, columns))


def unimodular(d: int) -> st.SearchStrategy[Array]:
    """Integer matrices of determinant 1."""
    return unimodulars(d, factors=2 * (d - 1), limit=2).map(lambda pair: pair[0])


@st.composite
def contracting(draw: st.DrawFn, d: int, most: int = 14, largest_block: int = 3) -> list[Block]:
    """Blocks of total size d with moduli of at most most/16; at most 7/8 for pairs."""
    blocks: list[Block] = []
    while d > 0:
        kind = draw(st.sampled_from(("real", "pair") if d > 1 else ("real",)))
        if kind == "real":
            size = draw(st.integers(1, min(d, largest_block)))
            blocks.append(("real", draw(sixteenths(-most, most)), size))
            d -= size
        else:
            inside = [(a, b) for a, b in PAIRS if a**2 + b**2 <= (most / 16) ** 2]
            a, b = draw(st.sampled_from(inside))
            blocks.append(("pair", a, b))
            d -= 2
    return blocks


@st.composite
def expanding(draw: st.DrawFn) -> Block:
    """A block of size 1 or 2 with eigenvalues of modulus above 1."""
    size = draw(st.integers(17, 32)) / 16
    a, b = draw(st.sampled_from(((1, 0), (-1, 0), (1, 1), (0, 1), (-1, 2))))
    return ("pair", a * size, b * size) if b else ("real", a * size, 1)


def form(blocks: Sequence[Block]) -> Array:
    """The block-diagonal matrix D of the blocks."""
    sizes = [2 if kind == "pair" else int(k) for kind, _, k in blocks]
    d = np.zeros((sum(sizes), sum(sizes)))
    start = 0
    for (kind, a, b), size in zip(blocks, sizes, strict=True):
        part = d[start : start + size, start : start + size]
        part[...] = (
            np.array([[a, -b], [b, a]]) if kind == "pair" else a * np.eye(size) + np.eye(size, k=1)
        )
        start += size
    return d
