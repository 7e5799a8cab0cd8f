"""The shell commands that trained the shipped runs, which several figures are drawn from."""

from __future__ import annotations

BOARDS = "--data sudoku=runs/sudoku.safetensors --data chess=runs/chess.safetensors"
"""The prepared data files, as options."""
OLDER = (
    "for name in {external,internal}-post internal-peri;"
    " do loopstab zoo repeat $name --out runs/$name; done"
)
"""Older runs with recall, of up to 32 bits, which are in no plan."""
CPU = "loopstab grid run --plan cpu --out runs/cpu"
"""Runs of width 64 on prefix sums, 4x4 sudoku and endgames."""
DESK = f"loopstab grid run --plan desk --out runs/desk --compile {BOARDS}"
"""Runs of the recipe for sudoku, chess and endgames, on a CPU."""
LEASE = (
    "python -m loopstab.models.grid.lease --plan lease --budget-minutes 9 --out runs/lease"
    f" {BOARDS}"
)
"""Runs of the recipe at width 256, on a GPU."""
