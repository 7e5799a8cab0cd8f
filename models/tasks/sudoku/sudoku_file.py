"""Files of sudoku puzzles, in the forms in which they are published."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....support.printable import printable
from ..layout import Column, Fields, Form
from ..table import Table
from ..table_source import Malformed, Row, rows, sample, sha256, tenths, whole
from .solved import Solved
from .sudoku_task import EASY_SHARE, table
from .symmetry import complete

BLANKS = "._-*"
"""What stands for a blank besides 0."""
ZEROS = str.maketrans(BLANKS, "0" * len(BLANKS))
DIGITS = {16: "1234", 81: "123456789"}
"""The digits of a grid by the number of its cells."""
UNITS = {"rating": "rating", "difficulty": "tenths of difficulty"}
"""The units of the columns that can say how hard a puzzle is; the first that a file has is used."""


def _is_grid(text: str) -> bool:
    return len(text) in DIGITS and not set(text) - set(BLANKS + "0" + DIGITS[len(text)])


def _is_row(fields: Fields) -> bool:
    """Whether the puzzle, and the solution if there is one, are grids of one size."""
    puzzle, solution = fields["puzzle"], fields.get("solution", fields["puzzle"])
    return _is_grid(puzzle) and _is_grid(solution) and len(puzzle) == len(solution)


FORM = Form(
    columns=(
        Column("puzzle", ("question", "questions", "quiz", "quizzes", "puzzle", "puzzles")),
        Column("solution", ("answer", "answers", "solution", "solutions"), needed=False),
        Column("rating", ("rating", "ratings"), needed=False),
        Column("difficulty", ("difficulty",), needed=False),
    ),
    bare=(
        {"puzzle": 1, "solution": 2, "rating": 3},
        {"puzzle": 0, "solution": 1},
        {"puzzle": 1, "difficulty": 2},
        {"puzzle": 0},
    ),
    is_row=_is_row,
    example="puzzle=board,solution=grid,rating=level",
)
"""What a file can look like: that of sudoku-extreme, those of Kaggle, or lists of puzzles."""


def read(
    path: str | Path,
    size: int | None = None,
    easy_share: float = EASY_SHARE,
    seed: int = 0,
    progress: bool = False,
    columns: str | None = None,
) -> Table:
    """Read a file of puzzles: CSV with or without a header, or one puzzle a line.

    Of every row, lengths and digits are checked, and that the clues agree with the answer and the
    answer is a valid grid. Malformed rows are skipped. The difficulty is the column rating (whole
    numbers), or else the column difficulty, which may have one decimal and is kept in tenths.

    Where answers or difficulties are missing, or the file rates all puzzles the same, our own
    solver gives them, and rows whose puzzle does not have exactly one solution are malformed. That
    takes 2 to 40 ms per puzzle, so it is not done for files that have both.

    Args:
        path: the file, plain or compressed.
        size: number of rows of a uniform sample; by default all rows are used.
        easy_share: share of the rows that are easy, by difficulty.
        seed: seed of the sample and of the split.
        progress: whether to show a progress bar.
        columns: which columns hold `puzzle`, `solution`, `rating` and `difficulty`, where their
            names do not tell (see `Form.layout`).

    Returns:
        The table. What was solved is in its `meta` at `solver` (see `Solved.account`).

    Raises:
        UsageError: there is no such file, it has no column of puzzles, more than 1 % of its rows
            are malformed, or a level is empty.
        LoopstabError: the file is damaged.
    """
    path = Path(path)
    layout, stream = rows(path, FORM, columns)
    column = next((name for name in UNITS if name in layout.places), None)
    answered = "solution" in layout.places
    malformed = Malformed(path)
    grids, checked = _gather(sample(stream, size, seed, progress), column, malformed)
    if answered:
        grids = _agreeing(grids, malformed)
    gives = {} if answered else {"answer": "the file has none"}
    if column is None:
        gives["difficulty"] = "the file has none"
    elif len(np.unique(grids.difficulty)) < 2:
        gives["difficulty"] = f"the file has the same {column} everywhere"
    box, unit, solver = grids.box, UNITS.get(column or "", ""), {}
    if gives and len(grids.line):
        solved = Solved.of(grids.question, box, progress)
        good = solved.good(grids.line, malformed)
        difficulty = grids.difficulty
        if "difficulty" in gives:
            difficulty, unit = solved.difficulty(good)
        grids = _Grids(grids.question, solved.answer, difficulty, grids.line).of(good)
        solver = {"solver": solved.account(gives)}
    meta = {
        "source": printable(path.name, kept=frozenset()),
        "sha256": sha256(path),
        **malformed.judge(checked),
        "sampled": size,
        "seed": seed,
        "unit": unit,
        **solver,
    }
    return table(
        grids.question, grids.answer, grids.difficulty, grids.line, box, meta, easy_share, seed
    )


@dataclass(frozen=True)
class _Grids:
    """Checked rows of one size: clues and answers (rows, cells) with 0 for a blank, difficulties
    and lines (rows,); answers or difficulties that the file does not have are 0.
    """

    question: NDArray[np.uint8]
    answer: NDArray[np.uint8]
    difficulty: NDArray[np.int64]
    line: NDArray[np.int64]

    @property
    def box(self) -> int:
        return round(self.question.shape[1] ** 0.25)

    def of(self, keep: NDArray[np.bool_]) -> _Grids:
        return _Grids(
            self.question[keep], self.answer[keep], self.difficulty[keep], self.line[keep]
        )


class _Rows:
    """Rows of one size as they come from the file, some 170 bytes each."""

    def __init__(self) -> None:
        self.question, self.answer = bytearray(), bytearray()
        self.difficulty, self.line = array("H"), array("I")

    def add(self, line: int, question: str, answer: str, difficulty: int) -> None:
        self.question += question.encode()
        self.answer += answer.encode()
        self.difficulty.append(difficulty)
        self.line.append(line)

    def grids(self, cells: int) -> _Grids:
        question, answer = (
            (np.frombuffer(text, dtype=np.uint8) - ord("0")).reshape(-1, cells)
            for text in (self.question, self.answer)
        )
        difficulty, line = (np.array(a, dtype=np.int64) for a in (self.difficulty, self.line))
        return _Grids(question, answer, difficulty, line)


def _gather(stream: Iterable[Row], column: str | None, malformed: Malformed) -> tuple[_Grids, int]:
    """The rows whose characters are right, of the commonest size, and the number of all rows."""
    sizes: dict[int, _Rows] = {}
    checked = 0
    for line, fields in stream:
        checked += 1
        try:
            question, answer, difficulty = _check(fields, column)
        except ValueError as error:
            malformed.add(line, str(error))
            continue
        sizes.setdefault(len(question), _Rows()).add(line, question, answer, difficulty)
    cells = max(sizes, key=lambda cells: len(sizes[cells].line), default=81)
    for other in sizes.keys() - {cells}:
        for line in sizes[other].line:
            malformed.add(
                line, f"a grid of {other} cells in a file of {cells}: split it by size first"
            )
    return sizes.get(cells, _Rows()).grids(cells), checked


def _check(fields: Fields | str, column: str | None) -> tuple[str, str, int]:
    """Clues with 0 for a blank, answer and difficulty, as in `_Grids`; `ValueError` when a
    character is wrong.
    """
    if isinstance(fields, str):
        raise ValueError(fields)
    question = fields["puzzle"]
    digits = DIGITS.get(len(question), "")
    if not digits:
        raise ValueError(f"the question has {len(question)} characters, not 81 (or 16)")
    answer = fields.get("solution")
    if answer is not None and len(answer) != len(question):
        raise ValueError(f"the answer has {len(answer)} characters, not {len(question)}")
    if foreign := set(question) - set(digits + "0" + BLANKS):
        raise ValueError(f"the question holds {min(foreign)!r}")
    if foreign := set(answer or "") - set(digits):
        raise ValueError(f"the answer holds {min(foreign)!r}")
    value = _difficulty(fields, column) if column else 0
    return question.translate(ZEROS), answer or "0" * len(question), value


def _difficulty(fields: Fields, column: str) -> int:
    parse, form = {
        "rating": (whole, "a whole number from 0 to 65535"),
        "difficulty": (tenths, "a number from 0 to 6553.5 with at most one decimal"),
    }[column]
    value = parse(fields[column])
    if value is None:
        raise ValueError(
            f"the {column} is {fields[column]!r}, not {form} (--columns {column}= leaves it aside)"
        )
    return value


def _agreeing(grids: _Grids, malformed: Malformed) -> _Grids:
    """The rows whose answer is a valid grid that has the clues."""
    valid = complete(grids.answer, grids.box)
    keep = valid & ((grids.question == 0) | (grids.question == grids.answer)).all(1)
    for i in np.flatnonzero(~keep):
        malformed.add(
            int(grids.line[i]),
            "the clues contradict the answer" if valid[i] else "the answer is not a valid grid",
        )
    return grids.of(keep)
