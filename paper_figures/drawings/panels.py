"""Parts that the panels of several figures share: ticks, empty panels, curve names, one legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .style import RECALL_COLOUR, SOFT


def plain_ticks(
    line: Axis, ends: np.ndarray | tuple[float, float], steps: tuple[int, ...] = (1, 3)
) -> None:
    """Label a logarithmic axis at `steps` times powers of ten from 0.001 to 10000 between its ends,
    with plain numbers.
    """
    ticks = [m * 10.0**k for k in range(-3, 5) for m in steps]
    line.set_major_locator(FixedLocator([t for t in ticks if ends[0] <= t <= ends[-1]]))
    line.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    line.set_minor_locator(NullLocator())


def empty_panel(axis: Axes, text: str) -> None:
    """Write into a panel why it shows nothing."""
    note(axis, text)
    axis.set(xticks=[], yticks=[])


def note(axis: Axes, text: str) -> None:
    """Write something into the middle of a panel."""
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", color=SOFT)


def curve_names(architectures: Sequence[str]) -> list[str]:
    """The architectures, numbered where one occurs more than once."""
    total, seen = Counter(architectures), Counter[str]()
    out = []
    for name in architectures:
        seen[name] += 1
        out.append(name if total[name] == 1 else f"{name} ({seen[name]})")
    return out


def shared_legend(figure: Figure, axes: Sequence[Axes] | np.ndarray) -> None:
    """Add one legend below all panels; an entry that several panels share stands there once."""
    entries = {
        label: handle
        for axis in axes
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    if entries:
        figure.legend(list(entries.values()), list(entries), loc="outside lower left", ncols=2)


def recall_entries() -> list[Line2D]:
    """The entries of a legend for the colours of the recalls."""
    return [
        Line2D([], [], color=colour, label=f"recall {recall}")
        for recall, colour in RECALL_COLOUR.items()
    ]


def seed_band(
    axis: Axes, x: Sequence[float], curves: Sequence[Sequence[float]], look: dict[str, Any]
) -> None:
    """Draw the median of curves of several seeds, and the band from the least to the greatest.

    Args:
        axis: the panel.
        x: where the curves have values, of shape (n,).
        curves: a curve for each seed, each of shape (n,).
        look: keywords of `Axes.plot`.
    """
    low, middle, high = np.quantile(np.array(curves, float), (0, 0.5, 1), axis=0)
    axis.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)
    axis.plot(x, middle, **look)
