"""Phase diagram of a mean-field law."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import tyro

from theory.errors import UsageError
from theory.files import output_folder


def phase(
    out: Path,
    law: Literal["linear"] = "linear",
    residual: float = 1.0,
    width: int = 200,
    grid: str = "24x24",
    draws: int = 1,
    seed: int = 0,
    jobs: int = -1,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Measure the phase diagram of the mean-field law N6 and draw it with the closed-form level lines on top.

    Writes phase.npz, phase.json, phase.png and phase.svg. Example:
    loopstab phase --law linear --residual 1 --width 200 --grid 24x24 --seed 0 --out runs/phase

    Args:
        out: Folder for the results (created).
        law: The block: linear is h' = N(a h + A h + beta e).
        residual: The residual strength a.
        width: State width d.
        grid: Cells as ROWSxCOLUMNS (sigma x beta).
        draws: Random matrices per cell.
        seed: Seed of everything random.
        jobs: Processes; -1 for all cores.
        json_: Print the summary as JSON.
    """
    from numerics import phase_diagram
    from paper_figures.figures import phase_figure, save_figure

    rows, cols = _grid(grid)
    output_folder(out)
    diagram = phase_diagram(law, residual=residual, width=width, grid=(rows, cols), draws=draws, seed=seed, jobs=jobs, progress=not json_)
    diagram.save(out)
    files = save_figure(phase_figure(diagram), out / "phase")
    summary = {**diagram.summary(), "files": [str(f) for f in files]}
    print(json.dumps(summary, indent=1) if json_ else "\n".join(f"{k}: {v}" for k, v in summary.items()))
    return 0


def _grid(text: str) -> tuple[int, int]:
    try:
        rows, cols = (int(n) for n in text.lower().split("x"))
    except ValueError:
        raise UsageError(f"cannot read grid {text!r}: write ROWSxCOLUMNS, e.g. 24x24") from None
    if rows < 2 or cols < 2:
        raise UsageError(f"grid {text} is too small: use at least 2x2")
    return rows, cols
