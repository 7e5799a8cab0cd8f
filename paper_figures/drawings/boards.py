"""Figure of the accuracy of trained loops on boards: 9x9 sudoku, chess puzzles and endgames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...models.network.run_record import kind_of, samples_of, shares
from ...models.zoo import zoo
from ...numerics.proportion import wilson
from ...support.errors import UsageError
from .gallery import GalleryFigure
from .panels import plain_ticks
from .style import BLACK, DASHED, SOFT, Look, new_figure, styled
from .training_commands import DESK, LEASE

TITLES = {"sudoku": "9x9 sudoku", "chess": "chess puzzles", "kqk": "KQK endgames"}
LEVELS = ("easy", "hard")


def board_runs() -> list[dict[str, Any]]:
    """Records of the shipped runs that compare loops with and without recall.

    They are the widest of each task, if there are some with and some without recall.
    """
    every = [
        run
        for run in (zoo.describe(name)["run"] for name in zoo.names())
        if run["task"] in TITLES and "choice" in run
    ]
    out = []
    for task in TITLES:
        own = [run for run in every if run["task"] == task]
        widest = max((run["config"]["model"]["width"] for run in own), default=0)
        own = [run for run in own if run["config"]["model"]["width"] == widest]
        if len({run["architecture"].startswith("none/") for run in own}) == 2:
            out += own
    return out


@styled
def board_figure(runs: Iterable[Mapping[str, Any]]) -> Figure:
    """Exact-match accuracy against iterations, a row for each task and a column for each level.

    Band: Wilson's 95 % interval. Circle: at the number of iterations that was chosen on other
    samples. Upright line: the most iterations of a training step. Raises `UsageError` if there is
    no run to draw.
    """
    runs = [run for run in runs if run["task"] in TITLES and set(LEVELS) <= set(run["accuracy"])]
    if not runs:
        raise UsageError(
            f"no run of {', '.join(TITLES)} to draw: train the plan desk, or use the shipped runs"
            " (loopstab zoo list)"
        )
    tasks = [task for task in TITLES if any(run["task"] == task for run in runs)]
    figure = new_figure(0.85 + 1.1 * len(tasks))
    axes = figure.subplots(len(tasks), len(LEVELS), sharex=True, sharey=True, squeeze=False)
    for row, task in zip(axes, tasks, strict=True):
        own = [run for run in runs if run["task"] == task]
        row[0].set_ylabel(f"{TITLES[task]}\nwidth {own[0]['config']['model']['width']}")
        for axis, level in zip(row, LEVELS, strict=True):
            for run in own:
                _draw_run(axis, run, level)
    for axis, level in zip(axes[0], LEVELS, strict=True):
        axis.set_title(f"{level}: share solved")
    axes[0, 0].set(ylim=(-0.03, 1.03), yticks=(0, 0.5, 1))
    ends = (1, max(run["loops"][-1] for run in runs))
    for axis in axes[-1]:
        axis.set(xscale="log", xlim=(0.95, 1.05 * ends[1]), xlabel="iterations")
        plain_ticks(axis.xaxis, ends)
    looks = {kind_of(run): Look.of(run["architecture"]) for run in runs}
    handles = [Line2D([], [], label=kind, **look.line) for kind, look in looks.items()]
    figure.legend(handles=handles + _marks(), loc="outside lower left", ncols=2)
    return figure


def _marks() -> list[Line2D]:
    """What the circles and the upright lines mean."""
    circle: dict[str, Any] = {"color": SOFT, "linestyle": "none", "marker": "o"}
    upright: dict[str, Any] = {"color": BLACK, "linestyle": DASHED, "linewidth": 0.8}
    return [
        Line2D([], [], markerfacecolor="white", label="chosen on other samples", **circle),
        Line2D([], [], label="most iterations in training", **upright),
    ]


def _draw_run(axis: Axes, run: Mapping[str, Any], level: str) -> None:
    look, samples = Look.of(run["architecture"]), samples_of(run, level)
    curve = run["accuracy"][level]
    low, high = np.array([wilson(round(share * samples), samples) for share in curve]).T
    axis.fill_between(run["loops"], low, high, color=look.colour, alpha=0.18, linewidth=0)
    axis.plot(run["loops"], curve, **look.line)
    circle = {**look.points, "marker": "o", "markerfacecolor": "white", "alpha": 1}
    axis.plot(run["choice"]["loops"], shares(run, level).chosen, **circle)
    trained = run["config"]["schedule"]["loops"]
    axis.axvline(trained, color=BLACK, linestyle=DASHED, linewidth=0.8)


FIGURE = GalleryFigure(
    lambda: board_figure(board_runs()),
    "On 9x9 sudoku the loops with recall do best at 240 iterations and more, chosen on other"
    " samples, and the one without recall falls from 75 to 44 % of the easy puzzles; on chess all"
    " do best at 11 or fewer.",
    section="Sudoku, chess and endgames",
    text=(
        "The widest shipped runs of the recipe (docs/training.md), as evaluated at the end of"
        " training: 95 % intervals as bands, and the number of iterations chosen on other samples"
        " than those reported on. One seed each; all have the full gradient, which is the default"
        " without recall only: (full)."
    ),
    commands=(DESK, LEASE),
)
