"""Accuracy against loops of the trained loops on 9x9 sudoku, chess and endgames: what recall does
when a loop runs on and on.
"""

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
from .loops import plain_ticks, styled
from .style import BLACK, DASHED, SOFT, Look, new_figure

TITLES = {"sudoku": "9x9 sudoku", "chess": "chess puzzles", "kqk": "KQK endgames"}
LEVELS = ("easy", "hard")


def board_runs() -> list[dict[str, Any]]:
    """Records of the shipped runs that compare recall: the widest of each task, where there are
    some with and some without it.
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
    """Share of whole samples right against loops, a panel for each task and level; `UsageError`
    without any run.

    Band: Wilson's 95 % interval; circle: at the number of loops chosen on other samples; upright
    line: the most loops of a training step.
    """
    runs = [run for run in runs if run["task"] in TITLES and set(LEVELS) <= set(run["accuracy"])]
    if not runs:
        raise UsageError(
            f"no run of {', '.join(TITLES)} to draw: train the plan desk, or use the shipped runs"
            " (loopstab zoo list)"
        )
    tasks = [task for task in TITLES if any(run["task"] == task for run in runs)]
    figure = new_figure(0.8 + 1.75 * len(tasks) * len(LEVELS))
    axes = figure.subplots(len(tasks) * len(LEVELS), 1, sharex=True, sharey=True)
    for row, (task, level) in enumerate((task, level) for task in tasks for level in LEVELS):
        own = [run for run in runs if run["task"] == task]
        width = own[0]["config"]["model"]["width"]
        axes[row].set_title(
            f"{TITLES[task]}, {level}, width {width} ({samples_of(own[0], level)} samples)"
        )
        for run in own:
            _curve(axes[row], run, level)
    axes[0].set(ylim=(-0.03, 1.03), yticks=(0, 0.5, 1))
    figure.supylabel("share of whole samples right", fontsize=10.5)
    ends = (1, max(run["loops"][-1] for run in runs))
    axes[-1].set(xscale="log", xlim=(0.95, 1.05 * ends[1]), xlabel="loops")
    plain_ticks(axes[-1].xaxis, ends)
    looks = {kind_of(run): Look.of(run["architecture"]) for run in runs}
    handles = [Line2D([], [], label=kind, **look.line) for kind, look in looks.items()]
    handles.append(
        Line2D(
            [],
            [],
            color=SOFT,
            linestyle="none",
            marker="o",
            markerfacecolor="white",
            label="loops chosen on other samples",
        )
    )
    handles.append(
        Line2D([], [], color=BLACK, linestyle=DASHED, linewidth=1.1, label="most loops in training")
    )
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _curve(axis: Axes, run: Mapping[str, Any], level: str) -> None:
    look, loops, curve = (
        Look.of(run["architecture"]),
        np.array(run["loops"]),
        np.array(run["accuracy"][level]),
    )
    n = samples_of(run, level)
    low, high = np.array([wilson(round(share * n), n) for share in curve]).T
    axis.fill_between(loops, low, high, color=look.colour, alpha=0.18, linewidth=0)
    axis.plot(loops, curve, **look.line)
    axis.plot(
        run["choice"]["loops"],
        shares(run, level).chosen,
        **{**look.points, "marker": "o", "markerfacecolor": "white", "alpha": 1},
    )
    axis.axvline(run["config"]["schedule"]["loops"], color=BLACK, linestyle=DASHED, linewidth=1.1)
