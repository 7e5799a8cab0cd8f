"""The option --data TASK=FILE of commands that deal with several tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tyro

from theory.errors import UsageError

DataFiles = tyro.conf.UseAppendAction[tuple[str, ...]]
"""given once for each file"""


def data_files(data: Sequence[str]) -> dict[str, str | Path]:
    """Task name to prepared file; `UsageError` for anything but TASK=FILE."""
    files: dict[str, str | Path] = {}
    for item in data:
        task, sign, file = item.partition("=")
        if not (task and sign and file):
            raise UsageError(f"cannot read --data {item!r}: write TASK=FILE, e.g. sudoku=runs/sudoku.safetensors")
        files[task] = file
    return files
