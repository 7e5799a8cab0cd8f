"""Figure of how far the state grows within a training step, and of the angle of its last step."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...models.network.run_record import default_gradient, task_of
from ...models.zoo import zoo
from ...theory.architecture import Recall
from .gallery import GalleryFigure
from .panels import plain_ticks, recall_entries
from .recall_and_norm import NORMS
from .style import RECALL_COLOUR, new_figure, styled
from .training_commands import CPU

TASK = "prefix-sums, 16 bits"
"""The shipped runs with diagnostics throughout their training; others have one or two."""
ROWS = (
    ("norm_ratio", "growth of the state\n$|h_T| / |h_0|$"),
    ("cosine", "1 − cosine\nof the last two states"),
)
"""The diagnostics, with the words of their rows."""


def histories(architecture: str) -> list[list[dict[str, Any]]]:
    """The records with diagnostics of each run, a run for each seed, in the order of the seeds."""
    found = []
    for name in zoo.names():
        meta = zoo.describe(name)
        run = meta["run"]
        own = task_of(run) == TASK and run["architecture"] == architecture
        if own and run["config"]["encoder_gradient"] == default_gradient(architecture):
            rows = [row for row in meta["history"] if "norm_ratio" in row]
            found.append((run["config"]["seed"], rows))
    return [rows for _, rows in sorted(found, key=lambda pair: pair[0])]


@styled
def state_growth_figure() -> Figure:
    """Growth and cosine over training: a column for each norm, a line for each recall and seed.

    T is the number of iterations of that training step; the means are over its samples.
    """
    figure = new_figure(3.2)
    axes = figure.subplots(len(ROWS), len(NORMS), sharex=True, sharey="row")
    for row, (name, words) in zip(axes, ROWS, strict=True):
        row[0].set(ylabel=words, yscale="log")
        for axis, norm in zip(row, NORMS, strict=True):
            for recall in Recall:
                for rows in histories(f"{recall}/{norm}"):
                    _draw(axis, rows, name, recall)
    for axis, norm in zip(axes[0], NORMS, strict=True):
        axis.set_title(f"{norm} norm")
    plain_ticks(axes[0, 0].yaxis, (1, 30))
    plain_ticks(axes[1, 0].yaxis, (1e-3, 1))
    for axis in axes[-1]:
        axis.set(xlabel="training step", xlim=(0, None))
    figure.legend(handles=recall_entries(), loc="outside lower left", ncols=3)
    return figure


def _draw(axis: Axes, rows: list[dict[str, Any]], name: str, recall: Recall) -> None:
    steps = [row["step"] for row in rows]
    values = [1 - row[name] if name == "cosine" else row[name] for row in rows]
    axis.plot(steps, values, color=RECALL_COLOUR[recall], linewidth=0.9, gid=str(recall))


FIGURE = GalleryFigure(
    state_growth_figure,
    "With peri norm and internal or no recall the state grows 13 to 17 times within a training"
    " step, and no measured orbit reaches a fixed point; yet the cosine of the last two states"
    " exceeds 0.996: a cosine near 1 does not say that a loop settles. With post norm the state"
    " grows 1.5 to 1.6 times.",
    section="The trained loops of the zoo",
    text=(
        "Diagnostics of the shipped runs on prefix sums, three seeds, over training; the numbers"
        " of the caption are those of the last diagnosis."
    ),
    commands=(CPU,),
)
