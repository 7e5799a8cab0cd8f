"""The page of the shipped trained loops: every run with its command and what it reached, and the
mean over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from loopstab.models.network.run_record import (
    SHOWN_LOOPS,
    chosen_loops,
    interval,
    kind_of,
    shares,
    task_of,
)
from loopstab.models.zoo import zoo


def zoo_page() -> str:
    """Tables by task, from the records of the checkpoints (no weight is read)."""
    runs = {name: zoo.describe(name)["run"] for name in zoo.names()}
    lines = [
        "# Trained loops",
        "",
        (
            f"Share of whole samples right at the chosen number of loops, after {SHOWN_LOOPS} loops"
            " and after the last of 500. The gradient goes through all loops without recall, and"
            " through the last ones alone with recall, where nothing else is said. `loopstab zoo"
            " verify` measures the shares again."
        ),
        "",
        "## 9x9 sudoku, chess and endgames",
        "",
        "![Accuracy against loops on sudoku and chess](_static/boards.svg)",
        "",
        (
            "*The widest runs of the [recipe](training.md). The number of loops was chosen on other"
            " samples than those reported on; bands are 95 % intervals.*"
        ),
        "",
        "![Accuracy of the runs of the plan cpu at best and after 500 loops](_static/zoo.svg)",
        "",
        (
            "*The plan `cpu`, a column for each task: every run at its best (hollow) and after 500"
            " loops (filled). In these older runs the best number of loops was chosen on the 256"
            " samples that are reported on, and the first level was trained on.*"
        ),
        "",
    ]
    groups: dict[tuple[str, tuple[str, ...]], dict[str, Mapping[str, Any]]] = {}
    for name, run in runs.items():
        groups.setdefault((task_of(run), tuple(run["accuracy"])), {})[name] = run
    for (task, levels), chosen in sorted(
        groups.items(), key=lambda item: (item[0][0], "choice" in next(iter(item[1].values())))
    ):
        twice = sum(other == task for other, _ in groups) > 1 and "choice" in next(
            iter(chosen.values())
        )
        lines += [
            f"## {task}{' (recipe)' if twice else ''}",
            "",
            "Mean over seeds, in brackets the least and the most:",
            "",
        ]
        lines += _table(["architecture", "seeds", *levels], _means(chosen, levels))
        lines += ["", "Every run, with 95 % intervals and the chosen number of loops:", ""]
        lines += [
            *_table(
                ["checkpoint", "architecture", "seed", "steps", "s", *levels], _rows(chosen, levels)
            ),
            "",
        ]
    return "\n".join(lines)


def _rows(runs: Mapping[str, Mapping[str, Any]], levels: Sequence[str]) -> list[list[str]]:
    return [
        [
            f"`{name}`",
            kind_of(run),
            str(run["config"]["seed"]),
            str(run["steps"]),
            f"{run['seconds']:.0f}",
        ]
        + [_shares(run, level) for level in levels]
        for name, run in sorted(
            runs.items(), key=lambda item: (kind_of(item[1]), item[1]["config"]["seed"])
        )
    ]


def _shares(run: Mapping[str, Any], level: str) -> str:
    """At the chosen number of loops with its interval, early, and at the last."""
    chosen, early, last = shares(run, level)
    low, high = interval(run, level)
    return (
        f"{chosen:.3f} ({low:.3f}..{high:.3f}) at {chosen_loops(run, level)} / {early:.3f} /"
        f" {last:.3f}"
    )


def _means(runs: Mapping[str, Mapping[str, Any]], levels: Sequence[str]) -> list[list[str]]:
    rows = []
    for kind in sorted(set(map(kind_of, runs.values()))):
        own = [run for run in runs.values() if kind_of(run) == kind]
        cells = []
        for level in levels:
            triples = [shares(run, level) for run in own]
            cells.append(" / ".join(_spread([triple[i] for triple in triples]) for i in range(3)))
        rows.append([kind, str(len(own)), *cells])
    return rows


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.3f}" + (
        f" ({min(values):.3f}..{max(values):.3f})" if len(values) > 1 else ""
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
