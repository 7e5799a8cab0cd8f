"""Figure of the accuracy of trained loops whose weights are disturbed at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...theory.architecture import Architecture, Norm, Recall
from .gallery import GalleryFigure
from .measured_lines import MEASURE, MEASURED, shipped_measurements
from .panels import empty_panel, note, plain_ticks, recall_entries
from .recall_and_norm import NORMS
from .style import RECALL_COLOUR, new_figure, styled

if TYPE_CHECKING:
    from ...models.forecast.measured_line import Measured

ROWS = {
    "prefix-sums": ("16", "prefix sums\n16 bits"),
    "sudoku-4x4": ("easy", "4x4 sudoku\neasy"),
    "kqk": ("easy", "KQK endgames\neasy"),
    "sudoku": ("easy", "9x9 sudoku\neasy"),
    "chess": ("easy", "chess\neasy"),
}
"""The level of each task, and the words of its row."""


def disturbances(
    lines: Sequence[Measured], task: str, recall: Recall, norm: Norm
) -> list[list[dict[str, Any]]]:
    """What was measured at each size of the disturbance, without size 0, for each checkpoint of
    that architecture at the end of its training.
    """
    own = [
        line
        for line in ended(lines, task)
        if Architecture.parse(line.architecture) == Architecture(recall, norm)
    ]
    return [[at for at in line.geometry["noise"] if at["size"] > 0] for line in own]


def ended(lines: Sequence[Measured], task: str) -> list[Measured]:
    """The lines of a task, on the level of its row, at the end of the training."""
    wanted = (task, ROWS[task][0], "end")
    return [line for line in lines if (line.task, line.level, line.stage) == wanted]


def inputs_of(lines: Sequence[Measured], task: str) -> str:
    """On how many inputs the accuracies of a row were measured, such as 4–8."""
    sizes = {line.sizes["noise_inputs"] for line in ended(lines, task)}
    return "–".join(str(size) for size in sorted({min(sizes), max(sizes)}))


@styled
def disturbed_weights_figure(lines: Sequence[Measured]) -> Figure:
    """Accuracy after 100 iterations against the size of the disturbance of every weight tensor.

    A row for each task, on n inputs, and a column for each norm. Line: the median over the
    checkpoints of their median over the draws. Band: from the least to the greatest of all draws.
    """
    tasks = [
        task
        for task in ROWS
        if any(disturbances(lines, task, recall, norm) for recall in Recall for norm in NORMS)
    ]
    figure = new_figure(0.9 + 1.05 * max(1, len(tasks)))
    axes = figure.subplots(max(1, len(tasks)), len(NORMS), sharex=True, sharey=True, squeeze=False)
    if not tasks:
        for axis in axes[0]:
            empty_panel(axis, "not measured")
    for row, task in zip(axes, tasks, strict=False):
        row[0].set_ylabel(f"{ROWS[task][1]}, n = {inputs_of(lines, task)}")
        for axis, norm in zip(row, NORMS, strict=True):
            found = {recall: disturbances(lines, task, recall, norm) for recall in Recall}
            for recall, curves in found.items():
                if curves:
                    _draw(axis, curves, recall)
            if not any(found.values()):
                note(axis, "no checkpoint")
    for axis, norm in zip(axes[0], NORMS, strict=True):
        axis.set_title(f"{norm} norm: share solved")
    if tasks:
        axes[0, 0].set(xscale="log", ylim=(-0.04, 1.04), yticks=(0, 0.5, 1))
        for axis in axes[-1]:
            axis.set_xlabel("change of the weights")
            plain_ticks(axis.xaxis, (1e-3, 1), (1,))
    figure.legend(handles=recall_entries(), loc="outside lower left", ncols=3)
    return figure


def _draw(axis: Axes, curves: list[list[dict[str, Any]]], recall: Recall) -> None:
    sizes = [at["size"] for at in curves[0]]

    def of(name: str) -> np.ndarray:
        return np.array([[at[name] for at in curve] for curve in curves])

    colour = RECALL_COLOUR[recall]
    low, high = of("least").min(0), of("largest").max(0)
    axis.fill_between(sizes, low, high, color=colour, alpha=0.18, linewidth=0)
    axis.plot(sizes, np.median(of("accuracy"), axis=0), color=colour, gid=str(recall))


FIGURE = GalleryFigure(
    lambda: disturbed_weights_figure(shipped_measurements()),
    "Accuracy on n inputs after 100 iterations when every weight tensor is changed in a random"
    " direction by a share of its norm. Line: median of the checkpoints and draws; band: least to"
    " greatest of all draws, without the error of so few inputs.",
    section="The trained loops of the zoo",
    data=(MEASURED,),
    commands=MEASURE,
)
