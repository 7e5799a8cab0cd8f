"""How every figure looks: sizes for a phone, colours for colour-blind readers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ...theory.architecture import Architecture, Norm, Recall, Residual

P = ParamSpec("P")

WIDTH = 5.2
"""Width in inches of every figure. On a phone, which shows it 360 pixels wide, 10.5 points are 10
pixels. Panels are therefore stacked.
"""

RC: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "legend.fontsize": 9.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e7eb",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.edgecolor": "#57606a",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "svg.hashsalt": "loopstab",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}

# The palette of Okabe and Ito: its colours are distinct under every common kind of colour
# blindness and, together with dashes and markers, in grey.
BLACK, ORANGE, BLUE, VERMILLION = "#000000", "#E69F00", "#0072B2", "#D55E00"
SOFT, PALE = "#57606a", "#eceff2"
MISSING = "#c9ced3"
"""The colour of cells and bars whose value is not known."""
DASHED = (0, (4, 2))
HALO = [withStroke(linewidth=2.6, foreground="white")]
"""A white edge, which separates a line from the colours under it."""

RECALL_COLOUR = {Recall.NONE: VERMILLION, Recall.EXTERNAL: ORANGE, Recall.INTERNAL: BLUE}
NORM_DASH = {
    Norm.PRE: (0, (1, 1.2)),
    Norm.PERI: (0, (5, 2)),
    Norm.POST: "solid",
    Norm.SANDWICH: (0, (7, 1.5, 1.5, 1.5)),
}
RESIDUAL_LOOK = {
    Residual.ADD: ("full", 1.8),
    Residual.GRU: ("none", 1.1),
    Residual.SCALED: ("left", 1.4),
    Residual.DECAY: ("bottom", 0.8),
}
"""how markers are filled, and how wide lines are"""
NORM_MARKER = {Norm.PRE: "^", Norm.PERI: "s", Norm.POST: "o", Norm.SANDWICH: "D"}


@dataclass(frozen=True)
class Look:
    """How every figure draws an architecture.

    The colour stands for the recall, dashes and marker stand for the norm, the width of lines and
    the filling of markers for the residual.
    """

    colour: str
    dash: Any
    marker: str
    fill: Any
    width: float

    @classmethod
    def of(cls, architecture: str) -> Look:
        """The look of an architecture written recall/norm[/residual].

        Raises `UsageError` if the architecture is unknown.
        """
        known = Architecture.parse(architecture)
        return cls(
            RECALL_COLOUR[known.recall],
            NORM_DASH[known.norm],
            NORM_MARKER[known.norm],
            *RESIDUAL_LOOK[known.residual],
        )

    @property
    def line(self) -> dict[str, Any]:
        """Keywords of `Axes.plot` for a curve."""
        return {"color": self.colour, "linestyle": self.dash, "linewidth": self.width}

    @property
    def points(self) -> dict[str, Any]:
        """Keywords of `Axes.plot` for points."""
        return {
            "color": self.colour,
            "linestyle": "none",
            "marker": self.marker,
            "fillstyle": self.fill,
            "alpha": 0.8,
        }


def new_figure(height: float) -> Figure:
    """An empty figure of `WIDTH` x `height` inches in constrained layout.

    It has no window, and pyplot does not know it, so nothing has to be closed.
    """
    return Figure(figsize=(WIDTH, height), layout="constrained")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorate a drawing function so that it draws in the style of the project.

    The matplotlib settings of the caller have no influence and are not changed.
    """

    @wraps(draw)
    def figure(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(RC)
            return draw(*args, **kwargs)

    return figure
