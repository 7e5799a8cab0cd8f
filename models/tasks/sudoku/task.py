"""Sudoku: input the clues as one-hot of blank and the digits, target the digit of every cell."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ....support.errors import UsageError
from ...network.choices import Augmentation
from ..table import MARK, Table, TableTask, cut_at, split_levels
from ..table_source import Malformed, rows, sample, sha256, whole
from ..task import Batch, Shape
from .solver import dig, random_grid, solve
from .symmetry import canonical, complete

HEADER = ("source", "question", "answer", "rating")
EASY_SHARE = 0.8
CLUES = {2: (4, 9), 3: (22, 32)}
"""Box size: clues at which digging stops, drawn uniformly from this range (fewer cannot always be
reached).
"""
ROWS = {2: 12_000, 3: 1000}
Disjoint = Literal["symmetry", "relabelling"]


class SudokuTask(TableTask):
    """Sudoku puzzles of a prepared file, 4x4 or 9x9.

    A grid of side s has s^2 cells, s + 1 input channels and s classes; class d - 1 is the digit d.
    """

    name = "sudoku"
    kind = "sudoku"
    needs_file = True
    augmentations = tuple(Augmentation)

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
        """Digits renamed, and with `symmetry` also the places of the cells changed, by a symmetry
        of its own for each puzzle.
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

    @classmethod
    def embedded(cls) -> Table:
        """The generated puzzles of box 2."""
        return _generated(2, None, 0, "symmetry")


class Sudoku9x9(SudokuTask):
    """9x9 sudoku from the generator: 1000 puzzles, made in half a minute."""

    name = "sudoku-9x9"
    needs_file = False

    @classmethod
    def embedded(cls) -> Table:
        """The generated puzzles of box 3."""
        return _generated(3, None, 0, "symmetry")


def random_places(samples: int, side: int, generator: torch.Generator) -> Tensor:
    """Where each cell of a grid comes from under random symmetries of its places, (samples, side^2)
    indices.
    """
    box = round(side**0.5)

    def lines() -> Tensor:
        blocks = torch.rand(samples, box, generator=generator).argsort(1)
        within = torch.rand(samples, box, box, generator=generator).argsort(2)
        return (blocks[:, :, None] * box + within).flatten(1)

    row, column = lines()[:, :, None], lines()[:, None, :]
    turned = torch.rand(samples, 1, 1, generator=generator) < 0.5
    return torch.where(turned, column * side + row, row * side + column).flatten(1)


def read(
    path: str | Path,
    size: int | None = None,
    easy_share: float = EASY_SHARE,
    seed: int = 0,
    progress: bool = False,
) -> Table:
    """A `source,question,answer,rating` CSV as a table; further columns are ignored.

    Every row is checked: lengths, digits, clues that agree with the answer, and an answer that is a
    valid grid. That the solution is unique is the source's word: a search for a second one takes 2
    to 40 ms a puzzle. Malformed rows are skipped, more than 1 % of them raise `UsageError`. `size`
    draws a uniform sample of the rows first.
    """
    path = Path(path)
    malformed = Malformed(path)
    kept = sample(rows(path, HEADER), size, seed, progress)
    good = [row for line, fields in kept if (row := _check(line, fields, malformed))]
    cells = Counter(len(row.question) for row in good).most_common(1)[0][0] if good else 81
    for row in good:
        if len(row.question) != cells:
            malformed.add(
                row.line,
                f"a grid of {len(row.question)} cells in a file of {cells}: split it by size first",
            )
    good = [row for row in good if len(row.question) == cells]
    question, answer = (
        _digits((row.question for row in good), cells),
        _digits((row.answer for row in good), cells),
    )
    valid = complete(answer, round(cells**0.25))
    keep = valid & ((question == 0) | (question == answer)).all(1)
    for i in np.flatnonzero(~keep):
        malformed.add(
            good[i].line,
            "the clues contradict the answer" if valid[i] else "the answer is not a valid grid",
        )
    account = malformed.judge(len(kept))
    line, rating = (np.array([row[k] for row in good], dtype=np.int64)[keep] for k in (0, 3))
    meta = {
        "source": path.name,
        "sha256": sha256(path),
        **account,
        "sampled": size,
        "seed": seed,
        "unit": "rating",
    }
    return table(
        question[keep], answer[keep], rating, line, round(cells**0.25), meta, easy_share, seed
    )


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
    """Puzzles split by difficulty so that no grid of train stands in easy or hard, up to all
    symmetries or up to relabelling only.
    """
    cut = cut_at(difficulty, easy_share)
    form = canonical(answer, box) if disjoint == "symmetry" else relabelled(answer)
    _, groups = np.unique(np.ascontiguousarray(form).view(f"V{form.shape[1]}"), return_inverse=True)
    split = split_levels(difficulty > cut, groups, seed)
    cells = answer + MARK * (question > 0)
    meta = {
        "kind": "sudoku",
        **meta,
        "cut": cut,
        "disjoint": disjoint,
        "grids": int(groups.max()) + 1,
    }
    return Table.build(cells, difficulty, split, line, meta)


