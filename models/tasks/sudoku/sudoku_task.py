"""Sudoku: the input is the clues as one-hot of blank and digits, the target all digits."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....support.errors import UsageError
from ....support.progress_bar import progress_bar
from ...network.choices import Augmentation
from ..table import MARK, Table, cut_at, split_levels
from ..table_task import TableTask
from ..task import Batch, Shape
from .solver import dig, random_grid, solve
from .symmetry import canonical

EASY_SHARE = 0.8
"""Share of the puzzles that are easy, as near as ties of the difficulty allow."""
CLUES = {2: (4, 9), 3: (22, 32)}
"""Side of a box to the range of the clues at which digging stops; their number is drawn uniformly,
and so few cannot always be reached.
"""
ROWS = {2: 12_000, 3: 1000}
"""Side of a box to the number of puzzles that are generated, in seconds and in half a minute."""
MOST_ROWS = 1_000_000
"""The largest number of puzzles that is generated; with box 3 it takes hours."""
ATTEMPTS = 1000
"""Repeated puzzles after which a generator of distinct ones gives up."""
Disjoint = Literal["symmetry", "relabelling"]


class SudokuTask(TableTask):
    """Sudoku puzzles of a prepared file, 4x4 or 9x9.

    A grid of side s has s^2 cells, s + 1 input channels and s classes; class d - 1 is the digit d.
    """

    name = "sudoku"
    kind = "sudoku"
    needs_file = True
    augmentations = tuple(Augmentation)
    side: ClassVar[int | None] = None
    """Cells of a row, for a task of grids of one size."""

    @classmethod
    def misfit(cls, table: Table) -> str | None:
        """Why the grids do not fit: they have another size than those of the task."""
        side = round(table.cells.shape[1] ** 0.5)
        if cls.side in (None, side):
            return None
        return (
            f"these are grids of {side}x{side} cells, and the task {cls.name} has"
            f" {cls.side}x{cls.side}"
        )

    @staticmethod
    def shape_of(table: Table) -> Shape:
        """A channel for the blank and one for each digit, a class for each digit, a board."""
        side = round(table.cells.shape[1] ** 0.5)
        return Shape(channels=side + 1, classes=side, axes=2)

    @classmethod
    def generated(
        cls, box: int = 2, rows: int | None = None, seed: int = 0, disjoint: Disjoint = "symmetry"
    ) -> Self:
        """The task on generated puzzles, which are made once per process."""
        return cls(_generated(box, rows, seed, disjoint))

    def units(self) -> list[Tensor]:
        """Rows, columns and boxes."""
        row, column = super().units()
        box = round(self.shape.classes**0.5)
        return [row, column, row // box * box + column // box]

    def augmented(self, cells: Tensor, augment: str, generator: torch.Generator) -> Tensor:
        """Puzzles with digits renamed, and with `symmetry` also with cells moved, each by a random
        symmetry of its own.
        """
        side = self.shape.classes
        if augment == Augmentation.SYMMETRY:
            cells = cells.gather(1, random_places(len(cells), side, generator))
        if augment != Augmentation.NONE:
            names = torch.rand(len(cells), side, generator=generator).argsort(1) + 1
            cells = (names.gather(1, (cells % MARK).long() - 1) + cells // MARK * MARK).to(
                cells.dtype
            )
        return cells

    def _batch(self, cells: Tensor) -> Batch:
        digit = (cells % MARK).long()
        return Batch(
            torch.eye(self.shape.classes + 1, device=cells.device)[
                torch.where(cells >= MARK, digit, 0)
            ],
            digit - 1,
        )


class Sudoku4x4(SudokuTask):
    """4x4 sudoku from the generator: 12,000 puzzles, made in seconds."""

    name = "sudoku-4x4"
    needs_file = False
    side = 4

    @classmethod
    def embedded(cls) -> Table:
        """The generated puzzles of box 2."""
        return _generated(2, None, 0, "symmetry")


class Sudoku9x9(SudokuTask):
    """9x9 sudoku from the generator: 1000 puzzles, made in half a minute."""

    name = "sudoku-9x9"
    needs_file = False
    side = 9

    @classmethod
    def embedded(cls) -> Table:
        """The generated puzzles of box 3."""
        return _generated(3, None, 0, "symmetry")


def random_places(samples: int, side: int, generator: torch.Generator) -> Tensor:
    """For each cell of a grid, the cell that a random symmetry moves there, (samples, side^2)."""
    box = round(side**0.5)

    def lines() -> Tensor:
        blocks = torch.rand(samples, box, generator=generator).argsort(1)
        within = torch.rand(samples, box, box, generator=generator).argsort(2)
        return (blocks[:, :, None] * box + within).flatten(1)

    row, column = lines()[:, :, None], lines()[:, None, :]
    turned = torch.rand(samples, 1, 1, generator=generator) < 0.5
    return torch.where(turned, column * side + row, row * side + column).flatten(1)


def table(
    question: NDArray,
    answer: NDArray,
    difficulty: NDArray,
    line: NDArray,
    box: int,
    meta: dict[str, Any],
    easy_share: float = EASY_SHARE,
    seed: int = 0,
    disjoint: Disjoint = "symmetry",
) -> Table:
    """Split puzzles by difficulty, so that train shares no grid with easy and hard.

    Grids count as equal up to all symmetries, or with `disjoint` relabelling up to the names of
    digits.
    """
    cut = cut_at(difficulty, easy_share)
    form = canonical(answer, box) if disjoint == "symmetry" else relabelled(answer)
    _, groups = np.unique(np.ascontiguousarray(form).view(f"V{form.shape[1]}"), return_inverse=True)
    split = split_levels(difficulty > cut, groups, seed)
    cells = answer + np.uint8(MARK) * (question > 0)  # bytes, where whole numbers take eight
    meta = {
        "kind": "sudoku",
        **meta,
        "cut": cut,
        "disjoint": disjoint,
        "grids": int(groups.max()) + 1,
    }
    return Table.build(cells, difficulty, split, line, meta)


def relabelled(grids: NDArray) -> NDArray[np.uint8]:
    """Each grid with its digits renamed so that its first row reads 1, 2, 3, ..."""
    side = round(grids.shape[1] ** 0.5)
    names = np.argsort(grids[:, :side], axis=1) + 1
    return np.take_along_axis(names, grids.astype(np.int64) - 1, axis=1).astype(np.uint8)


def generate(
    box: int,
    rows: int | None = None,
    seed: int = 0,
    disjoint: Disjoint = "symmetry",
    progress: bool = False,
) -> Table:
    """Generate distinct puzzles with a proven unique solution.

    Row i depends on box, seed and i alone, except that a repeated puzzle is drawn again. The
    difficulty of a puzzle of box 3 is the number of guesses of our solver. Singles solve every 4x4
    puzzle, so for box 2 it is the number of rounds that they take.
    """
    if box not in CLUES:
        raise UsageError(f"sudoku of box 2 or 3 can be generated, not {box!r}")
    rows = ROWS[box] if rows is None else rows
    if not 10 <= rows <= MOST_ROWS:
        raise UsageError(
            f"at least 10 puzzles are needed to fill the three levels, and at most {MOST_ROWS:,}"
            f" are generated, not {rows}"
        )
    puzzles: dict[tuple[int, ...], list[int]] = {}
    for i in progress_bar(range(rows), shown=progress, unit="puzzle", desc=f"sudoku box {box}"):
        for attempt in range(ATTEMPTS):
            rng = random.Random(f"{box}/{seed}/{i}/{attempt}")
            grid = random_grid(box, rng)
            puzzle = tuple(dig(grid, box, rng.randint(*CLUES[box]), rng))
            if puzzle not in puzzles:
                puzzles[puzzle] = grid
                break
        else:
            raise UsageError(f"box {box} does not have {rows} distinct puzzles: ask for fewer")
    solved = [solve(p, box) for p in puzzles]
    difficulty = np.array([s.guesses if box > 2 else s.rounds for s in solved])
    meta = {
        "source": f"generator, box {box}, seed {seed}",
        "seed": seed,
        "unit": "guesses" if box > 2 else "rounds of singles",
    }
    question, answer = np.array(list(puzzles)), np.array(list(puzzles.values()))
    return table(
        question, answer, difficulty, np.arange(rows), box, meta, seed=seed, disjoint=disjoint
    )


@lru_cache
def _generated(box: int, rows: int | None, seed: int, disjoint: Disjoint) -> Table:
    return generate(box, rows, seed, disjoint)
