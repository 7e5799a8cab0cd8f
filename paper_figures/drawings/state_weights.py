"""Figure of rho(W_x), the spectral radius of the state weights: over training, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...models.zoo import zoo
from ...theory.architecture import Architecture, Norm, Recall
from .gallery import GalleryFigure
from .measured_lines import FORECASTS, PREDICT
from .panels import plain_ticks
from .record_files import read_record
from .style import BLACK, DASHED, NORM_MARKER, RECALL_COLOUR, SOFT, new_figure, styled
from .training_commands import CPU, DESK, LEASE, OLDER

RECALLS = (Recall.EXTERNAL, Recall.INTERNAL)
"""The columns."""
TASKS = {
    "prefix-sums": ("prefix sums", "solid"),
    "sudoku": ("9x9 sudoku", (0, (4, 1.5))),
    "chess": ("chess", (0, (1, 1))),
}
"""The tasks whose training is drawn, with words and dashes; of others one value is recorded."""
ENDS = (0.5, 4.5)
"""The ends of the axes of rho."""


def training_curves(recall: Recall) -> list[tuple[str, list[float], list[float]]]:
    """Task, shares of the training and rho(W_x) there, of each shipped run on one of
    `TASKS` with more than one value.
    """
    found = []
    for name in zoo.names():
        meta = zoo.describe(name)
        run, rows = meta["run"], [row for row in meta["history"] if row.get("rho_wx")]
        if run["task"] in TASKS and Architecture.parse(run["architecture"]).recall is recall:
            shares = [row["step"] / meta["history"][-1]["step"] for row in rows]
            found.append((run["task"], shares, [row["rho_wx"] for row in rows]))
    return [curve for curve in found if len(curve[1]) > 1]


def kept_shares(forecasts: Sequence[Mapping[str, Any]], recall: Recall) -> list[dict[str, Any]]:
    """For each checkpoint at the end of its training, rho(W_x) and the accuracy that it keeps.

    Args:
        forecasts: the lines of `forecasts.jsonl`, which hold rho(W_x).
        recall: which checkpoints.

    Returns:
        `name`, `norm`, `rho`, and `kept`: the accuracy after the last iteration, divided by the
        best, on the first level of the task.
    """
    rho = {
        line["checkpoint"]: line["sources"]["rho_wx"]
        for line in forecasts
        if line["stage"] == "end" and Architecture.parse(line["architecture"]).recall is recall
    }
    found = []
    for name, value in sorted(rho.items()):
        run = zoo.describe(name)["run"]
        levels = run["accuracy"]
        curve = levels["easy" if "easy" in levels else min(levels, key=int)]
        norm = Architecture.parse(run["architecture"]).norm
        found.append({"name": name, "norm": norm, "rho": value, "kept": curve[-1] / max(curve)})
    return found


@styled
def state_weights_figure(forecasts: Sequence[Mapping[str, Any]]) -> Figure:
    """Above: rho(W_x) over training. Below: the share of the best accuracy that is left after 500
    iterations, against rho(W_x) at the end. A column for each recall; `forecasts` are the lines of
    `forecasts.jsonl`.
    """
    figure = new_figure(3.9)
    axes = figure.subplots(2, len(RECALLS), sharey="row")
    for (above, below), recall in zip(axes.T, RECALLS, strict=True):
        colour = RECALL_COLOUR[recall]
        above.set_title(f"{recall} recall")
        for task, shares, values in training_curves(recall):
            look: dict[str, Any] = {"color": colour, "linestyle": TASKS[task][1], "gid": task}
            dots = "" if task == "prefix-sums" else "."
            above.plot(shares, values, linewidth=0.9, marker=dots, **look)
        above.axhline(1, color=BLACK, linestyle=DASHED, linewidth=0.7)
        points = kept_shares(forecasts, recall)
        for norm in Norm:
            own = [point for point in points if point["norm"] is norm]
            place = [point["rho"] for point in own], [point["kept"] for point in own]
            below.plot(*place, **_mark(norm, colour), gid=str(norm))
        below.axvline(1, color=BLACK, linestyle=DASHED, linewidth=0.7)
        above.set(xlim=(0, 1), xlabel="share of training", yscale="log", ylim=ENDS)
        below.set(xscale="log", xlim=ENDS, xlabel="$ρ(W_x)$ at the end", ylim=(-0.04, 1.06))
        plain_ticks(below.xaxis, ENDS)
    plain_ticks(axes[0, 0].yaxis, ENDS)
    axes[0, 0].set_ylabel("$ρ(W_x)$")
    axes[1, 0].set_ylabel("share of the best\naccuracy kept")
    figure.legend(handles=_handles(), loc="outside lower left", ncols=3)
    return figure


def _mark(norm: Norm, colour: str) -> dict[str, Any]:
    look = {"marker": NORM_MARKER[norm], "color": colour, "linestyle": "none"}
    return {**look, "fillstyle": "none", "markeredgewidth": 0.8}


def _handles() -> list[Line2D]:
    tasks = [Line2D([], [], color=SOFT, linestyle=dash, label=t) for t, dash in TASKS.values()]
    marks = [
        Line2D([], [], **_mark(norm, SOFT), label=f"{norm} norm") for norm in (Norm.PERI, Norm.POST)
    ]
    return [*tasks, *marks]


FIGURE = GalleryFigure(
    lambda: state_weights_figure(read_record(FORECASTS)),
    "On prefix sums ρ(W_x) stays below 1 (dashed) throughout the training, on the boards it rises"
    " above. On either side of 1 some checkpoints keep nine tenths of their accuracy for 500"
    " iterations and others lose seven tenths: ρ(W_x), which is not the spectral radius of the"
    " loop, does not decide.",
    section="The trained loops of the zoo",
    data=(FORECASTS,),
    commands=(CPU, DESK, LEASE, OLDER, PREDICT),
)
