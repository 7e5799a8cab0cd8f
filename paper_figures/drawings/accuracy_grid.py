"""Figure of the accuracy after the last iteration, by task, recall and norm, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ...models.network.run_record import samples_of, shares
from ...numerics.proportion import wilson
from ...theory.architecture import Norm, Recall
from .boards import board_runs
from .gallery import GalleryFigure
from .recall_and_norm import NORMS, runs_of
from .style import BLACK, LEAST_SIZE, MISSING, RECALL_COLOUR, new_figure, styled
from .training_commands import CPU, LEASE

ROWS = (
    ("prefix-sums, 16 bits", "16", "prefix sums, 16 bits"),
    ("prefix-sums, 16 bits", "32", "32 bits"),
    ("prefix-sums, 16 bits", "64", "64 bits"),
    ("sudoku-4x4", "easy", "4x4 sudoku, easy"),
    ("sudoku-4x4", "hard", "hard"),
    ("kqk", "easy", "KQK endgames, easy"),
    ("kqk", "hard", "hard"),
    ("sudoku", "easy", "9x9 sudoku, easy*"),
    ("sudoku", "hard", "hard*"),
    ("chess", "easy", "chess, easy*"),
    ("chess", "hard", "hard*"),
)
"""Task, level and words of each row; a star marks tasks with one seed."""
BOARDS = ("sudoku", "chess")
"""Tasks of which the widest runs are taken."""
DARK = 0.55
"""Accuracy from which on the cell is so dark that its text is white."""


class SeedShare(NamedTuple):
    """An accuracy after the last iteration.

    Attributes:
        mean: its mean over the seeds.
        low: the least of the lower ends of Wilson's 95 % intervals of the seeds.
        high: the greatest of the upper ends.
        seeds: the number of seeds.
    """

    mean: float
    low: float
    high: float
    seeds: int


def grid_runs(task: str, recall: Recall, norm: Norm) -> list[dict[str, Any]]:
    """The records of a cell: a run for each seed."""
    if task in BOARDS:
        name = f"{recall}/{norm}"
        return [r for r in board_runs() if r["task"] == task and r["architecture"] == name]
    return runs_of(task, f"{recall}/{norm}")


def seed_share(runs: Sequence[dict[str, Any]], level: str) -> SeedShare | None:
    """The accuracy of runs that differ in their seed only; None without a run."""
    if not runs:
        return None
    last = [shares(run, level).last for run in runs]
    sizes = [samples_of(run, level) for run in runs]
    ends = [wilson(round(share * n), n) for share, n in zip(last, sizes, strict=True)]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return SeedShare(sum(last) / len(last), low, high, len(last))


@styled
def accuracy_grid_figure() -> Figure:
    """A cell for each task, level, recall and norm: the mean over the seeds in % and its interval.

    The interval reaches from the least lower to the greatest upper end of the intervals of the
    seeds (Wilson, 95 %).
    """
    figure = new_figure(4.3)
    axis = figure.subplots()
    columns = [(recall, norm) for recall in Recall for norm in NORMS]
    for y, (task, level, _) in enumerate(ROWS):
        for x, (recall, norm) in enumerate(columns):
            _draw_cell(axis, x, y, seed_share(grid_runs(task, recall, norm), level))
    axis.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(ROWS) - 0.5, -0.95))
    for i, recall in enumerate(Recall):
        axis.text(2 * i + 0.5, -0.75, str(recall), ha="center", va="center")
        ends = (2 * i - 0.45, 2 * i + 1.45)
        axis.plot(ends, (-0.53, -0.53), color=RECALL_COLOUR[recall], linewidth=2.5)
    axis.text(-0.6, -0.75, "recall", ha="right", va="center")
    axis.set_xticks(range(len(columns)), [str(norm) for _, norm in columns])
    axis.set_yticks(range(len(ROWS)), [words for *_, words in ROWS])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.grid(False)
    return figure


def _draw_cell(axis: Axes, x: int, y: int, share: SeedShare | None) -> None:
    place: dict[str, Any] = {"xy": (x - 0.5, y - 0.5), "width": 1, "height": 1}
    if share is None:
        axis.add_patch(Rectangle(**place, facecolor="white", edgecolor=MISSING, hatch="////"))
        return
    face = mpl.colormaps["Greys"](0.9 * share.mean)
    axis.add_patch(Rectangle(**place, facecolor=face, edgecolor="white", linewidth=1))
    text: dict[str, Any] = {"color": "white" if share.mean > DARK else BLACK, "ha": "center"}
    axis.text(x, y - 0.19, f"{100 * share.mean:.0f}", va="center", **text)
    interval = f"{100 * share.low:.0f}–{100 * share.high:.0f}"
    axis.text(x, y + 0.22, interval, va="center", fontsize=LEAST_SIZE, **text)


FIGURE = GalleryFigure(
    accuracy_grid_figure,
    "Inputs solved after 500 iterations, in %. On 64 bits the intervals without recall end below"
    " 4 %, and those with recall begin above 75 %, but for internal recall with peri norm (2 to"
    " 34 %); on 4x4 sudoku with post norm the intervals of all recalls overlap.",
    section="The trained loops of the zoo",
    text=(
        "A cell holds the mean of three seeds, and the range from the least lower to the greatest"
        " upper end of their 95 % intervals. Starred: one seed, the widest runs, with the full"
        " gradient; the others have the full gradient without recall and the published one with"
        " recall. Hatched: no shipped run."
    ),
    commands=(CPU, LEASE),
)
