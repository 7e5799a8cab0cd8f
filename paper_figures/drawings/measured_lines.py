"""The shipped measurements of the trained loops, from which several figures are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .record_files import FOLDER

if TYPE_CHECKING:
    from ...models.forecast.measured_line import Measured

MEASURED = "measured.jsonl"
"""Their data file."""
MEASURE = "loopstab crossvalidate --zoo --out measured.jsonl"
"""The command that makes it."""


def shipped_measurements() -> list[Measured]:
    """All lines of the data file; raises `LoopstabError` if it is damaged."""
    from ...models.forecast.measured_line import read_measured

    return read_measured(FOLDER / MEASURED)
