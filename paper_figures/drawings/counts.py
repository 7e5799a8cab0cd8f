"""Certified numbers of fixed points of random networks: how many have one, three, five ... against
gain and dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .loops import styled
from .style import MISSING, new_figure

if TYPE_CHECKING:
    from ...numerics.certificates.counts import Counts

MOST = 7
"""counts from here on share a colour"""


@styled
def count_figure(rows: Sequence[Counts]) -> Figure:
    """A panel for each dimension: share of the networks by certified count, a bar for each gain;
    above it the mean, and that of M3's law.

    `rows`: one ensemble, at least one row. Nothing is estimated but the shares: every count is a
    proof.
    """
    sizes = sorted({row.size for row in rows})
    found = sorted({min(count, MOST) for row in rows for count in row.histogram})
    colours = dict(zip(found, mpl.colormaps["cividis"](_spread(len(found))), strict=True))
    figure = new_figure(1.3 + 1.9 * len(sizes))
    axes = figure.subplots(len(sizes), 1, squeeze=False)[:, 0]
    for axis, size in zip(axes, sizes, strict=True):
        own = sorted((row for row in rows if row.size == size), key=lambda row: row.gain)
        for x, row in enumerate(own):
            bottom = 0.0
            parts = [
                (colours[count], sum(n for k, n in row.histogram.items() if min(k, MOST) == count))
                for count in found
            ]
            for colour, n in [*parts, (MISSING, row.undecided)]:
                axis.bar(x, n / row.networks, 0.7, bottom, color=colour)
                bottom += n / row.networks
            law = "" if row.kac_rice is None else f"\nlaw {row.kac_rice:.2f}"
            mean = "undecided" if row.mean is None else f"mean {row.mean:.2f}"
            axis.text(x, 1.02, mean + law, ha="center", va="bottom", fontsize=9)
        axis.set(
            xticks=range(len(own)),
            xticklabels=[f"{row.gain:g}" for row in own],
            ylim=(0, 1),
            yticks=(0, 0.5, 1),
            xlim=(-0.6, len(own) - 0.4),
        )
        axis.set_ylabel(f"d = {size}")
        axis.grid(False, axis="x")
    axes[-1].set_xlabel("gain of the weights")
    first = rows[0]
    figure.suptitle(
        f"{first.ensemble}: share of {first.networks} networks by certified count", fontsize=10.5
    )
    handles = [
        Patch(color=colours[count], label=f"{count} or more" if count == MOST else f"{count}")
        for count in found
    ]
    if any(row.undecided for row in rows):
        handles.append(Patch(color=MISSING, label="undecided"))
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=5,
        title="fixed points",
        title_fontsize=9.5,
        alignment="left",
    )
    return figure


def _spread(n: int) -> list[float]:
    return [0.9 * i / max(n - 1, 1) for i in range(n)]
