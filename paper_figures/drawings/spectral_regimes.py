"""Figure of the spectral regimes of the mean-field laws: measured radius, law and disagreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .gallery import GalleryFigure
from .phase_maps import SIGNED
from .phase_overlays import draw_border, draw_law
from .phase_panel import SYMBOLS, MapPanel
from .record_files import FOLDER
from .style import MISSING, REGIME_COLOUR, new_figure, styled

if TYPE_CHECKING:
    from ...numerics.phase.diagram import PhaseDiagram

DATA = ("phase_linear_0/phase.npz", "phase_linear_1/phase.npz", "phase_tanh_1/phase.npz")
"""The files of the diagrams among the data of the package."""
LEVELS = (0.5, 0.8, 0.95, 1.0)
"""Spectral radii whose level lines are drawn."""
REACH = 0.1
"""The end of the scale of measured minus law; larger differences have the colour of the end."""
SIDE = 1.45
"""Height in inches of a row of panels."""


@styled
def regimes_figure(diagrams: Sequence[PhaseDiagram]) -> Figure:
    """A row for each diagram: the measured spectral radius, and how far it is from the law.

    Left: rho at the fixed point as colour, one colour for rho > 1, with level lines of the law, the
    dashed border of where the width is large enough for the law, and the white border of the cells
    whose orbits reach a fixed point. Right: rho minus the law. There must be at least one diagram.
    """
    figure = new_figure(SIDE * len(diagrams) + 1.5)
    axes = figure.subplots(len(diagrams), 2, sharex=True, sharey=True, squeeze=False)
    warm = REGIME_COLOUR["expansive"]
    colours = mpl.colormaps["cividis"].with_extremes(over=warm, bad=MISSING)
    signed, norm = mpl.colormaps[SIGNED].with_extremes(bad=MISSING), TwoSlopeNorm(0, -REACH, REACH)
    entries: dict[str, Any] = {}
    cells: list[Any] = []
    for (left, right), diagram in zip(axes, diagrams, strict=True):
        panel = MapPanel(diagram, _words(diagram), left)
        other = MapPanel(diagram, "measured − law", right)
        cells = [
            panel.cells(diagram.rho, colours, Normalize(0, 1)),
            other.cells(diagram.disagreement, signed, norm),
        ]
        lines = [*draw_law(left, diagram, "rho", LEVELS), *draw_border(left, diagram)]
        draw_law(right, diagram, "rho", ())
        entries |= {handle.get_label().split(" (")[0]: handle for handle in lines}
        right.set_ylabel("")
    for axis in axes[:-1].ravel():
        axis.set_xlabel("")
    labels = ("ρ at the fixed point\n(red: ρ > 1)", "ρ − ρ of the law")
    for column, (shown, label, extend) in enumerate(
        zip(cells, labels, ("max", "both"), strict=True)
    ):
        bar: dict[str, Any] = {"location": "bottom", "aspect": 18, "extend": extend}
        ticks = (0, 0.5, 1) if column == 0 else (-REACH, 0, REACH)
        figure.colorbar(shown, ax=axes[:, column], ticks=ticks, **bar).set_label(label)
    if any(np.isnan(diagram.rho).any() for diagram in diagrams):
        entries["no fixed point found"] = Patch(color=MISSING)
    figure.legend(list(entries.values()), list(entries), loc="outside lower left")
    return figure


def shipped_diagrams() -> list[PhaseDiagram]:
    """The diagrams among the data of the package."""
    from ...numerics.phase.diagram import PhaseDiagram

    return [PhaseDiagram.load((FOLDER / name).parent) for name in DATA]


def _words(diagram: PhaseDiagram) -> str:
    """The law and its residual strength."""
    return f"{diagram.law}, {SYMBOLS['residual']} = {diagram.settings['residual']:g}"


FIGURE = GalleryFigure(
    lambda: regimes_figure(shipped_diagrams()),
    "Spectral regimes of N(a h + A φ(h) + β e), d = 128, medians of 5 draws, and the laws N6"
    " (linear) and N7 (tanh of slope 2). Right of the dashed lines every orbit reaches a"
    " fixed point, and ρ is within 0.06 of the law. In 314 of the 316 cells with ρ > 1, and in 153"
    " with ρ < 1, most orbits reach none.",
    section="The mean-field law",
    data=DATA,
    commands=tuple(
        f"loopstab phase --law {law} --set {settings} width=128 --draws 5 --grid 24x24 --seed 0"
        " --out FOLDER"
        for law, settings in (
            ("linear", "residual=0"),
            ("linear", "residual=1"),
            ("tanh", "residual=1 slope=2"),
        )
    ),
)
