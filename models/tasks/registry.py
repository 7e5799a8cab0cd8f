"""Tasks by name: the embedded ones need no file; `sudoku` and `chess` need a file made by `loopstab data prepare`."""

from __future__ import annotations

from pathlib import Path

from models.tasks.prefix_sums import PrefixSums
from models.tasks.task import Task
from theory.errors import UsageError

NAMES = ("prefix-sums",)


def make_task(name: str, *, bits: int = 32, data: str | Path | None = None) -> Task:
    """The task of that name; `bits` is the training length of prefix sums. Raises `UsageError`."""
    if name != "prefix-sums":
        raise UsageError(f"unknown task {name!r}: use one of {', '.join(NAMES)}")
    if data is not None:
        raise UsageError("prefix-sums is generated exactly: leave --data out")
    return PrefixSums(bits)
