"""Figure of the mean-field law N6 against trained blocks, one property of the block at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...theory.architecture import Architecture, Recall
from .gallery import GalleryFigure
from .record_files import read_record
from .style import RECALL_COLOUR, SOFT, new_figure, styled

DATA = "mean_field.json"
TASKS = {"prefix-sums": "prefix sums, 16 bits", "sudoku-4x4": "4x4 sudoku"}
"""The panels, from the top."""
CHAIN = {
    "rho": "the loop\nas it is",
    "rotated": "directions\nrotated",
    "plain": "gains and token\nscales gone",
    "law": "the law\nN6",
}
"""Spectral radii from the measurement to the law, with their words."""


def chains(data: Mapping[str, Any], task: str, stage: str) -> list[tuple[Recall, list[float]]]:
    """For each network of a task that settles, its recall and the medians of the four radii."""
    return [
        (
            Architecture.parse(record["architecture"]).recall,
            [median(point[name] for point in record["points"]) for name in CHAIN],
        )
        for record in data["records"]
        if (record["task"], record["stage"]) == (task, stage) and record["points"]
    ]


@styled
def mean_field_figure(data: Mapping[str, Any]) -> Figure:
    """Spectral radii from trained blocks to the law, a panel for each task.

    Args:
        data: what `loopstab meanfield --initial --out FILE` writes.
    """
    figure = new_figure(3.9)
    axes = figure.subplots(len(TASKS), 1, sharex=True, sharey=True)
    for axis, (task, title) in zip(axes, TASKS.items(), strict=True):
        axis.axhline(1, color=SOFT, linewidth=0.6)
        _lines(axis, chains(data, task, "initial"), ":")
        _lines(axis, chains(data, task, "end"), "-")
        axis.set(title=title, ylabel="spectral radius")
    axes[0].set_ylim(0, None)  # all lines are drawn, and both panels share the axis
    axes[-1].set_xticks(range(len(CHAIN)), list(CHAIN.values()))
    shown = {recall for task in TASKS for recall, _ in chains(data, task, "end")}
    handles = [
        Line2D([], [], color=RECALL_COLOUR[recall], marker="o", label=f"recall {recall}")
        for recall in Recall
        if recall in shown
    ]
    if any(chains(data, task, "initial") for task in TASKS):
        handles.append(Line2D([], [], color=SOFT, linestyle=":", label="before training"))
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _lines(axis: Axes, found: Sequence[tuple[Recall, list[float]]], dash: str) -> None:
    for recall, radii in found:
        axis.plot(
            range(len(radii)),
            radii,
            linestyle=dash,
            marker="o" if dash == "-" else "none",
            color=RECALL_COLOUR[recall],
            alpha=0.8,
            gid=f"{recall} {dash}",
        )


FIGURE = GalleryFigure(
    lambda: mean_field_figure(read_record(DATA)),
    "What separates trained blocks with post-norm from the mean-field law N6, one network a line"
    " (medians over two inputs). On prefix sums most of it is that the block writes into the"
    " directions that it reads: rotated at random, it lies near the law. On 4x4 sudoku, but for"
    " external recall, it is that the state before the norm is shorter than the law says.",
    section="Prediction and measurement on trained loops",
    data=(DATA,),
    commands=("loopstab meanfield --inputs 2 --loops 2000 --seed 0 --initial --out FILE",),
)
