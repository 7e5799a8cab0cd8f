"""Figure of the accuracy of the trained loops of the plan `cpu`.

It shows what each architecture reaches, and what is left of it after many iterations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...models.network.run_record import default_gradient, shares, task_of
from ...models.zoo import zoo
from ...support.errors import UsageError
from ...theory.architecture import Architecture, Norm, Recall
from .gallery import GalleryFigure
from .style import SOFT, Look, new_figure, styled
from .training_commands import CPU

KINDS = [f"{recall}/{norm}" for recall in Recall for norm in (Norm.PERI, Norm.POST)]
"""The architectures, from left to right."""
TASKS = {"prefix-sums, 16 bits": "prefix sums", "sudoku-4x4": "4x4 sudoku", "kqk": "KQK endgames"}
LEVELS = {
    "prefix-sums, 16 bits": {"16": "16 bits (trained)", "32": "32 bits", "64": "64 bits"},
    **{
        task: {"train": "as trained", "easy": "held out, easy", "hard": "held out, hard"}
        for task in ("sudoku-4x4", "kqk")
    },
}


def plan_runs() -> list[dict[str, Any]]:
    """Records of the shipped runs that were also evaluated on the level they were trained on."""
    every = (zoo.describe(name)["run"] for name in zoo.names())
    return [
        run
        for run in every
        if task_of(run) in TASKS and set(LEVELS[task_of(run)]) <= set(run["accuracy"])
    ]


@styled
def zoo_figure(runs: Iterable[Mapping[str, Any]]) -> Figure:
    """Exact-match accuracy: a column for each task, a row for each level, marks for each run.

    Hollow: at the best number of iterations. Filled: after the last iteration. Crosses: without
    recall, trained with the published gradient. Raises `UsageError` if there is no run to draw.
    """
    runs = [
        run
        for run in runs
        if task_of(run) in TASKS and str(Architecture.parse(run["architecture"])) in KINDS
    ]
    if not runs:
        raise UsageError(
            f"no run of {', '.join(TASKS)} to draw: train the plan cpu, or use the shipped runs"
            " (loopstab zoo list)"
        )
    figure = new_figure(5.2)
    axes = figure.subplots(3, len(TASKS), sharex=True, sharey=True)
    for column, (task, title) in enumerate(TASKS.items()):
        for axis, (level, name) in zip(axes[:, column], LEVELS[task].items(), strict=True):
            axis.set_title(f"{title}\n{name}" if axis is axes[0, column] else name)
            for run in runs:
                if task_of(run) == task:
                    _draw_run(axis, run, level)
    axes[0, 0].set(ylim=(-0.04, 1.04), yticks=(0, 0.5, 1), xlim=(-0.6, len(KINDS) - 0.4))
    for axis in axes[-1]:
        axis.set_xticks(range(len(KINDS)), KINDS, rotation=90)
    axes[1, 0].set_ylabel("exact-match accuracy")
    handles = [
        Line2D(
            [], [], color=SOFT, linestyle="none", marker=marker, markerfacecolor=face, label=label
        )
        for marker, face, label in (
            ("o", "none", "at the best iteration"),
            ("o", SOFT, "after 500 iterations"),
            ("x", SOFT, "published gradient (seed 0 only)"),
        )
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _draw_run(axis: Axes, run: Mapping[str, Any], level: str) -> None:
    best, _, last = shares(run, level)
    published = run["config"]["encoder_gradient"] != default_gradient(run["architecture"])
    look, seed = Look.of(run["architecture"]), run["config"]["seed"]
    x = KINDS.index(run["architecture"]) + (0.3 if published else 0.2 * (seed - 1))
    axis.plot([x, x], [best, last], color=look.colour, linewidth=0.9, alpha=0.6)
    mark: dict[str, Any] = {"color": look.colour, "linestyle": "none", "markersize": 4}
    if published:
        axis.plot([x, x], [best, last], marker="x", **mark)
        return
    mark |= {"marker": look.marker, "markeredgewidth": 0.9}
    axis.plot(x, best, markerfacecolor="white", **mark)
    axis.plot(x, last, markerfacecolor=look.colour, **mark)


FIGURE = GalleryFigure(
    lambda: zoo_figure(plan_runs()),
    "On prefix sums the runs with external recall, and with internal recall and post norm, keep at"
    " least 92 % of their best accuracy on every level. On 4x4 sudoku 19 of 20 runs keep 97 %; on"
    " KQK endgames 19 of 20 lose more than 10 % on some level.",
    section="The trained loops of the zoo",
    text=(
        "The shipped runs of the plan cpu, as evaluated at the end of each training run; 256"
        " samples of each level. A mark for each run: hollow at its best number of iterations,"
        " filled after 500."
    ),
    commands=(CPU,),
)
