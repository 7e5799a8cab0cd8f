"""Tasks by name: the embedded ones need no file; `sudoku` and `chess` need a file made by `loopstab
data prepare`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...support.errors import UsageError
from ..network.choices import Positions
from . import EMBEDDED, table_task
from .prefix_sums import PrefixSums
from .table import TableTask
from .task import Task

KINDS = {"sudoku": "sudoku", "sudoku-4x4": "sudoku", "sudoku-9x9": "sudoku", "chess": "chess"}
"""kind of prepared file of a task; all others are endgames"""
NEED_FILE = ("sudoku", "chess")
NAMES = ("prefix-sums", *EMBEDDED, *NEED_FILE)


def make_task(
    name: str, *, bits: int = 32, data: str | Path | None = None, positions: str = Positions.NONE
) -> Task:
    """The task of that name; `bits` is the training length of prefix sums, `data` a prepared file,
    `positions` what boards say of places.

    Raises `UsageError` for an unknown name, a missing file, or a file of another kind.
    """
    if name not in NAMES:
        raise UsageError(f"unknown task {name!r}: use one of {', '.join(NAMES)}")
    if name == "prefix-sums":
        if data is not None:
            raise UsageError("prefix-sums is generated exactly: leave --data out")
        if positions != Positions.NONE:
            raise UsageError(
                "prefix-sums has sequences of any length, not places on a board: leave"
                " --positions out"
            )
        return PrefixSums(bits)
    if data is None:
        if name not in EMBEDDED:
            raise UsageError(
                f"the task {name} needs a data file: make one with loopstab data prepare and give"
                " it by --data"
            )
        return _named(table_task(name), name).locate(positions)
    task = table_task(data)
    if task.kind != KINDS.get(name, "endgames"):
        raise UsageError(f"{data} holds {task.kind} data, not what the task {name} needs")
    return _named(task, name).locate(positions)


def _named(task: TableTask, name: str) -> TableTask:
    """A run records the name by which its task can be made again."""
    task.name = name
    return task


def recorded_task(run: dict[str, Any], data: str | Path | None = None) -> Task:
    """The task of a finished run from its record; `UsageError` when `data` is not the data of the
    run.
    """
    bits = int(run["data"].rpartition("-")[2]) if run["task"] == "prefix-sums" else 32
    task = make_task(
        run["task"],
        bits=bits,
        data=data,
        positions=run.get("config", {}).get("positions", Positions.NONE),
    )
    if task.fingerprint() == run["data"]:
        return task
    raise UsageError(
        f"the run was trained on {run['data']}, not on {task.fingerprint()}: give its own data file"
        " with --data"
    )
