"""Generated 4x4 puzzles, and the text files in which puzzles of this kind are published."""

import numpy as np

from loopstab.models.tasks.sudoku.sudoku_task import generate
from loopstab.models.tasks.table import MARK

COUNT = 60
TABLE = generate(2, COUNT)
CELLS, RATINGS = TABLE.cells[np.argsort(TABLE.line)], TABLE.difficulty[np.argsort(TABLE.line)]
PUZZLES = [
    (
        "".join(str(c % MARK) if c >= MARK else "." for c in row),
        "".join(str(c % MARK) for c in row),
        int(rating),
    )
    for row, rating in zip(CELLS.tolist(), RATINGS, strict=True)
]
"""Clues, answer and rounds of singles of puzzles with one solution."""
HEADER = "source,question,answer,rating"


def sheet(form, header=None, end="\n", puzzles=tuple(PUZZLES)):
    lines = [] if header is None else [header]
    lines += [form.format(i=i, q=q, a=a, r=r, d=r / 10) for i, (q, a, r) in enumerate(puzzles)]
    return end.join(lines) + end


OTHER = sheet("{i};{q};{a};{r}", "n;board;grid;level")
