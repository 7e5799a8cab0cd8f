"""Internal against external recall by task and norm, as the paired comparison recorded it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .evidence import Evidence
from .ruling import Finding, Ruling, Verdict

MARGIN = 0.05
"""Difference of accuracies up to which internal recall is competitive, and beyond which it is
substantially better.
"""


@dataclass(frozen=True)
class RecallTask:
    """Pairs of runs of one task and norm that differ in their recall alone.

    Args:
        task: the task, with the width where it is not 64.
        norm: the norm of both runs.
        pairs: number of pairs.
        difference: mean accuracy of internal minus external recall after 500 iterations.
        interval: its 95 % interval.
    """

    task: str
    norm: str
    pairs: int
    difference: float
    interval: tuple[float, float]

    @property
    def competitive(self) -> bool:
        """Whether internal recall loses at most `MARGIN`."""
        return self.interval[0] >= -MARGIN

    @property
    def better(self) -> bool:
        """Whether it gains more than `MARGIN`."""
        return self.interval[0] > MARGIN

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.task} {_points(self.difference)} ({_points(low)} to {_points(high)})"


def differences(evidence: Evidence) -> Finding:
    """The differences with outer norm, task by task."""
    return _listed([row for row in evidence.recall if row.norm == "post"])


def contrast(evidence: Evidence) -> Finding:
    """The same without outer norm."""
    return _listed([row for row in evidence.recall if row.norm == "peri"])


def sudoku(evidence: Evidence) -> Finding:
    """The differences on sudoku with outer norm."""
    return _listed([row for row in _on_sudoku(evidence) if row.norm == "post"])


def competitive(evidence: Evidence) -> Ruling:
    """Holds if internal recall loses at most `MARGIN` on every task with outer norm.

    Corrected if on some task even the upper end of the interval is a loss of more than that.
    """
    rows = [row for row in evidence.recall if row.norm == "post"]
    if not rows:
        return Ruling(Verdict.OPEN, "no paired comparison is on record.")
    behind = [row for row in rows if row.interval[1] < -MARGIN]
    unclear = [row for row in rows if not row.competitive and row not in behind]
    if behind:
        return Ruling(Verdict.CORRECTED, f"it is behind on {_all(behind)} points.")
    if unclear:
        return Ruling(
            Verdict.OPEN,
            f"a loss of more than {_points(MARGIN)} points is not excluded on {_all(unclear)}.",
        )
    return Ruling(Verdict.HOLDS, f"within {_points(MARGIN)} points or better on every task.")


def once_normalised(evidence: Evidence) -> Ruling:
    """Holds if without outer norm internal recall is behind where with it it is competitive.

    Open if it is not behind on some task of both, or nothing was compared.
    """
    norms = {
        norm: {r.task: r for r in evidence.recall if r.norm == norm} for norm in ("post", "peri")
    }
    tasks = sorted(set(norms["post"]) & set(norms["peri"]))
    if not tasks:
        return Ruling(Verdict.OPEN, "no task was compared with and without outer norm.")
    turned = [
        task
        for task in tasks
        if norms["peri"][task].interval[1] < -MARGIN and norms["post"][task].competitive
    ]
    rest = [norms["peri"][task] for task in tasks if task not in turned]
    if not rest:
        return Ruling(Verdict.HOLDS, f"behind without outer norm, not with it: {', '.join(tasks)}.")
    never = [row for row in rest if row.competitive]
    if len(never) == len(tasks):
        return Ruling(Verdict.CORRECTED, f"it is competitive without outer norm: {_all(never)}.")
    return Ruling(
        Verdict.OPEN,
        f"the norm makes the difference on {', '.join(turned) or 'no task'}; without it,"
        f" {_all(rest)} points.",
    )


def better_on_sudoku(evidence: Evidence) -> Ruling:
    """Holds if the gain exceeds `MARGIN` on every sudoku; corrected if on each it is below.

    Open else: where the interval contains `MARGIN`.
    """
    rows = [row for row in _on_sudoku(evidence) if row.norm == "post"]
    if not rows:
        return Ruling(Verdict.OPEN, "no paired comparison is on record.")
    if all(row.better for row in rows):
        return Ruling(Verdict.HOLDS, f"better by {_all(rows)} points.")
    if all(row.interval[1] < MARGIN for row in rows):
        return Ruling(
            Verdict.CORRECTED,
            f"not at our sizes: a gain of {_points(MARGIN)} points is excluded, {_all(rows)}.",
        )
    return Ruling(
        Verdict.OPEN,
        f"a gain of {_points(MARGIN)} points is neither shown nor excluded: {_all(rows)}.",
    )


def _on_sudoku(evidence: Evidence) -> list[RecallTask]:
    return [row for row in evidence.recall if row.task.startswith("sudoku")]


def _listed(rows: Sequence[RecallTask]) -> Finding:
    if not rows:
        return Finding("Not compared.")
    pairs = sum(row.pairs for row in rows)
    return Finding(
        f"Internal minus external after 500 iterations, in points: {_all(rows)};"
        f" {pairs} pair{'s' * (pairs != 1)} in all.",
        {row.task: {"difference": row.difference, "interval": row.interval} for row in rows},
        2 * pairs,
    )


def _all(rows: Sequence[RecallTask]) -> str:
    return ", ".join(map(str, rows))


def _points(share: float) -> str:
    return f"{100 * share:.1f}"
