"""Figure of the certified numbers of fixed points of random networks, by gain and dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .style import MISSING, SMALL, new_figure, styled

if TYPE_CHECKING:
    from ...numerics.certificates.counts import Counts

MOST = 7
"""The count from which on all counts share a colour."""


@styled
def count_figure(rows: Sequence[Counts]) -> Figure:
    """Share of the networks by certified count: a panel for each dimension, a bar for each gain.

    Above a bar stand the mean count and, where it is known, that of the law M3. Only the shares are
    estimates: every count is a proof. `rows` are of one ensemble; there must be at least one.
    """
    sizes = sorted({row.size for row in rows})
    found = sorted({min(count, MOST) for row in rows for count in row.histogram})
    shades = [0.9 * i / max(len(found) - 1, 1) for i in range(len(found))]
    colours = dict(zip(found, mpl.colormaps["cividis"](shades), strict=True))
    figure = new_figure(1.3 + 1.9 * len(sizes))
    axes = figure.subplots(len(sizes), 1, squeeze=False)[:, 0]
    for axis, size in zip(axes, sizes, strict=True):
        own = sorted((row for row in rows if row.size == size), key=lambda row: row.gain)
        for x, row in enumerate(own):
            _draw_bar(axis, x, row, colours)
        axis.set(xticks=range(len(own)), xticklabels=[f"{row.gain:g}" for row in own])
        axis.set(ylim=(0, 1), yticks=(0, 0.5, 1), xlim=(-0.6, len(own) - 0.4))
        axis.set_ylabel(f"d = {size}")
        axis.grid(False, axis="x")
    axes[-1].set_xlabel("gain of the weights")
    title = f"{rows[0].ensemble}: share of {rows[0].networks} networks by certified count"
    figure.suptitle(title)
    handles = [
        Patch(color=colours[count], label=f"{count} or more" if count == MOST else f"{count}")
        for count in found
    ]
    if any(row.undecided for row in rows):
        handles.append(Patch(color=MISSING, label="undecided"))
    figure.legend(
        handles=handles, loc="outside lower left", ncols=5, title="fixed points", alignment="left"
    )
    return figure


def _draw_bar(axis: Axes, x: int, row: Counts, colours: dict) -> None:
    """Stack the shares of the counts, and write the means above them."""
    numbers = {
        count: sum(n for k, n in row.histogram.items() if min(k, MOST) == count)
        for count in colours
    }
    parts = [(colours[count], n) for count, n in numbers.items()]
    bottom = 0.0
    for colour, n in [*parts, (MISSING, row.undecided)]:
        axis.bar(x, n / row.networks, 0.7, bottom, color=colour)
        bottom += n / row.networks
    law = "" if row.kac_rice is None else f"\nlaw {row.kac_rice:.2f}"
    mean = "undecided" if row.mean is None else f"mean {row.mean:.2f}"
    axis.text(x, 1.02, mean + law, ha="center", va="bottom", fontsize=SMALL)
