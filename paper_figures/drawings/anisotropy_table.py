"""Figure of the anisotropy table of R4: published and recomputed, against the exact law."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from ...theory.architecture import Recall
from .gallery import GalleryFigure
from .record_files import read_record
from .style import BLACK, PALE, RECALL_COLOUR, SMALL, SOFT, new_figure, styled

DATA = "anisotropy.json"
RECALLS = (Recall.INTERNAL, Recall.EXTERNAL)
"""The panels, from the top."""
STATISTICS = {
    "log_ratio": "log-ratio,\nmean",
    "log_ratio_median": "log-ratio,\nmedian",
    "balance": "balance,\nmean",
    "balance_median": "balance,\nmedian",
}
"""The groups of a panel, with their words."""
WITHIN = 3.0
"""Standard errors up to which a number agrees with the law."""
FARTHEST = 200.0
"""Standard errors at the ends of the axes."""
PUBLISHED: dict[str, Any] = {"color": BLACK, "marker": "x", "linestyle": "none"}


def cells(data: Mapping[str, Any], recall: Recall) -> list[dict[str, Any]]:
    """The cells of a recall, by statistic and then by scale."""
    own = [cell for row in data["rows"] for cell in row["cells"] if cell["recall"] == recall]
    order = list(STATISTICS)
    return sorted(own, key=lambda cell: (order.index(cell["statistic"]), cell["s"]))


@styled
def anisotropy_figure(data: Mapping[str, Any]) -> Figure:
    """Standard errors between the numbers of the table and their law, a panel for each recall.

    Args:
        data: what `loopstab anisotropy --json` prints.
    """
    figure = new_figure(3.5)
    axes = figure.subplots(len(RECALLS), 1, sharex=True, sharey=True)
    for axis, recall in zip(axes, RECALLS, strict=True):
        _draw(axis, cells(data, recall), recall)
        axis.set_title(f"{recall} recall: standard errors above the law")
    ticks = (-100, -10, -3, 0, 3, 10, 100)
    axes[0].set_yscale("symlog", linthresh=WITHIN)
    axes[0].set(ylim=(-FARTHEST, FARTHEST), yticks=ticks)
    axes[0].set_yticklabels([f"{tick}".replace("-", "−") for tick in ticks])
    axes[0].yaxis.set_minor_locator(NullLocator())
    exact: dict[str, Any] = {"color": SOFT, "marker": "o", "linestyle": "none"}
    handles = [
        Line2D([], [], **PUBLISHED, label="published"),
        Line2D([], [], **exact, label="exact projections"),
        Patch(color=PALE, label=f"within {WITHIN:g}"),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=3)
    return figure


def _draw(axis: Axes, rows: list[dict[str, Any]], recall: Recall) -> None:
    each = len(rows) // len(STATISTICS)
    places = [i + i // each for i in range(len(rows))]
    axis.axhspan(-WITHIN, WITHIN, color=PALE, zorder=0)
    axis.axhline(0, color=SOFT, linewidth=0.6)
    exact: dict[str, Any] = {"color": RECALL_COLOUR[recall], "marker": "o", "linestyle": "none"}
    axis.plot(places, [row["exact_z"] for row in rows], **exact, gid="exact")
    axis.plot(places, [row["published_z"] for row in rows], **PUBLISHED, gid="published")
    for place, row in zip(places, rows, strict=True):
        if abs(row["published_z"]) > WITHIN:
            axis.annotate(
                f"s = {row['s']:g}",
                (place, row["published_z"]),
                (-4, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=SMALL,
            )
    middles = [(each - 1) / 2 + group * (each + 1) for group in range(len(STATISTICS))]
    axis.set_xticks(middles, list(STATISTICS.values()))
    axis.grid(False, axis="x")


FIGURE = GalleryFigure(
    lambda: anisotropy_figure(read_record(DATA)),
    "The published anisotropy table against its exact law: 34 of its 40 numbers lie within 3"
    " standard errors, and the 6 others are all at the largest scale, s = 4. The exact projections"
    " of the same draws lie within 3 of the law everywhere. In each group s = 0.1, 0.5, 1, 2, 4.",
    section="What is proved",
    data=(DATA,),
    commands=("loopstab anisotropy --n 10000 --seed 0 --scales 0.1 0.5 1 2 4 --json",),
)
