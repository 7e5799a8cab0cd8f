"""How every figure looks: the width of a column, and colours of which each has one meaning.

Colours of one family differ in luminance too, so that they can be told apart in grey and under
deuteranopia; `tests/figures/test_style.py` measures the distances.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ...theory.architecture import Architecture, Norm, Recall, Residual
from ...theory.outcome import Outcome

P = ParamSpec("P")

WIDTH = 3.3
"""Width in inches of every figure: one column of a paper with two. On a phone, which shows it 360
pixels wide, 7 points are 10 pixels.
"""
LEAST_SIZE = 6.5
"""Points of the smallest text."""
SMALL = 7.0
"""Points of ticks, legends and labels inside a panel; axes and titles have 7.5."""

RC: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "figure.titlesize": 7.5,
    "figure.labelsize": 7.5,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.linewidth": 0.6,
    "axes.labelpad": 2.5,
    "axes.titlepad": 4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e7eb",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "axes.edgecolor": "#57606a",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.35,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "loopstab",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}

BLACK = "#000000"
SOFT, PALE = "#57606a", "#eceff2"
"""Grey of notes and of marks that belong to no family, and of areas behind the data."""
MISSING = "#c9ced3"
"""The colour of cells and bars whose value is not known."""
DASHED = (0, (4, 2))
HALO = [withStroke(linewidth=1.8, foreground="white")]
"""A white edge, which separates a line from the colours under it."""

RECALL_COLOUR = {Recall.NONE: "#DDAA33", Recall.EXTERNAL: "#009988", Recall.INTERNAL: "#004488"}
"""From the high-contrast and vibrant schemes of Paul Tol, SRON/EPS/TN/09-002."""
REGIME_COLOUR = {"contractive": "#DDE3B0", "critical": "#F0805A", "expansive": "#B2182B"}
"""By the spectral radius at the fixed point: below, at and above 1."""
OUTCOME_COLOUR = {
    Outcome.FIXED_POINT: "#3B2BA0",
    Outcome.NEUTRAL: "#3F70D6",
    Outcome.CRITICAL: "#8CC5F5",
    Outcome.CYCLE: "#4DB47E",
    Outcome.APERIODIC: "#BF7A35",
    Outcome.DRIFT: "#FAF07A",
    Outcome.GROWTH: "#9A2E8C",
    Outcome.EXPLOSION: "#560A2E",
    Outcome.UNDECIDED: "#EBCBE4",
    Outcome.NON_FINITE: BLACK,
}
NORM_DASH = {
    Norm.PRE: (0, (1, 1.2)),
    Norm.PERI: (0, (5, 2)),
    Norm.POST: "solid",
    Norm.SANDWICH: (0, (7, 1.5, 1.5, 1.5)),
}
RESIDUAL_LOOK = {
    Residual.ADD: ("full", 1.3),
    Residual.GRU: ("none", 0.8),
    Residual.SCALED: ("left", 1.05),
    Residual.DECAY: ("bottom", 0.6),
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


def size_colours(sizes: int) -> np.ndarray:
    """The colours of that many sizes, from light to dark, of shape (sizes, 4)."""
    return mpl.colormaps["cividis"](np.linspace(0.8, 0, sizes))


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of `width` x `height` inches in constrained layout.

    It has no window, and pyplot does not know it, so nothing has to be closed.
    """
    return Figure(figsize=(width, height), layout="constrained")


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
