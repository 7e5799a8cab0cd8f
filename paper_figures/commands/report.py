"""Everything on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from ...support.errors import check_seed_and_jobs
from ...support.files import output_folder
from ...support.jsonable import json_text


def report(
    out: Path = Path("report"),
    quick: bool = False,
    attacks: Path | None = None,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Check all claims, draw the phase diagrams, evaluate the shipped checkpoints, train one small
    model, write one page.

    Writes index.html and report.json. Exit status 1 if a claim fell, here or in the attacks. With
    --attacks the page also shows what attacks found; they take minutes, so that they are run by
    their own command: loopstab attack --out runs/attack. Example: loopstab report --out report
    --attacks runs/attack

    Args:
        out: Folder for the report (created).
        attacks: Folder with the results of loopstab attack.
        quick: A smaller run of everything (about a minute), marked as such on the page.
        seed: Seed of everything random.
        json_: Print the summary as JSON.
    """
    from ..report_page import write_report

    check_seed_and_jobs(seed)
    result = write_report(
        output_folder(out), quick=quick, attacks=attacks, seed=seed, progress=not json_
    )
    print(
        json_text(result.summary) if json_ else "\n".join([*result.lines, f"report: {result.path}"])
    )
    return 0 if result.sound else 1
