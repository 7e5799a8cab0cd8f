"""Internal against external recall by task and norm, as the paired comparison recorded it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...models.measure.paired_accuracy import MARGIN
from .grounds import Grounds
from .ruling import Judgement, Ruling, TrainedFinding

MOMENT = "last"
"""Accuracies are compared after the last iteration, 500."""
NORMS = ("post", "peri")
SEEDS = 3
"""Fewest pairs of a task that decide; fewer say too little about other seeds."""


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
    def few(self) -> bool:
        """Whether there are too few pairs to decide."""
        return self.pairs < SEEDS

    @property
    def competitive(self) -> bool:
        """Whether a loss of more than `MARGIN` is excluded."""
        return self.interval[0] >= -MARGIN

    @property
    def behind(self) -> bool:
        """Whether internal recall loses more than `MARGIN`."""
        return self.interval[1] < -MARGIN

    @property
    def better(self) -> bool:
        """Whether it gains more than `MARGIN`."""
        return self.interval[0] > MARGIN

    def __str__(self) -> str:
        low, high = self.interval
        few = f", {self.pairs} pair{'s' * (self.pairs != 1)}" if self.few else ""
        return f"{self.task}: {_points(self.difference)} ({_points(low)} to {_points(high)}{few})"


def recall_tasks(rows: Iterable[Mapping[str, Any]]) -> list[RecallTask]:
    """The rows `tasks` of `records/recall_accuracy.json` that the verdicts use."""
    return [
        RecallTask(
            row["task"] + (" (recipe)" if row["recipe"] else ""),
            row["norm"],
            row["seeds"],
            row["difference"],
            (row["interval"][0], row["interval"][1]),
        )
        for row in rows
        if row["moment"] == MOMENT and row["norm"] in NORMS
    ]


def differences(evidence: Grounds) -> TrainedFinding:
    """The differences with outer norm, task by task."""
    return _listed("With", [row for row in evidence.recall if row.norm == "post"])


def contrast(evidence: Grounds) -> TrainedFinding:
    """The same without outer norm."""
    return _listed("Without", [row for row in evidence.recall if row.norm == "peri"])


def sudoku(evidence: Grounds) -> TrainedFinding:
    """The differences on sudoku with outer norm."""
    return _listed("With", [row for row in _on_sudoku(evidence) if row.norm == "post"])


def competitive(evidence: Grounds) -> Ruling:
    """Holds if internal recall loses at most `MARGIN` on every task with outer norm.

    Corrected if on some task even the upper end of the interval is a loss of more than that. Tasks
    with fewer than `SEEDS` pairs do not decide.
    """
    rows = [row for row in evidence.recall if row.norm == "post"]
    enough = [row for row in rows if not row.few]
    if not enough:
        return Ruling(Judgement.OPEN, "no task was compared with enough seeds.")
    behind = [row for row in enough if row.behind]
    unclear = [row for row in enough if not row.competitive]
    if behind:
        return Ruling(Judgement.CORRECTED, f"it is behind, in points on {_all(behind)}.")
    if unclear:
        return Ruling(
            Judgement.OPEN,
            f"a loss of more than {_points(MARGIN)} points is not excluded on {_all(unclear)}."
            f"{_alone(rows)}",
        )
    loss = f"a loss of more than {_points(MARGIN)} points"
    return Ruling(Judgement.HOLDS, f"{loss} is excluded on {_all(enough)}.{_alone(rows)}")


def once_normalised(evidence: Grounds) -> Ruling:
    """Holds if internal recall is behind without outer norm on every task, and competitive with it.

    Corrected if it is competitive without outer norm on every task, or behind with it on one; open
    otherwise. Tasks with fewer than `SEEDS` pairs do not decide.
    """
    norms = {
        norm: {r.task: r for r in evidence.recall if r.norm == norm and not r.few} for norm in NORMS
    }
    tasks = sorted(set(norms["post"]) & set(norms["peri"]))
    if not tasks:
        return Ruling(Judgement.OPEN, "no task was compared with and without outer norm.")
    peri, post = ([norms[norm][task] for task in tasks] for norm in ("peri", "post"))
    behind = [row for row in peri if row.behind]
    if len(behind) == len(tasks) and all(row.competitive for row in post):
        return Ruling(
            Judgement.HOLDS,
            f"behind without outer norm on {_all(peri)}; competitive with it on {_all(post)}.",
        )
    if all(row.competitive for row in peri):
        return Ruling(Judgement.CORRECTED, f"it is competitive without outer norm: {_all(peri)}.")
    if lost := [row for row in post if row.behind]:
        return Ruling(Judgement.CORRECTED, f"it is behind with outer norm too: {_all(lost)}.")
    level = [row for row in peri if row not in behind]
    unclear = [row for row in post if not row.competitive]
    return Ruling(
        Judgement.OPEN,
        f"without outer norm it is behind on {_all(behind) or 'no task'}, and not clearly so on"
        f" {_all(level) or 'any other'}. With it a loss of more than {_points(MARGIN)} points is"
        f" not excluded on {_all(unclear) or 'any'}.",
    )


def better_on_sudoku(evidence: Grounds) -> Ruling:
    """Holds if the gain exceeds `MARGIN` on every sudoku; corrected if that is excluded on each.

    Open else: where the interval contains `MARGIN`, or a sudoku has fewer than `SEEDS` pairs.
    """
    rows = [row for row in _on_sudoku(evidence) if row.norm == "post"]
    enough = [row for row in rows if not row.few]
    if not rows:
        return Ruling(Judgement.OPEN, "no paired comparison is on record.")
    if len(enough) == len(rows):
        if all(row.better for row in rows):
            return Ruling(Judgement.HOLDS, f"better, in points on {_all(rows)}.")
        if all(row.interval[1] < MARGIN for row in rows):
            return Ruling(
                Judgement.CORRECTED,
                f"not at our sizes: a gain of {_points(MARGIN)} points is excluded, {_all(rows)}.",
            )
    without = [row for row in enough if row.interval[1] < MARGIN]
    borne = (
        f"; a gain of {_points(MARGIN)} points is excluded on {_all(without)}" if without else ""
    )
    shown = "shown on no sudoku" if not any(row.better for row in enough) else "not shown on all"
    return Ruling(Judgement.OPEN, f"{shown}{borne}.{_alone(rows)}")


def _alone(rows: Sequence[RecallTask]) -> str:
    """The tasks with too few pairs, in a sentence of their own."""
    few = [row for row in rows if row.few]
    return f" Too few seeds to decide: {'; '.join(row.task for row in few)}." if few else ""


def _on_sudoku(evidence: Grounds) -> list[RecallTask]:
    return [row for row in evidence.recall if row.task.startswith("sudoku")]


def _listed(norm: str, rows: Sequence[RecallTask]) -> TrainedFinding:
    if not rows:
        return TrainedFinding("Not compared.")
    pairs = sum(row.pairs for row in rows)
    return TrainedFinding(
        f"{norm} outer norm, internal minus external after 500 iterations, in points, on"
        f" {_all(rows)}. {pairs} pair{'s' * (pairs != 1)} in all.",
        {row.task: {"difference": row.difference, "interval": row.interval} for row in rows},
        2 * pairs,
    )


def _all(rows: Sequence[RecallTask]) -> str:
    return "; ".join(map(str, rows))


def _points(share: float) -> str:
    return f"{100 * share:.1f}"
