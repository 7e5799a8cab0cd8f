"""Tables of what the shipped loops keep and how they differ by recall and norm, for the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ...models.measure.recorded_answers import read_answers
from ...models.zoo.kept_accuracy import (
    accuracy_difference,
    kept_accuracy,
    mean_accuracy,
    shipped_runs,
)
from .trained_sentences import CHESS, ENDGAMES, SMALL, SUDOKU, SUMS, told, told_difference

RECORD = Path(__file__).parents[1] / "records" / "recall_accuracy.json"
"""Answers of internal and external recall, and what they say."""
KINDS = [
    f"{recall}/{norm}" for recall in ("none", "external", "internal") for norm in ("post", "peri")
]
WIDE = [("none/post", True), ("external/post (full)", True), ("internal/post (full)", True)]
LEVELS = {SUMS: ("16", "32", "64"), SMALL: ("easy", "hard"), ENDGAMES: ("easy", "hard")}
"""Tasks of three seeds, with the levels that were not trained on or are drawn anew."""
TITLES = {
    SUMS: "prefix sums",
    SMALL: "4x4 sudoku",
    ENDGAMES: "KQK",
    SUDOKU: "9x9 sudoku",
    CHESS: "chess",
}
PAIRS = (
    *((f"{recall}/post", f"{recall}/peri") for recall in ("none", "external", "internal")),
    *(
        (f"{recall}/{norm}", f"none/{norm}")
        for norm in ("post", "peri")
        for recall in ("external", "internal")
    ),
    *((f"internal/{norm}", f"external/{norm}") for norm in ("post", "peri")),
)
"""Architectures whose accuracies are subtracted."""


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def kept_table(task: str) -> list[str]:
    """For each architecture and level: the best accuracy, and the share kept after 500 iterations.

    Args:
        task: a key of `LEVELS`, or a task of one seed by the recipe.
    """
    levels = LEVELS.get(task, ("easy", "hard"))
    rows = []
    for kind, recipe in [(kind, False) for kind in KINDS] if task in LEVELS else WIDE:
        runs = shipped_runs(task, kind, recipe)
        cells = []
        for level in levels:
            best, last = (mean_accuracy(runs, level, at) for at in ("chosen", "last"))
            cells.append(f"{told(best)} to {last.value:.3f}; {told(kept_accuracy(runs, level), 2)}")
        rows.append([kind, *cells])
    return markdown_table([TITLES[task], *map(_level, levels)], rows)


def paired_table(task: str, moment: str) -> list[str]:
    """For each pair of architectures and level: the difference of accuracies, seed by seed.

    Args:
        task: a key of `LEVELS`.
        moment: `chosen` or `last`.
    """
    rows = [
        [
            f"{first} - {second}",
            *(
                told_difference(
                    accuracy_difference(
                        shipped_runs(task, first), shipped_runs(task, second), level, moment
                    )
                )
                for level in LEVELS[task]
            ),
        ]
        for first, second in PAIRS
    ]
    return markdown_table([TITLES[task], *map(_level, LEVELS[task])], rows)


@cache
def recall_record() -> Mapping[str, Any]:
    """The shipped comparison of internal and external recall, as `loopstab recall --accuracy --out`
    wrote it.
    """
    return read_answers(RECORD)[0]


def recall_table(record: Mapping[str, Any]) -> list[str]:
    """Internal minus external recall, for each task and norm.

    Args:
        record: `recall_record()`, or another file of the same command.
    """
    rows = []
    for row in record["tasks"]:
        at = "chosen" if row["moment"] == "chosen" else "500"
        n = f"{row['seeds']} x {'+'.join(map(str, row['samples']))}"
        verdict = row["verdict"] or "-"
        if row["verdict"] in ("better", "worse") and row["substantial"]:
            verdict += f", by more than {100 * record['margin']:.0f} points"
        rows.append([_task(row), row["norm"], at, n, row["source"], numbers(row), verdict])
    head = ["task", "norm", "iterations", "seeds x samples", "from", "internal - external"]
    return markdown_table([*head, "internal recall is"], rows)


def recall_verdicts(record: Mapping[str, Any], norm: str, moment: str) -> str:
    """One sentence with the verdict of each task.

    Args:
        record: as in `recall_table`.
        norm: `post` or `peri`.
        moment: `chosen` or `last`.
    """
    found: dict[str, list[str]] = {}
    for row in record["tasks"]:
        if (row["norm"], row["moment"]) == (norm, moment):
            found.setdefault(row["verdict"], []).append(f"{_task(row)} ({_seeds(row)})")
    order = ("competitive", "better", "worse", "open")
    parts = [f"{verdict} on {_listed(found[verdict])}" for verdict in order if verdict in found]
    where = "with" if norm == "post" else "without"
    when = "at the chosen number of iterations" if moment == "chosen" else "after 500 iterations"
    return f"Internal recall {where} outer norm {when}: {'; '.join(parts)}."


def sudoku_answer(record: Mapping[str, Any]) -> str:
    """Whether internal recall is "on sudoku, substantially better" with outer norm.

    Args:
        record: as in `recall_table`.
    """
    rows = [r for r in record["tasks"] if r["norm"] == "post" and r["task"].startswith("sudoku")]
    points = f"{100 * record['margin']:.0f} points"
    told = [
        f"{numbers(r)} on {_task(r)} ({_moment(r)}, {_seeds(r)})"
        for r in sorted(rows, key=lambda r: (r["task"], r["moment"]))
    ]
    if any(r["interval"][0] > record["margin"] for r in rows):
        answer = f"In some of these internal recall is better by more than {points}."
    elif all(r["interval"][1] < record["margin"] for r in rows):
        answer = f"Each interval excludes that internal recall is better by {points}."
    else:
        answer = f"Whether internal recall is better by {points} stays open."
    return f"With outer norm, internal minus external recall is {_listed(told)}. {answer}"


def contrast_answer(record: Mapping[str, Any]) -> str:
    """What the outer norm does for internal recall beyond what it does for external recall.

    Args:
        record: as in `recall_table`.
    """
    rows = [r for r in record["tasks"] if r["norm"] == "post - peri" and r["moment"] == "chosen"]
    told = [
        f"{numbers(r)} on {_task(r)}"
        + ("" if r["interval"][0] > 0 or r["interval"][1] < 0 else ", not clear")
        for r in rows
    ]
    return (
        "The outer norm changes internal minus external recall, at the chosen number of"
        f" iterations and with {_seeds(rows[0])}, by {'; '.join(told)}."
    )


def pairs_told(record: Mapping[str, Any]) -> str:
    """How many pairs of runs differ by McNemar's exact test, at one level each.

    Args:
        record: as in `recall_table`.
    """
    parts = []
    for norm in ("post", "peri"):
        for moment in ("chosen", "last"):
            own = [
                row
                for row in record["pairs"]
                if row["moment"] == moment and f"-{norm}" in row["internal"]
            ]
            clear = [row["difference"] > 0 for row in own if row["p_value"] < 0.05]
            when = "at the chosen iterations" if moment == "chosen" else "after 500"
            parts.append(
                f"{norm} {when}, {sum(clear)} of {len(own)} are better with internal recall and"
                f" {len(clear) - sum(clear)} with external"
            )
    return (
        "By McNemar's exact test at 5 %, for each pair of runs and each level by itself, not"
        f" adjusted for their number: {'; '.join(parts)}."
    )


def numbers(row: Mapping[str, Any]) -> str:
    """Difference and interval of a row."""
    return "{:+.3f} ({:+.3f}..{:+.3f})".format(row["difference"], *row["interval"])


def _seeds(row: Mapping[str, Any]) -> str:
    return "one seed" if row["seeds"] == 1 else f"{row['seeds']} seeds"


def _moment(row: Mapping[str, Any]) -> str:
    return "at the chosen iterations" if row["moment"] == "chosen" else "after 500"


def _task(row: Mapping[str, Any]) -> str:
    base, _, rest = row["task"].partition(", ")
    names = {"kqk": "KQK", "sudoku": "9x9 sudoku", "sudoku-4x4": "4x4 sudoku"}
    name = str(names.get(base, base)).replace("-", " ")
    name += f" of {rest}" if rest else ""
    return f"{name} by the recipe" if row["recipe"] and not rest else name


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _level(level: str) -> str:
    times = {"16": "16 bits, as trained", "32": "twice as long", "64": "four times as long"}
    return times.get(level, level)
