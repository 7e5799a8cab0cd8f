"""Sudoku of any box size: exact solver with a count of its guesses, and a generator of puzzles with
a proven unique solution.

A position is one whole number per digit whose bit i says that cell i may still hold that digit, so
that a rule acts on all cells at once. Grids are sequences of box^4 digits, row by row, 0 for blank.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ....support.errors import UsageError


@dataclass(frozen=True)
class Rules:
    """Bit masks of the grid of side box^2: all cells, the rows, columns and boxes, and the cells
    that each cell sees.
    """

    side: int
    full: int
    units: tuple[int, ...]
    peers: tuple[int, ...]


@lru_cache
def rules(box: int) -> Rules:
    """The rules for that box size; `UsageError` unless it is 2, 3 or 4."""
    if box not in (2, 3, 4):
        raise UsageError(f"sudoku boxes of side 2, 3 or 4 are supported, not {box!r}")
    n = box * box
    member = [
        ((0, c // n), (1, c % n), (2, c // n // box * box + c % n // box)) for c in range(n * n)
    ]
    units = {
        key: sum(1 << c for c in range(n * n) if key in member[c])
        for key in sorted(set().union(*member))
    }
    peers = tuple(
        (units[row] | units[col] | units[block]) & ~(1 << c)
        for c, (row, col, block) in enumerate(member)
    )
    return Rules(n, (1 << n * n) - 1, tuple(units.values()), peers)


@dataclass(frozen=True)
class Solutions:
    """The solutions found (no more than the limit asked for), how many times a cell had to be
    guessed, and the rounds of filling.

    A round fills all cells that have one candidate at once; the clues are the first. Hidden singles
    take no round of their own.
    """

    grids: list[list[int]]
    guesses: int
    rounds: int


class Search:
    """Depth first: fill singles until none is left, then guess the cell with fewest candidates.

    Singles are cells with one candidate and, with `hidden`, digits with one place in a unit. A
    guessed cell counts once, however many of its digits are tried; they are tried in ascending
    order, or in random order with `shuffle`.
    """

    def __init__(
        self, box: int, limit: int = 2, hidden: bool = True, shuffle: random.Random | None = None
    ):
        self.rules, self.limit, self.hidden, self.shuffle = rules(box), limit, hidden, shuffle
        self.guesses = self.rounds = 0
        self.grids: list[list[int]] = []

    def masks(self, cells: Sequence[int]) -> list[int]:
        """The clues as candidate masks; what follows from them is left to `run`."""
        masks = [self.rules.full] * self.rules.side
        for i, digit in enumerate(cells):
            if digit:
                masks = [m if d == digit - 1 else m & ~(1 << i) for d, m in enumerate(masks)]
        return masks

    def run(self, masks: list[int]) -> Search:
        """Search on from these candidates (changed in place) until `limit` solutions are found or
        none is left.
        """
        if not self._propagate(masks):
            return self
        several = self._several(masks)
        if not several:
            self.grids.append(
                [
                    next(d + 1 for d, m in enumerate(masks) if m >> i & 1)
                    for i in range(self.rules.side**2)
                ]
            )
            return self
        self.guesses += 1
        cell = several & -several
        digits = [d for d, m in enumerate(masks) if m & cell]
        if self.shuffle:
            self.shuffle.shuffle(digits)
        for digit in digits:
            self.run([m if d == digit else m & ~cell for d, m in enumerate(masks)])
            if len(self.grids) >= self.limit:
                break
        return self

    def _propagate(self, masks: list[int]) -> bool:
        """Fill singles; False at a contradiction. A cell in `done` has had its digit struck from
        all the cells it sees.
        """
        full, peers, done = self.rules.full, self.rules.peers, 0
        while True:
            ones = twos = 0
            for mask in masks:
                twos |= ones & mask
                ones |= mask
            if ones != full:
                return False
            single = full & ~twos & ~done
            done |= single
            if not single:
                if not twos or not self.hidden:
                    return True
                found = self._hidden(masks, twos)
                if found <= 0:
                    return found == 0
            self.rounds += single > 0
            while single:
                bit = single & -single
                single ^= bit
                for d, mask in enumerate(masks):
                    if mask & bit:
                        masks[d] = mask & ~peers[bit.bit_length() - 1]

    def _hidden(self, masks: list[int], twos: int) -> int:
        """Make cells of hidden singles hold one candidate only; how many, or -1 when a digit has no
        place in a unit.
        """
        found = 0
        for d, mask in enumerate(masks):
            for unit in self.rules.units:
                place = mask & unit
                if not place & (place - 1):
                    if not place:
                        return -1
                    if place & twos:
                        masks[:] = [m if e == d else m & ~place for e, m in enumerate(masks)]
                        found += 1
        return found

    def _several(self, masks: list[int]) -> int:
        """The cells that have the fewest candidates among those with more than one; 0 when there
        are none.
        """
        at_least = [self.rules.full] + [0] * (self.rules.side + 1)
        for mask in masks:
            for k in range(self.rules.side, 0, -1):
                at_least[k] |= at_least[k - 1] & mask
        return next(
            (
                cells
                for k in range(2, self.rules.side + 1)
                if (cells := at_least[k] & ~at_least[k + 1])
            ),
            0,
        )


def solve(cells: Sequence[int], box: int, limit: int = 2, hidden: bool = True) -> Solutions:
    """Up to `limit` solutions of a puzzle, with the guesses of the whole search: 0 when singles
    alone decide it.

    With limit 2, one grid returned proves that the solution is unique.
    """
    search = Search(box, limit, hidden)
    if len(cells) != search.rules.side**2 or not all(0 <= d <= search.rules.side for d in cells):
        raise UsageError(
            f"a sudoku of box {box} has {search.rules.side**2} cells of 0 (blank) to"
            f" {search.rules.side}"
        )
    search.run(search.masks(cells))
    return Solutions(search.grids, search.guesses, search.rounds)


def random_grid(box: int, rng: random.Random) -> list[int]:
    """A complete grid: every grid can occur, though not with exactly equal chances (a search with
    random choices).
    """
    search = Search(box, limit=1, shuffle=rng)
    n = search.rules.side
    first = rng.sample(range(1, n + 1), n)
    return search.run(search.masks(first + [0] * (n * n - n))).grids[0]


def dig(grid: Sequence[int], box: int, clues: int, rng: random.Random) -> list[int]:
    """Blank cells in random order while the solution stays unique, until `clues` are left or none
    can go.

    A clue can go when no solution has another digit there: that search is the proof.
    """
    puzzle = list(grid)
    left = len(puzzle)
    for cell in rng.sample(range(len(puzzle)), len(puzzle)):
        if left <= clues:
            break
        trial = puzzle.copy()
        trial[cell] = 0
        search = Search(box, limit=1)
        masks = search.masks(trial)
        masks[puzzle[cell] - 1] &= ~(1 << cell)
        if not search.run(masks).grids:
            puzzle, left = trial, left - 1
    return puzzle