def relabelled(grids: NDArray) -> NDArray[np.uint8]:
    """Each grid with its digits renamed so that the first row reads 1, 2, 3, ..."""
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
    """Distinct puzzles with a proven unique solution; row i depends on (box, seed, i) alone, but
    that a repeated puzzle is redrawn.

    Difficulty of box 3: guesses of our solver. Singles solve every 4x4 puzzle (the tests try all),
    so for box 2 it is the rounds that they take.
    """
    if box not in CLUES:
        raise UsageError(f"sudoku of box 2 or 3 can be generated, not {box!r}")
    rows = ROWS[box] if rows is None else rows
    if rows < 10:
        raise UsageError(f"at least 10 puzzles are needed to fill the three levels, not {rows}")
    puzzles: dict[tuple[int, ...], list[int]] = {}
    for i in tqdm(
        range(rows), disable=None if progress else True, unit="puzzle", desc=f"sudoku box {box}"
    ):
        for attempt in range(1000):
            rng = random.Random(f"{box}/{seed}/{i}/{attempt}")
            grid = random_grid(box, rng)
            puzzle = tuple(dig(grid, box, rng.randint(*CLUES[box]), rng))
            if puzzle not in puzzles:
                puzzles[puzzle] = grid
                break
        else:
            raise UsageError(
                f"box {box} has too few puzzles for {rows} distinct ones: ask for fewer"
            )
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


class Row(NamedTuple):
    """A row whose characters are right: line number, clues with 0 for blank, answer, rating."""

    line: int
    question: str
    answer: str
    rating: int


def _check(line: int, fields: list[str] | str, malformed: Malformed) -> Row | None:
    """The row, or None when its characters are wrong; it is then noted."""
    if isinstance(fields, str):
        malformed.add(line, fields)
        return None
    question, answer, rating = (f.strip() for f in fields[1:4])
    digits = {16: "1234", 81: "123456789"}.get(len(question), "")
    if not digits:
        reason = f"the question has {len(question)} characters, not 81 (or 16)"
    elif len(answer) != len(question):
        reason = f"the answer has {len(answer)} characters, not {len(question)}"
    elif foreign := set(question) - set(digits + ".0"):
        reason = f"the question holds {min(foreign)!r}"
    elif foreign := set(answer) - set(digits):
        reason = f"the answer holds {min(foreign)!r}"
    elif (number := whole(rating)) is None:
        reason = f"the rating is {rating!r}, not a whole number from 0 to 65535"
    else:
        return Row(line, question.replace(".", "0"), answer, number)
    malformed.add(line, reason)
    return None


def _digits(texts: Iterable[str], cells: int) -> NDArray[np.uint8]:
    return (np.frombuffer("".join(texts).encode(), dtype=np.uint8) - ord("0")).reshape(-1, cells)
