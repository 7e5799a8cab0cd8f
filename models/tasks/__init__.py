"""Tasks: batches with exact targets, an easy split to train on and harder ones to test on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .chess.endgames import EndgameTask
from .chess.puzzles import ChessTask
from .sudoku.task import SudokuTask
from .table import Table, TableTask

EMBEDDED: dict[str, Callable[[], TableTask]] = {
    "sudoku-4x4": lambda: SudokuTask.generated(2),
    "sudoku-9x9": lambda: SudokuTask.generated(3),
    "endgames": lambda: EndgameTask.generated(),
    "kqk": lambda: EndgameTask.generated("Q"),
    "krk": lambda: EndgameTask.generated("R"),
}
"""Data sets that need no file; each is built in seconds (sudoku-9x9: half a minute), once per
process.
"""


def table_task(name_or_path: str | Path) -> TableTask:
    """An embedded data set by name, or the task of a prepared file."""
    if str(name_or_path) in EMBEDDED:
        return EMBEDDED[str(name_or_path)]()
    table = Table.load(name_or_path)
    kinds = {task.kind: task for task in (SudokuTask, ChessTask, EndgameTask)}
    return kinds[table.kind](table)
