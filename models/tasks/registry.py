"""Tasks by name: every task has one line here, and says itself what it needs."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...support.errors import UsageError
from ...support.optional import optional
from ...support.schema import SchemaError, shown
from ..network.bounds import BITS
from ..network.choices import Positions

if TYPE_CHECKING:  # the names are listed without importing torch
    from .task import Task

TASKS = {
    "prefix-sums": "prefix_sums:PrefixSums",
    "sudoku-4x4": "sudoku.sudoku_task:Sudoku4x4",
    "sudoku-9x9": "sudoku.sudoku_task:Sudoku9x9",
    "endgames": "chess.endgames:EndgameTask",
    "kqk": "chess.endgames:QueenEndgameTask",
    "krk": "chess.endgames:RookEndgameTask",
    "sudoku": "sudoku.sudoku_task:SudokuTask",
    "chess": "chess.puzzles:ChessTask",
}
"""Name of a task to its class, as MODULE:CLASS in this package; a module is imported when a task of
it is made.
"""


def task_class(name: str) -> type[Task]:
    """The class of the task of that name; `UsageError` when there is none."""
    if name not in TASKS:
        raise UsageError(f"unknown task {name!r}: use one of {', '.join(TASKS)}")
    module, _, attribute = TASKS[name].partition(":")
    with optional("models"):
        return getattr(import_module(f".{module}", __package__), attribute)


def make_task(
    name: str, *, bits: int = 32, data: str | Path | None = None, positions: str = Positions.NONE
) -> Task:
    """Make a task by its name.

    Args:
        name: a key of `TASKS`.
        bits: greatest training length, for a task of lengths.
        data: prepared data file (`loopstab data prepare`, `loopstab data generate`).
        positions: what the input of a board says about the place of a cell: a value of `Positions`.

    Returns:
        The task.

    Raises:
        UsageError: the name is unknown, a data file is missing or of another kind, or the task does
            not take an option that was given.

    Example:
        >>> from loopstab.models.tasks.registry import make_task
        >>> make_task("prefix-sums", bits=16).levels
        ('16', '32', '64')
    """
    return task_class(name).make(bits=bits, data=data, positions=positions)


def recorded_task(run: dict[str, Any], data: str | Path | None = None) -> Task:
    """Make the task of a finished run again from its record; `UsageError` when `data` is not the
    data file of the run.
    """
    kind = task_class(run["task"])
    bits = kind.recorded_bits(run["data"]) if kind.lengths else 32
    try:
        BITS.check(bits, "bits")
    except SchemaError as error:
        raise UsageError(f"the data of the run, {shown(run['data'])}: {error}") from None
    positions = run.get("config", {}).get("positions", Positions.NONE)
    task = kind.make(bits=bits, data=data, positions=positions)
    if task.fingerprint() == run["data"]:
        return task
    raise UsageError(
        f"the run was trained on {run['data']}, not on {task.fingerprint()}: give its own data file"
        " with --data"
    )
