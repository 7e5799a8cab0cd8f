"""The panel of a map of a phase diagram: its title and axes, its cells, their scale, its legend."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ...numerics.phase.diagram import PhaseDiagram
from .panels import plain_ticks
from .phase_overlays import draw_law
from .style import MISSING, new_figure

TITLE = 60
"""Characters in a line of a title."""
SYMBOLS = {
    "sigma": "σ",
    "beta": "β",
    "residual": "a",
    "fraction": "a/(1 + a)",
    "slope": "k",
    "block": "$s_A$",
    "state": "$s_x$",
    "recall": "$s_e$",
}
"""How a title writes a setting; any other is written by its name."""
COUNTED = ("width", "tokens", "heads")
"""Settings that a title writes as a word and a number."""
WORDS = {
    "sigma": "weight scale σ",
    "beta": "recall strength β",
    "residual": "residual strength a",
    "fraction": "residual fraction a/(1 + a)",
    "slope": "slope k of the activation",
    "width": "width d",
    "block": "scale of the sub-blocks $s_A$",
    "state": "scale of W_x, $s_x$",
    "recall": "scale of W_e, $s_e$",
    "bias": "scale of the offset",
    "heads": "attention heads",
}
"""How an axis is labelled; any other parameter is written by its name."""


class MapPanel:
    """A figure with one panel, whose axes are those of the phase diagram.

    Args:
        diagram: the diagram.
        shown: what the map shows, the first line of its title.
        axis: the panel to draw in; by default that of a new figure.
    """

    def __init__(self, diagram: PhaseDiagram, shown: str, axis: Axes | None = None):
        self.diagram = diagram
        if axis is None:
            axis = new_figure(4.3).add_subplot()
            shown = f"{shown}\n{_title(diagram)}"
        self.axis, figure = axis, axis.get_figure(root=True)
        assert figure is not None
        self.figure = figure
        axis.set_title(shown)
        self.axis.grid(False)
        parameters = diagram.rule.parameters
        for along, line in ((diagram.x, self.axis.xaxis), (diagram.y, self.axis.yaxis)):
            name = line.axis_name
            scale = "log" if along.log else "linear"
            self.axis.set(**{f"{name}scale": scale, f"{name}lim": (along.low, along.high)})
            line.set_label_text(WORDS.get(along.name, along.name))
            if along.log:
                plain_ticks(line, (along.low, along.high))
            elif parameters[along.name].integer:
                line.set_major_locator(MaxNLocator(integer=True))

    def cells(self, values: np.ndarray, colours: Any, norm: Normalize) -> PolyCollection:
        """Draw a value of every cell as its colour."""
        diagram = self.diagram
        (u0, v0), (u1, v1) = diagram.cells.shares(0.0), diagram.cells.shares(1.0)
        x0, x1, y0, y1 = diagram.x.at(u0), diagram.x.at(u1), diagram.y.at(v0), diagram.y.at(v1)
        x, y = np.stack((x0, x1, x1, x0), axis=1), np.stack((y0, y0, y1, y1), axis=1)
        cells = PolyCollection(
            list(np.stack((x, y), axis=2)),
            array=np.ma.masked_invalid(values),
            cmap=colours,
            norm=norm,
            edgecolors="face",
            linewidths=0.2,
            rasterized=True,
        )
        self.axis.add_collection(cells, autolim=False)
        return cells

    def scaled_cells(
        self, values: np.ndarray, colours: Any, norm: Normalize, label: str, extend: Any = "neither"
    ) -> None:
        """Draw a value of every cell as its colour, and below the panel the scale of the colours.

        There is no scale if no value lies on it.
        """
        cells = self.cells(values, colours, norm)
        if not (values >= (norm.vmin or 0)).any():
            return
        bar = self.figure.colorbar(
            cells, ax=self.axis, location="bottom", extend=extend, aspect=32, shrink=0.92
        )
        bar.set_label(label)
        if isinstance(norm, LogNorm):
            plain_ticks(bar.ax.xaxis, (float(norm.vmin or 1), float(norm.vmax or 1)))

    def finish(
        self,
        handles: list[Any],
        missing: np.ndarray | None = None,
        why: str = "no fixed point found",
        of: str = "rho",
    ) -> Figure:
        """Add the law and the legend, and return the figure.

        Args:
            handles: entries of the legend.
            missing: which cells have no value.
            why: why they have none, for the legend.
            of: the quantity whose law is drawn: rho or sensitivity.
        """
        handles = [*handles, *draw_law(self.axis, self.diagram, of)]
        if missing is not None and missing.any():
            handles.append(Patch(color=MISSING, label=f"{why} ({int(missing.sum())} cells)"))
        if handles:
            self.figure.legend(handles=handles, loc="outside lower left", handlelength=2.4)
        return self.figure


def _title(diagram: PhaseDiagram) -> str:
    """The law and its settings, in lines of `TITLE` characters that break between settings only."""
    settings = [
        f"{name} {value:g}" if name in COUNTED else f"{SYMBOLS.get(name, name)} = {value:g}"
        for name, value in diagram.settings.items()
        if name != "sub_blocks"
    ]
    title = ", ".join([diagram.rule.title, *settings])
    unbroken = title.replace(" ", "\u00a0").replace(",\u00a0", ", ")
    return "\n".join(textwrap.wrap(unbroken, TITLE)).replace("\u00a0", " ")
