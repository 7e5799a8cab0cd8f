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
from .measurements import FULL, QUICK, Measurements, measure
from .sections import add_sections
from .summary import summary_lines

if TYPE_CHECKING:
    from ..text.attack_results import Attacks

TITLE = "Does the theory hold on a loop that was really trained?"
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
        attacks: folder with the results of `loopstab attack`, which the page then shows. A report
            does not attack by itself: a verdict needs enough cases to find a counterexample for
            every dropped hypothesis, which takes minutes.
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
    lines, seconds = summary_lines(measured), round(measured.seconds, 1)
    page = _page(lines, measured)
    write_json(out / "report.json", jsonable(_data(lines, measured)))
    path = write_atomic(out / "index.html", page.html())
    summary = {"lines": lines, "path": str(path), "seconds": seconds, "sound": measured.sound}
    return Report(path, lines, summary, measured.sound)


def _read_attacks(folder: Path | None) -> Attacks | None:
    if folder is None:
        return None
    from ..text.attack_results import Attacks  # the suites need Hypothesis

    return Attacks.read(folder)


def _page(lines: list[str], measured: Measurements) -> Page:
    page = Page(TITLE)
    if measured.quick:
        page.text(
            "Quick run: small grids and few inputs. Run without --quick for the real figures.",
            soft=True,
        )
    page.items(lines, answer=True)
    add_sections(page, measured)
    versions = ", ".join(f"{name} {number}" for name, number in _versions().items())
    page.text(
        f"Seed {measured.seed}; {measured.seconds:.0f} s; {versions}. Every number is in"
        " report.json beside this page.",
        soft=True,
    )
    return page


def _data(lines: list[str], measured: Measurements) -> dict[str, Any]:
    return {
        "title": "loopstab report",
        "quick": measured.quick,
        "seed": measured.seed,
        "seconds": round(measured.seconds, 1),
        "versions": _versions(),
        "summary": lines,
        "claims": measured.claims,
        "attacks": measured.attacked.to_json() if measured.attacked else None,
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
