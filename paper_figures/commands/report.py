"""The report: everything on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from ...support.errors import check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.locks import exclusive_folder


def report(
    out: Path = Path("report"),
    quick: bool = False,
    attacks: Path | None = None,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Write one page: what of the abstract holds, and all figures.

    All claims are checked, phase diagrams measured, four shipped checkpoints cross-validated and a
    small model trained. The verdicts follow from these checks, from results of attacks, and from
    the shipped records of trained loops. The page is OUT/index.html; OUT/report.json has every
    number. Attacks take minutes and have a command of their own, loopstab attack; with --attacks
    the page shows its results in place of those that are shipped.

    Example: loopstab report --out report --attacks runs/attack

    Exit status: 0 if no claim is refuted; 1 if one is, by its check, an attack or a certified
    count, and for a damaged record; 2 for a wrong request.

    Args:
        out: Folder for the report. It is created.
        attacks: Folder with results of loopstab attack; default: those that are shipped.
        quick: Measure less of everything, in about a minute; the page says so.
        seed: Seed of everything random.
        json_: Print the summary as a JSON object.
    """
    from ..report_page.write import write_report

    check_seed_and_jobs(seed)
    with exclusive_folder(out) as folder:
        result = write_report(folder, quick=quick, attacks=attacks, seed=seed, progress=not json_)
    print(
        json_text(result.summary) if json_ else "\n".join([*result.lines, f"report: {result.path}"])
    )
    return 0 if result.sound else 1
