"""Figure of the accuracy against the iterations, for every recall and norm of the plan `cpu`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...models.network.run_record import default_gradient, task_of
from ...models.training.schedule import loops_for
from ...theory.architecture import Norm, Recall
from .gallery import GalleryFigure
from .panels import plain_ticks, recall_entries, seed_band
from .style import BLACK, DASHED, RECALL_COLOUR, new_figure, styled
from .training_commands import CPU
from .zoo_accuracy import plan_runs

NORMS = (Norm.PERI, Norm.POST)
"""The norms of the plan, from left to right."""
ROWS = (
    ("prefix-sums, 16 bits", "16", "prefix sums\n16 bits"),
    ("prefix-sums, 16 bits", "32", "prefix sums\n32 bits"),
    ("prefix-sums, 16 bits", "64", "prefix sums\n64 bits"),
    ("sudoku-4x4", "hard", "4x4 sudoku\nheld out, hard"),
)
"""Task, level and words of each row, from top to bottom."""


def runs_of(task: str, architecture: str) -> list[dict[str, Any]]:
    """Records of the runs of the plan with a task and an architecture, one for each seed.

    They were trained with the encoder gradient that is the default of the architecture.
    """
    return [
        run
        for run in _records()
        if task_of(run) == task
        and run["architecture"] == architecture
        and run["config"]["encoder_gradient"] == default_gradient(architecture)
    ]


@cache
def _records() -> tuple[dict[str, Any], ...]:
    """The records of the plan, read once."""
    return tuple(plan_runs())


@styled
def recall_and_norm_figure() -> Figure:
    """Exact-match accuracy against iterations: a column for each norm, a row for each level.

    A line is the median of the seeds and a band reaches from the least to the greatest. Upright
    line: the most iterations of a training step.
    """
    figure = new_figure(4.9)
    axes = figure.subplots(len(ROWS), len(NORMS), sharex=True, sharey=True)
    for row, (task, level, words) in zip(axes, ROWS, strict=True):
        row[0].set_ylabel(words)
        for axis, norm in zip(row, NORMS, strict=True):
            for recall in Recall:
                runs = runs_of(task, f"{recall}/{norm}")
                look = {"color": RECALL_COLOUR[recall], "linewidth": 1.2, "gid": str(recall)}
                seed_band(axis, runs[0]["loops"], [run["accuracy"][level] for run in runs], look)
                axis.axvline(most_loops(runs), color=BLACK, linestyle=DASHED, linewidth=0.8)
    for axis, norm in zip(axes[0], NORMS, strict=True):
        axis.set_title(f"{norm} norm: share solved")
    axes[0, 0].set(ylim=(-0.04, 1.04), yticks=(0, 0.5, 1), xscale="log", xlim=(0.95, 530))
    for axis in axes[-1]:
        axis.set_xlabel("iterations")
        plain_ticks(axis.xaxis, (1, 500))
    figure.legend(handles=_handles(), loc="outside lower left", ncols=2)
    return figure


def most_loops(runs: Sequence[dict[str, Any]]) -> int:
    """The most iterations of a training step of any of these runs."""
    schedules = [run["config"]["schedule"] for run in runs]
    return max(s["loops"] if "loops" in s else loops_for(s["bits"]) for s in schedules)


def _handles() -> list[Line2D]:
    look: dict[str, Any] = {"color": BLACK, "linestyle": DASHED, "linewidth": 0.8}
    return [*recall_entries(), Line2D([], [], label="most iterations in training", **look)]


FIGURE = GalleryFigure(
    recall_and_norm_figure,
    "Median of three seeds, and from the least to the greatest. On 64 bits, four times the trained"
    " length, external recall solves at least 92 % after 500 iterations, internal recall at least"
    " 82 % with post norm and at most 28 % with peri norm, and no recall at most 2 %; on hard 4x4"
    " sudoku with post norm all three solve 83 % or more.",
    section="The trained loops of the zoo",
    text=(
        "The gradient is the default of each recall: full without recall, published with recall."
    ),
    commands=(CPU,),
)
