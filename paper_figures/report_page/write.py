"""Writing a report: the page `index.html`, and `report.json` with every number."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...support.files import write_atomic, write_json
from ...support.jsonable import jsonable
from ..text.html_page import Page
from .first_screen import HEADING, STYLE, TITLE, statements_html
from .grounds import Grounds
from .measurements import FULL, QUICK, Measurements, measure
from .mismatches import Mismatch, mismatches
from .sections import add_sections
from .shipped_records import shipped_evidence
from .statements import Row, rows
from .summary import summary_lines

if TYPE_CHECKING:
    from ..text.attack_results import Attacks

PACKAGES = (
    "loopstab",
    "sympy",
    "z3-solver",
    "python-flint",
    "numpy",
    "scipy",
    "torch",
    "matplotlib",
)
"""Distributions whose versions stand on the page."""


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Args:
        path: the page.
        lines: the sentences that sum it up.
        summary: the same as a plain object, with the path, the time and `sound`.
        sound: whether no claim is refuted.
    """

    path: Path
    lines: list[str]
    summary: dict[str, Any]
    sound: bool


def write_report(
    out: Path,
    *,
    quick: bool = False,
    attacks: Path | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Report:
    """Measure everything, and write `index.html` and `report.json`.

    Args:
        out: an existing folder.
        quick: measure less of everything, in about a minute; the page says so.
        attacks: folder with results of `loopstab attack`; by default those that are shipped. A
            report does not attack by itself: a verdict needs enough cases to find a counterexample
            for every dropped hypothesis, which takes minutes.
        seed: seed of everything random.
        progress: print the stages, and show progress bars.

    Returns:
        The path of the page, what it says in a few sentences, and whether every claim stands.

    Raises:
        UsageError: the folder of attacks holds no results.
        LoopstabError: a file cannot be written.
    """
    attacked = _read_attacks(attacks)
    measured = measure(QUICK if quick else FULL, seed, attacked, progress)
    evidence = shipped_evidence(measured.claims, attacked)
    judged, found = rows(evidence), mismatches(measured.results, evidence.loops)
    lines, seconds = summary_lines(measured, judged, found), round(measured.seconds, 1)
    page = _page(lines, measured, judged, found)
    write_json(out / "report.json", jsonable(_data(lines, measured, judged, evidence, found)))
    path = write_atomic(out / "index.html", page.html())
    summary = {"lines": lines, "path": str(path), "seconds": seconds, "sound": measured.sound}
    return Report(path, lines, summary, measured.sound)


def _read_attacks(folder: Path | None) -> Attacks:
    from ..text.attack_results import Attacks  # the suites need Hypothesis

    return Attacks.read_shipped() if folder is None else Attacks.read(folder)


def _page(
    lines: list[str], measured: Measurements, judged: list[Row], found: list[Mismatch]
) -> Page:
    page = Page(TITLE, HEADING, STYLE)
    if measured.quick:
        page.text(
            "Quick run: small grids and few inputs. Run without --quick for the real figures.",
            soft=True,
        )
    page.text(lines[0])
    page.block(statements_html(judged))
    page.items(lines[1:], answer=True)
    add_sections(page, measured, found)
    versions = ", ".join(f"{name} {number}" for name, number in _versions().items())
    page.text(
        f"Seed {measured.seed}; {measured.seconds:.0f} s; {versions}. Every number is in"
        " report.json beside this page.",
        soft=True,
    )
    return page


def _data(
    lines: list[str],
    measured: Measurements,
    judged: list[Row],
    evidence: Grounds,
    found: list[Mismatch],
) -> dict[str, Any]:
    return {
        "title": "loopstab report",
        "quick": measured.quick,
        "seed": measured.seed,
        "seconds": round(measured.seconds, 1),
        "versions": _versions(),
        "summary": lines,
        "statements": [row.to_json(evidence) for row in judged],
        "mismatches": [mismatch.to_json() for mismatch in found],
        "claims": measured.claims,
        "attacks": measured.attacked.to_json(),
        "certified_counts": [c.to_json() for c in measured.counts],
        "phase": [d.to_json() for d in measured.diagrams],
        "live_training": measured.live,
        "crossvalidation": [r.to_json() for r in measured.results],
        "checkpoints": measured.runs,
    }


def _versions() -> dict[str, str]:
    """Versions of Python and the packages, the machine, and the number of threads of torch."""
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    versions["threads"] = str(torch.get_num_threads())
    return versions | {name: version(name) for name in PACKAGES}
