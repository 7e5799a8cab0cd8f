"""Canonical form of complete sudoku grids under all their symmetries.

The group: relabelling of digits, transposition, permutations of bands and of stacks, of rows within
a band and of columns within a stack. Two grids have equal canonical forms if and only if one is an
image of the other; the form is the lexicographically smallest image ("minlex"), found exactly, for
many grids at once.

How: relabelling makes the first row 0, 1, 2, ... for every choice of first row and of column order
s. The second row is then the permutation s^-1 p s, where p takes a column to the column in which
the first row holds the second row's digit. There are few such p (12096 for box 3), so their
smallest conjugates and all the s that give them are tabulated, and only those s are tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from ....support.errors import UsageError

CHUNK = 2000
Grids = NDArray[np.uint8]


@lru_cache
def column_orders(box: int) -> NDArray[np.int64]:
    """All orders of the columns that keep stacks together, (orders, side): box!^(box + 1) of
    them.
    """
    inner = list(permutations(range(box)))
    return np.array(
        [
            [s * box + c for s, i in zip(stacks, cols, strict=True) for c in i]
            for stacks in inner
            for cols in product(inner, repeat=box)
        ]
    )


@dataclass(frozen=True)
class PairTable:
    """For every permutation p that two rows of a band can form: rank of its smallest conjugate, and
    the orders that give it.

    `codes` are the sorted codes of the p; the orders for the i-th are `orders[start[i] : start[i +
    1]]` (indices into `column_orders`).
    """

    codes: NDArray[np.int64]
    rank: NDArray[np.int64]
    start: NDArray[np.int64]
    orders: NDArray[np.int64]


def code(rows: NDArray) -> NDArray[np.int64]:
    """Rows (..., side) of 0..side-1 as numbers with the same lexicographic order."""
    side = rows.shape[-1]
    return rows.astype(np.int64) @ (side ** np.arange(side - 1, -1, -1, dtype=np.int64))


@lru_cache
def pair_table(box: int) -> PairTable:
    """Tabulate the row pairs of that box size: 4 permutations for box 2, 12096 for box 3."""
    p = _row_pairs(box)
    sigma = column_orders(box)
    inverse = np.argsort(sigma, axis=1)
    smallest = np.full(len(p), np.iinfo(np.int64).max)
    image = np.empty((len(sigma), len(p)), dtype=np.int64)
    for k in range(len(sigma)):
        image[k] = code(inverse[k][p[:, sigma[k]]])
        np.minimum(smallest, image[k], out=smallest)
    which, orders = np.nonzero(smallest[:, None] == image.T)
    start = np.searchsorted(which, np.arange(len(p) + 1))
    return PairTable(code(p), smallest, start, orders)


def _row_pairs(box: int) -> NDArray[np.int64]:
    """All p in lexicographic order: permutations that map no column into its own stack, and are
    onto.
    """
    side = box * box
    partial = np.zeros((1, 0), dtype=np.int64)
    for column in range(side):
        wide = np.repeat(partial, side, axis=0)
        new = np.tile(np.arange(side), len(partial))
        keep = (new // box != column // box) & ~(wide == new[:, None]).any(1)
        partial = np.column_stack((wide[keep], new[keep]))
    return partial


def canonical(grids: NDArray, box: int) -> Grids:
    """Smallest image of each complete grid, (grids, side^2), digits 1..side; see
    `canonical_forms`.
    """
    return canonical_forms(grids, box)[0]


def canonical_forms(grids: NDArray, box: int) -> tuple[Grids, NDArray[np.int64]]:
    """Smallest image of each complete grid, (grids, side^2) with digits 1..side, and the number of
    its automorphisms.

    60000 grids of box 3 take about 2 s. Raises `UsageError` for box sizes other than 2 and 3 and
    for incomplete grids.
    """
    if box not in (2, 3):
        raise UsageError(f"canonical forms are for sudoku of box 2 or 3, not {box!r}")
    grids = np.asarray(grids).reshape(-1, box**4)
    if not complete(grids, box).all():
        raise UsageError(
            "canonical forms need complete grids: every digit once in each row, column and box"
        )
    out, automorphisms = np.empty(grids.shape, dtype=np.uint8), np.empty(len(grids), dtype=np.int64)
    for at in range(0, len(grids), CHUNK):
        part = slice(at, at + CHUNK)
        out[part], automorphisms[part] = _canonical(grids[part].astype(np.int64) - 1, box)
    return out, automorphisms


def complete(grids: NDArray, box: int) -> NDArray[np.bool_]:
    """Whether each grid, (grids, side^2), holds every digit 1..side once in each row, column and
    box.
    """
    side = box * box
    square = np.asarray(grids).reshape(-1, side, side)
    inside = (square >= 1) & (square <= side)
    bits = np.where(inside, 1 << np.where(inside, square - 1, 0).astype(np.uint16), 0).astype(
        np.uint16
    )
    boxes = bits.reshape(-1, box, box, box, box).transpose(0, 1, 3, 2, 4).reshape(-1, side, side)
    units = (
        np.bitwise_or.reduce(bits, axis=1),
        np.bitwise_or.reduce(bits, axis=2),
        np.bitwise_or.reduce(boxes, axis=2),
    )
    return np.logical_and.reduce([(unit == (1 << side) - 1).all(1) for unit in units])


def _canonical(grids: NDArray[np.int64], box: int) -> tuple[Grids, NDArray[np.int64]]:
    """One chunk, digits from 0. A candidate is (grid and its transposition, ordered pair of rows,
    column order).
    """
    side, table = box * box, pair_table(box)
    square = grids.reshape(-1, side, side)
    both = np.stack((square, square.transpose(0, 2, 1)), 1).reshape(-1, side, side)
    pairs = np.array(
        [(r, q) for r in range(side) for q in range(r // box * box, r // box * box + box) if q != r]
    )
    place = np.argsort(both, axis=2)  # column of each digit in each row
    p = np.take_along_axis(place[:, pairs[:, 0]], both[:, pairs[:, 1]], axis=2)
    index = np.searchsorted(table.codes, code(p)).reshape(len(square), -1)
    rank = table.rank[index]
    grid, flat = np.nonzero(rank == rank.min(1, keepdims=True))
    index = index[grid, flat]
    count = table.start[index + 1] - table.start[index]
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    order = table.orders[np.repeat(table.start[index], count) + offset]
    grid, flat = np.repeat(grid, count), np.repeat(flat, count)
    turn, pair = np.divmod(flat, len(pairs))
    source = 2 * grid + turn
    rows = _row_order(both, place, source, pairs[pair, 0], order, box)
    for k in range(2, side):  # keep the candidates whose next row is smallest
        key = code(_row(both, place, source, rows[:, 0], rows[:, k], order, box))
        starts = np.flatnonzero(np.diff(grid, prepend=-1))
        best = np.minimum.reduceat(key, starts)
        keep = key == np.repeat(best, np.diff(np.append(starts, len(grid))))
        grid, source, rows, order = grid[keep], source[keep], rows[keep], order[keep]
    starts = np.flatnonzero(np.diff(grid, prepend=-1))
    first = source[starts], rows[starts], order[starts]
    image = [
        _row(both, place, first[0], first[1][:, 0], first[1][:, k], first[2], box)
        for k in range(side)
    ]
    return np.stack(image, 1).reshape(len(square), -1).astype(np.uint8) + 1, np.diff(
        np.append(starts, len(grid))
    )


def _row(
    both: NDArray,
    place: NDArray,
    source: NDArray,
    first: NDArray,
    row: NDArray,
    order: NDArray,
    box: int,
) -> NDArray[np.int64]:
    """A row of each candidate image: columns ordered, digits renamed by their column in the first
    row.
    """
    sigma = column_orders(box)[order]
    digits = np.take_along_axis(both[source, row], sigma, axis=1)
    column = np.take_along_axis(place[source, first], digits, axis=1)
    return np.take_along_axis(np.argsort(column_orders(box), axis=1)[order], column, axis=1)


def _row_order(
    both: NDArray, place: NDArray, source: NDArray, first: NDArray, order: NDArray, box: int
) -> NDArray[np.int64]:
    """The order of rows that makes each image smallest: bands, and rows within bands, by the digit
    in the first column.

    The first row has the digit 0 there. The other row of a pair with smallest conjugate comes
    second by itself: if the third row of the band began lower, its pair with the first row would
    have the smaller conjugate.
    """
    column = column_orders(box)[order, 0]
    renamed = np.take_along_axis(place[source, first], both[source, :, column], axis=1)
    head = np.take_along_axis(np.argsort(column_orders(box), axis=1)[order], renamed, axis=1)
    band = np.repeat(head.reshape(-1, box, box).min(2), box, axis=1)
    return np.lexsort((head, band), axis=1)
