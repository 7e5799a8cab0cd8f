"""How every figure looks (sizes for a phone, colours for colour-blind readers) and how it is
written: whole or not at all.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from ...support.errors import UsageError
from ...support.files import output_folder, write_atomic
from ...theory.architecture import Architecture, Norm, Recall, Residual

WIDTH = 5.2
"""Width in inches of every figure. Shown 360 pixels wide, as on a phone, 10.5 points are 10 pixels;
so panels are stacked.
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

# Okabe and Ito's palette: distinct under every common kind of colour blindness, and in grey
# together with dashes and markers.
BLACK, ORANGE, BLUE, VERMILLION = "#000000", "#E69F00", "#0072B2", "#D55E00"
SOFT, PALE = "#57606a", "#eceff2"
MISSING = "#c9ced3"
"""cells and bars of what is not known"""
DASHED = (0, (4, 2))

RECALL_COLOUR = {Recall.NONE: VERMILLION, Recall.EXTERNAL: ORANGE, Recall.INTERNAL: BLUE}
NORM_DASH = {
    Norm.PRE: (0, (1, 1.2)),
    Norm.PERI: (0, (5, 2)),
    Norm.POST: "solid",
    Norm.SANDWICH: (0, (7, 1.5, 1.5, 1.5)),
}
NORM_MARKER = {Norm.PRE: "^", Norm.PERI: "s", Norm.POST: "o", Norm.SANDWICH: "D"}


@dataclass(frozen=True)
class Look:
    """How an architecture is drawn in every figure: colour by recall, dashes and marker by norm,
    hollow markers for gru.
    """

    colour: str
    dash: Any
    marker: str
    hollow: bool

    @classmethod
    def of(cls, architecture: str) -> Look:
        """Look of an architecture written recall/norm[/residual]; `UsageError` when it is
        unknown.
        """
        known = Architecture.parse(architecture)
        return cls(
            RECALL_COLOUR[known.recall],
            NORM_DASH[known.norm],
            NORM_MARKER[known.norm],
            known.residual is Residual.GRU,
        )

    @property
    def line(self) -> dict[str, Any]:
        """Keywords of `Axes.plot` for a curve; a gru is drawn thin."""
        return {
            "color": self.colour,
            "linestyle": self.dash,
            "linewidth": 1.1 if self.hollow else 1.8,
        }

    @property
    def points(self) -> dict[str, Any]:
        """Keywords of `Axes.plot` for points."""
        face = "none" if self.hollow else self.colour
        return {
            "color": self.colour,
            "linestyle": "none",
            "marker": self.marker,
            "markerfacecolor": face,
            "alpha": 0.8,
        }


def new_figure(height: float) -> Figure:
    """An empty figure `WIDTH` x `height` inches in constrained layout, without a window and unknown
    to pyplot: nothing to close.
    """
    return Figure(figsize=(WIDTH, height), layout="constrained")


def save_figure(figure: Figure, stem: str | Path) -> list[Path]:
    """Write stem.png (200 dpi) and stem.svg; equal figures give equal bytes.

    The folder is created. Raises `UsageError` when it cannot be written and `LoopstabError` when
    writing fails; each file is whole or untouched.
    """
    stem = Path(stem)
    if not stem.name:
        raise UsageError(
            f"cannot name figure files after {str(stem)!r}: give a folder and a file name without"
            " ending"
        )
    pictures: dict[str, bytes] = {}
    with mpl.rc_context(RC):
        for kind, metadata in (
            ("png", {"Software": None}),
            ("svg", {"Date": None, "Creator": None}),
        ):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=200, metadata=metadata)
            pictures[kind] = buffer.getvalue()
    folder = output_folder(stem.parent)
    return [write_atomic(folder / f"{stem.name}.{kind}", data) for kind, data in pictures.items()]
