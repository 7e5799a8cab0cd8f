"""An exact solver of sudoku that counts its guesses, and a generator of puzzles with one solution.

A position is one whole number per digit, whose bit i says that cell i may still hold the digit, so
that a rule acts on all cells at once. A grid is a sequence of box^4 digits, row by row, with 0 for
a blank.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from ....support.errors import UsageError


@dataclass(frozen=True)
class Rules:
    """Bit masks of a grid.

    Attributes:
        side: number of cells of a row.
        full: all cells.
        units: the rows, columns and boxes.
        peers: for each cell, the others of its units.
    """

    side: int
    full: int
    units: tuple[int, ...]
    peers: tuple[int, ...]


@lru_cache
def rules(box: int) -> Rules:
    """The rules for boxes of that side; `UsageError` unless it is 2, 3 or 4."""
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
    """What a search found.

    Attributes:
        grids: the solutions, up to the limit of the search.
        guesses: how many times a cell had to be guessed.
        rounds: rounds of filling; a round fills all cells that have one candidate, and the clues
            are the first. Hidden singles do not take a round of their own.
        decided: whether the search came to its end, within the guesses that it was allowed.
    """

    grids: list[list[int]]
    guesses: int
    rounds: int
    decided: bool = True


class Search:
    """A depth-first search: fill singles until none is left, then guess a cell with the fewest
    candidates.

    Singles are cells with one candidate and, with `hidden`, digits with one place in a unit. A
    guessed cell counts once, however many of its digits are tried. They are tried in ascending
    order, or with `shuffle` in random order. The search stops before it guesses more than
    `most_guesses` times, and is then not `decided`.
    """

    def __init__(
        self,
        box: int,
        limit: int = 2,
        hidden: bool = True,
        shuffle: random.Random | None = None,
        most_guesses: float = inf,
    ):
        self.rules, self.limit, self.hidden, self.shuffle = rules(box), limit, hidden, shuffle
        self.most_guesses, self.decided = most_guesses, True
        self.guesses = self.rounds = 0
        self.grids: list[list[int]] = []

    def masks(self, cells: Sequence[int]) -> list[int]:
        """The candidates after the clues; `run` finds what follows from them."""
        masks = [self.rules.full] * self.rules.side
        for i, digit in enumerate(cells):
            if digit:
                masks = [m if d == digit - 1 else m & ~(1 << i) for d, m in enumerate(masks)]
        return masks

    def run(self, masks: list[int]) -> Search:
        """Search from these candidates, which are changed in place, until `limit` solutions have
        been found or there are no more.
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
        if self.guesses >= self.most_guesses:
            self.decided = False
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
        """Fill singles; returns False at a contradiction.

        `done` are the cells whose digit has been removed from all their peers.
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
        """Leave one candidate in the cells of hidden singles; returns their number, or -1 when a
        digit has no place in a unit.
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
        """The cells with the fewest candidates among those with more than one, or 0 when there are
        none.
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


def solve(
    cells: Sequence[int], box: int, limit: int = 2, hidden: bool = True, most_guesses: float = inf
) -> Solutions:
    """Solve a puzzle.

    Args:
        cells: box^4 digits, row by row, with 0 for a blank.
        box: side of a box: 2, 3 or 4.
        limit: most solutions to look for; with 2, a single one is proved to be unique.
        hidden: whether digits with one place in a unit are filled in, too.
        most_guesses: guesses after which the search gives up. A grid without a solution can take
            millions.

    Returns:
        The solutions, and the guesses of the whole search: 0 when singles decide the puzzle.

    Raises:
        UsageError: the box has another size, or the cells are not those of such a puzzle.

    Example:
        >>> from loopstab.models.tasks.sudoku.solver import solve
        >>> solve([1, 0, 0, 0, 0, 0, 3, 0, 0, 4, 0, 0, 0, 0, 0, 2], 2).grids
        [[1, 3, 2, 4, 4, 2, 3, 1, 2, 4, 1, 3, 3, 1, 4, 2]]
    """
    search = Search(box, limit, hidden, most_guesses=most_guesses)
    if len(cells) != search.rules.side**2 or not all(0 <= d <= search.rules.side for d in cells):
        raise UsageError(
            f"a sudoku of box {box} has {search.rules.side**2} cells of 0 (blank) to"
            f" {search.rules.side}"
        )
    search.run(search.masks(cells))
    return Solutions(search.grids, search.guesses, search.rounds, search.decided)


def random_grid(box: int, rng: random.Random) -> list[int]:
    """A complete grid, by a search with random choices: every grid can occur, though not with
    exactly equal probabilities.
    """
    search = Search(box, limit=1, shuffle=rng)
    n = search.rules.side
    first = rng.sample(range(1, n + 1), n)
    return search.run(search.masks(first + [0] * (n * n - n))).grids[0]


def dig(grid: Sequence[int], box: int, clues: int, rng: random.Random) -> list[int]:
    """Blank cells of a grid in random order, as long as its solution stays unique, until `clues`
    are left or no other can be blanked.

    A cell can be blanked when no solution has another digit there; the search for one is the proof.
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
