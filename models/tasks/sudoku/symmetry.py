"""Canonical form of complete sudoku grids under all their symmetries.

The symmetries are: renaming the digits, transposing the grid, permuting the bands (the box rows of
the grid) and the stacks (its box columns), the rows within a band, and the columns within a stack.
Two grids have equal canonical forms if and only if one is the image of the other. The form is the
lexicographically smallest image of the grid, read row by row ("minlex"). It is found exactly, for
many grids at once.

Digits and columns are counted from 0 below. An image is fixed by four choices: whether the grid is
transposed, which row comes first, which row of the same band comes second, and the order s of the
columns (s[k] is the old column that becomes column k). Names of digits and the order of the other
rows follow:

- The smallest image has the first row 0, 1, 2, ..., whatever the other choices. So a digit is
  renamed to the new column in which the first row holds it.
- Let p(c) be the old column in which the first row holds the digit that the second row has in the
  old column c. After ordering and renaming, the second row reads s^-1(p(s(0))), s^-1(p(s(1))), ...:
  it is the conjugate s^-1 p s of a permutation p that is a property of the ordered pair of rows.
- There are few such p (4 for box 2, 12096 for box 3). So `pair_table` lists the smallest conjugate
  of every p, with all the orders s that give it, and no other order is tried.
- The other rows begin with different digits, so their smallest order is that of their first digits,
  with whole bands kept together (`_row_order`).

Several candidates (transposed or not, pair of rows, order of columns) may share the smallest second
row. Those with the smallest third row are kept, then those with the smallest fourth, and so on. The
ones that remain at the end all give the canonical form, and their number is the number of
automorphisms of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from ....support.errors import UsageError

CHUNK = 2000
"""Grids that are worked on at a time, which bounds the memory: a grid of box 3 has up to thousands
of candidates.
"""
CHECKED = 1 << 13
"""Grids whose digits are checked at a time, for the same reason."""
Grids = NDArray[np.uint8]
Numbers = NDArray[np.int64]


def canonical(grids: NDArray, box: int) -> Grids:
    """The smallest image of each complete grid: see `canonical_forms`."""
    return canonical_forms(grids, box)[0]


def canonical_forms(grids: NDArray, box: int) -> tuple[Grids, Numbers]:
    """The smallest image of each complete grid, and the number of its automorphisms.

    60,000 grids of box 3 take about 2 s.

    Args:
        grids: complete grids, (grids, side^2) with digits 1..side, read row by row.
        box: side of a box, 2 or 3.

    Returns:
        The images, in the form of the grids, and the numbers, (grids,).

    Raises:
        UsageError: the box has another size, or a grid is not complete.
    """
    if box not in (2, 3):
        raise UsageError(f"canonical forms are for sudoku of box 2 or 3, not {box!r}")
    grids = np.asarray(grids).reshape(-1, box**4)
    if not complete(grids, box).all():
        raise UsageError(
            "canonical forms need complete grids: every digit once in each row, column and box"
        )
    forms, automorphisms = np.empty(grids.shape, dtype=np.uint8), np.empty(len(grids), np.int64)
    for start in range(0, len(grids), CHUNK):
        part = slice(start, start + CHUNK)
        forms[part], automorphisms[part] = _forms(grids[part].astype(np.int64) - 1, box)
    return forms, automorphisms


def complete(grids: NDArray, box: int) -> NDArray[np.bool_]:
    """Whether each grid, (grids, side^2), holds every digit 1..side once in each row, column and
    box.
    """
    flat = np.asarray(grids).reshape(-1, box**4)
    starts = range(0, len(flat), CHECKED)
    parts = [_complete(flat[start : start + CHECKED], box) for start in starts]
    return np.concatenate([np.zeros(0, dtype=np.bool_), *parts])


def _complete(grids: NDArray, box: int) -> NDArray[np.bool_]:
    """The same for a few grids, which lie side by side along the last axis here."""
    side = box * box
    inside = grids.T if grids.dtype == np.uint8 else np.clip(grids.T, 0, 15)
    digit = np.ascontiguousarray(inside).astype(np.uint16)
    bits = np.left_shift(np.uint16(1), digit).reshape(box, box, box, box, -1)
    full = (2 << side) - 2  # a bit for each digit; other values set other bits, or from 16 on none
    return np.logical_and.reduce(
        [
            (np.bitwise_or.reduce(bits, axis=unit) == full).all((0, 1))
            for unit in ((2, 3), (0, 1), (1, 3))  # rows, columns, boxes
        ]
    )


@lru_cache
def column_orders(box: int) -> Numbers:
    """All orders of the columns that keep stacks together, (orders, side): box!^(box + 1) of
    them.
    """
    inner = list(permutations(range(box)))
    return np.array(
        [
            [
                stack * box + c
                for stack, columns in zip(stacks, within, strict=True)
                for c in columns
            ]
            for stacks in inner
            for within in product(inner, repeat=box)
        ]
    )


@lru_cache
def inverse_orders(box: int) -> Numbers:
    """The new place of every old column, for each of the `column_orders`."""
    return np.argsort(column_orders(box), axis=1)


@dataclass(frozen=True)
class PairTable:
    """What is known of every permutation p that an ordered pair of rows of a band can form.

    `codes` are the codes of the p, sorted; `smallest` the code of the smallest conjugate of each.
    The orders of columns that give it are `orders[start[i] : start[i + 1]]` for the i-th p, as
    indices into `column_orders`.
    """

    codes: Numbers
    smallest: Numbers
    start: Numbers
    orders: Numbers

    def expanded(self, pairs: Numbers) -> tuple[Numbers, Numbers]:
        """For each of these indices of p all its orders: which of `pairs` they belong to, and the
        orders.
        """
        count = self.start[pairs + 1] - self.start[pairs]
        owner = np.repeat(np.arange(len(pairs)), count)
        first = np.cumsum(count) - count
        offset = np.arange(count.sum()) - first[owner]
        return owner, self.orders[self.start[pairs][owner] + offset]


def code(rows: NDArray) -> Numbers:
    """Rows (..., side) of 0..side-1 as numbers that have the same lexicographic order."""
    side = rows.shape[-1]
    return rows.astype(np.int64) @ (side ** np.arange(side - 1, -1, -1, dtype=np.int64))


@lru_cache
def pair_table(box: int) -> PairTable:
    """Tabulate the pairs of rows for that size of box: 4 permutations for box 2, 12096 for
    box 3.
    """
    p, orders = _row_pairs(box), column_orders(box)
    conjugates = np.empty((len(p), len(orders)), dtype=np.int64)
    for k, (order, inverse) in enumerate(zip(orders, inverse_orders(box), strict=True)):
        conjugates[:, k] = code(inverse[p[:, order]])
    smallest = conjugates.min(1)
    which, best = np.nonzero(conjugates == smallest[:, None])
    return PairTable(code(p), smallest, np.searchsorted(which, np.arange(len(p) + 1)), best)


def _row_pairs(box: int) -> Numbers:
    """All p, in lexicographic order: the permutations that map no column into its own stack, since
    two rows of a band have no digit of a box in common.
    """
    side = box * box
    partial = np.zeros((1, 0), dtype=np.int64)
    for column in range(side):
        wide = np.repeat(partial, side, axis=0)
        new = np.tile(np.arange(side), len(partial))
        keep = (new // box != column // box) & ~(wide == new[:, None]).any(1)
        partial = np.column_stack((wide[keep], new[keep]))
    return partial


@dataclass(frozen=True)
class _Squares:
    """Grids (squares, side, side) with digits from 0: each grid, followed by its transpose."""

    digit: Numbers
    box: int

    @cached_property
    def column(self) -> Numbers:
        """The column of each digit in each row, (squares, side, side)."""
        return np.argsort(self.digit, axis=2)


@dataclass(frozen=True)
class _Candidates:
    """Images that may be the smallest, those of one grid side by side.

    `grid` (candidates,) is the grid of each, ascending; `square` its index among the squares;
    `order` its order of columns, an index into `column_orders`; `rows` (candidates, side) its old
    rows in their new order, or at first the first of them alone.
    """

    squares: _Squares
    grid: Numbers
    square: Numbers
    order: Numbers
    rows: Numbers

    def of(self, keep: NDArray) -> _Candidates:
        """The kept candidates (a mask or indices)."""
        return _Candidates(
            self.squares, self.grid[keep], self.square[keep], self.order[keep], self.rows[keep]
        )

    def image(self, row: NDArray, places: NDArray) -> Numbers:
        """What stands in the old row `row` of each candidate at the given new columns, with digits
        renamed: both arguments have one line per candidate, (candidates, 1) or (candidates, n).
        """
        each = self.square[:, None]
        old = np.take_along_axis(column_orders(self.squares.box)[self.order], places, axis=1)
        digit = self.squares.digit[each, row, old]
        in_first = self.squares.column[each, self.rows[:, :1], digit]
        return np.take_along_axis(inverse_orders(self.squares.box)[self.order], in_first, axis=1)

    def row(self, k: int) -> Numbers:
        """The row k of each image, (candidates, side)."""
        side = self.rows.shape[1]
        places = np.broadcast_to(np.arange(side), (len(self.grid), side))
        return self.image(self.rows[:, k : k + 1], places)

    def starts(self) -> Numbers:
        """Where the candidates of each grid begin."""
        return np.flatnonzero(np.diff(self.grid, prepend=-1))

    def counts(self) -> Numbers:
        """How many candidates each grid has."""
        return np.diff(np.append(self.starts(), len(self.grid)))


def _forms(grids: Numbers, box: int) -> tuple[Grids, Numbers]:
    """Canonical forms and numbers of automorphisms of one chunk, whose digits begin at 0."""
    side = box * box
    found = _with_smallest_second_row(grids.reshape(-1, side, side), box)
    for k in range(2, side):
        key = code(found.row(k))
        smallest = np.minimum.reduceat(key, found.starts())
        found = found.of(key == np.repeat(smallest, found.counts()))
    one = found.of(found.starts())
    image = np.stack([one.row(k) for k in range(side)], axis=1)
    return image.reshape(len(grids), -1).astype(np.uint8) + 1, found.counts()


def _with_smallest_second_row(square: Numbers, box: int) -> _Candidates:
    """All candidates of grids (grids, side, side) whose second row is the smallest."""
    side, table = box * box, pair_table(box)
    both = np.stack((square, square.transpose(0, 2, 1)), axis=1).reshape(-1, side, side)
    squares = _Squares(both, box)
    pairs = [(a, b) for a in range(side) for b in range(side) if a != b and a // box == b // box]
    first, second = np.array(pairs).T
    p = np.take_along_axis(squares.column[:, first], squares.digit[:, second], axis=2)
    index = np.searchsorted(table.codes, code(p)).reshape(len(square), -1)
    smallest = table.smallest[index]
    grid, choice = np.nonzero(smallest == smallest.min(1, keepdims=True))
    owner, order = table.expanded(index[grid, choice])
    grid, (transposed, pair) = grid[owner], np.divmod(choice[owner], len(pairs))
    begun = _Candidates(squares, grid, 2 * grid + transposed, order, first[pair][:, None])
    return replace(begun, rows=_row_order(begun))


def _row_order(begun: _Candidates) -> Numbers:
    """The order of rows that makes each image smallest, (candidates, side).

    Bands, and rows within bands, are sorted by the new digit in the first column. The first row has
    the digit 0 there, so it stays first. The other row of its pair comes second by itself: if the
    third row of the band began lower, its pair with the first row would have the smaller conjugate.
    """
    box = begun.squares.box
    side = box * box
    every = np.broadcast_to(np.arange(side), (len(begun.grid), side))
    digit = begun.image(every, np.zeros_like(every))
    band = np.repeat(digit.reshape(-1, box, box).min(2), box, axis=1)
    return np.lexsort((digit, band), axis=1)
