"""The shipped forecasts and measurements of the trained loops, with the commands that make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .record_files import FOLDER
from .training_commands import BOARDS

if TYPE_CHECKING:
    from ...models.forecast.measured_line import Measured

FORECASTS = "forecasts.jsonl"
"""The data file of the forecasts."""
PREDICT = f"loopstab predict --zoo {BOARDS} --seed 0 --out {FORECASTS}"
"""The command that makes it."""
MEASURED = "measured.jsonl"
"""The data file of the measurements."""
MEASURE = (
    "for name in {prefix-sums-16,sudoku-4x4}-{none,external,internal}-{peri,post}-s0;"
    " do loopstab zoo repeat $name --share 0.5 --out runs/middle/$name; done",
    f"loopstab crossvalidate --zoo {BOARDS} --seed 0 --middle runs/middle --out {MEASURED}",
)
"""The commands that make it: those of the checkpoints half-way through their training, and that of
the measurements.
"""


def shipped_measurements() -> list[Measured]:
    """All measurements of the data file; raises `LoopstabError` if it is damaged."""
    from ...models.forecast.measured_line import read_measured

    return read_measured(FOLDER / MEASURED)
