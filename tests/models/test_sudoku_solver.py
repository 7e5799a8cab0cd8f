"""The solver of sudoku, and puzzles dug with it, against known grids and a slow obvious twin."""

import random

import numpy as np
import pytest
from known_sudokus import ESCARGOT, WIKIPEDIA, digits

from loopstab.models.tasks.sudoku.solver import dig, random_grid, solve
from loopstab.models.tasks.sudoku.symmetry import canonical, complete
from loopstab.support.errors import UsageError

CASES = [
    ("easy", WIKIPEDIA[0], 3, WIKIPEDIA[1], True),
    ("hard", ESCARGOT[0], 3, ESCARGOT[1], False),
    ("4x4", "1000003004000002", 2, "1324423124133142", True),
    ("complete", WIKIPEDIA[1], 3, WIKIPEDIA[1], True),
]


@pytest.mark.parametrize(
    ("question", "box", "answer", "by_singles"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_known_puzzles(question, box, answer, by_singles):
    for hidden in (True, False):
        found = solve(digits(question), box, hidden=hidden)
        assert found.grids == [digits(answer)]
    assert (solve(digits(question), box).guesses == 0) == by_singles


def brute_force(cells, box):
    """Every completion, by trying digits cell after cell."""
    n = box * box
    if 0 not in cells:
        return [list(cells)]
    i = cells.index(0)
    seen = {
        cells[j]
        for j in range(n * n)
        if j // n == i // n
        or j % n == i % n
        or (j // n // box, j % n // box) == (i // n // box, i % n // box)
    }
    return [
        grid
        for d in range(1, n + 1)
        if d not in seen
        for grid in brute_force([*cells[:i], d, *cells[i + 1 :]], box)
    ]


@pytest.mark.parametrize("hidden", [True, False])
def test_solver_against_brute_force(hidden):
    rng = random.Random(0)
    unique = 0
    for _ in range(60):
        grid = random_grid(2, rng)
        puzzle = [d if rng.random() < 0.35 else 0 for d in grid]
        found = solve(puzzle, 2, limit=10_000, hidden=hidden).grids
        assert sorted(found) == sorted(brute_force(puzzle, 2))
        unique += len(found) == 1
    assert 5 < unique < 55


def test_contradictions_and_limits():
    assert solve([1, 1] + [0] * 14, 2).grids == []
    assert (
        solve([1, 2, 3, 0] + [0, 0, 0, 4] + [0] * 8, 2).grids == []
    )  # the fourth cell has no digit left
    assert len(solve([0] * 16, 2).grids) == 2
    assert len({tuple(g) for g in solve([0] * 16, 2, limit=1000).grids}) == 288
    for cells, box in (([0] * 80, 3), ([5] + [0] * 15, 2), ([0] * 16, 1)):
        with pytest.raises(UsageError):
            solve(cells, box)


@pytest.mark.parametrize("box", [2, 3])
def test_dug_puzzles_are_unique_and_minimal(box):
    rng = random.Random(1)
    for _ in range(20 if box == 2 else 2):
        grid = random_grid(box, rng)
        assert complete(np.array([grid]), box).all()
        puzzle = dig(grid, box, 0, rng)
        assert solve(puzzle, box).grids == [grid]
        for i in np.flatnonzero(puzzle):
            assert len(solve([*puzzle[:i], 0, *puzzle[i + 1 :]], box).grids) == 2


def test_singles_solve_every_4x4_puzzle():
    """By exhaustion: all sets of clues of one grid of each of the two classes. So guesses rate no
    4x4 puzzle; rounds do.
    """
    classes = np.unique(canonical(np.array(solve([0] * 16, 2, limit=1000).grids), 2), axis=0)
    rounds = set()
    for grid in classes.tolist():
        for clues in range(1 << 16):
            found = solve([d if clues >> i & 1 else 0 for i, d in enumerate(grid)], 2, hidden=False)
            assert (len(found.grids) == 1) == (found.guesses == 0)
            if found.guesses == 0:
                assert clues.bit_count() >= 4
                rounds.add(found.rounds)
    assert rounds == {1, 2, 3, 4, 5, 6}
