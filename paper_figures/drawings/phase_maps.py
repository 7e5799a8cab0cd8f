"""The maps of a phase diagram: its cells in colour, and the closed forms of `theory` as lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap, LogNorm, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...numerics.phase.diagram import PhaseDiagram
from ...theory.outcome import Outcome
from .phase_overlays import centres, draw_border, draw_marks
from .phase_panel import MapPanel
from .style import BLACK, MISSING, OUTCOME_COLOUR, REGIME_COLOUR, SOFT, styled

CROWDED = 900
"""Number of cells above which marks would hide the colours; their border is drawn instead."""
SHOWN_SHARE = 0.98
"""Share of the cells whose values lie within a scale around zero; the others are clipped."""
SIGNED = "plasma"
"""The colours of quantities with a sign: from dark for the least to light for the greatest, so that
the sign can be told in grey.
"""
LEAST_REACH = {"sensitivity": 0.5, "disagreement": 0.05}
"""The least range of such a scale, so that noise does not fill it."""


@styled
def phase_figure(diagram: PhaseDiagram) -> Figure:
    """Measured rho as colour, with outcomes other than a fixed point, and the law as lines.

    Outcomes are marks or, where cells are many, the border of the fixed points. Solid lines are
    level lines of the closed form. The dashed line is finite-width scaling variable 3, beyond which
    the width is large enough for the law. Colours describe the fixed point; marks describe the
    orbit, which may go elsewhere.
    """
    panel = MapPanel(diagram, "Spectral radius at the fixed point")
    colours = mpl.colormaps["cividis"].with_extremes(over=REGIME_COLOUR["expansive"], bad=MISSING)
    label = "measured ρ at the fixed point (red: ρ > 1)"
    panel.scaled_cells(diagram.rho, colours, Normalize(0, 1), label, extend="max")
    draw = draw_marks if len(diagram.cells) <= CROWDED else draw_border
    return panel.finish(draw(panel.axis, diagram), np.isnan(diagram.rho))


@styled
def outcome_figure(diagram: PhaseDiagram) -> Figure:
    """The outcome of most draws of each cell, and the law as lines."""
    panel = MapPanel(diagram, "Outcome of the orbits")
    known = [o for o in Outcome if (diagram.outcome == str(o)).any()]
    index = np.array([[str(o) for o in known].index(o) for o in diagram.outcome], float)
    colours = ListedColormap([OUTCOME_COLOUR[o] for o in known])
    panel.cells(index, colours, Normalize(-0.5, len(known) - 0.5))
    counts = Counter(diagram.outcome.tolist())
    return panel.finish(
        [Patch(color=OUTCOME_COLOUR[o], label=f"{o} ({counts[str(o)]} cells)") for o in known]
    )


@styled
def iterations_figure(diagram: PhaseDiagram) -> Figure:
    """Median number of iterations until the relative step stays below 1e-8.

    Only the draws that reach a fixed point count.
    """
    panel = MapPanel(diagram, "Iterations to the fixed point")
    values, colours = diagram.iterations, _colours("viridis")
    panel.scaled_cells(values, colours, _log_norm(values), "iterations to a relative step of 1e-8")
    return panel.finish([], np.isnan(values), "no orbit arrives")


@styled
def sensitivity_figure(diagram: PhaseDiagram) -> Figure:
    """Median input sensitivity at the fixed point, with level lines of its law.

    A sensitivity of 0 (no recall) has a colour of its own.
    """
    panel = MapPanel(diagram, "Sensitivity of the fixed point to the input")
    values = diagram.sensitivity
    reach = _reach(np.log10(values[values > 0]), LEAST_REACH["sensitivity"])
    with np.errstate(divide="ignore"):
        logs = np.clip(np.log10(values), -reach, reach)
    logs[values == 0] = -2 * reach  # below the scale
    colours = _colours(SIGNED).with_extremes(bad=MISSING, under="white")
    label = f"{diagram.rule.sensitivity}, median of the draws (log10, clipped)"
    panel.scaled_cells(logs, colours, TwoSlopeNorm(0, -reach, reach), label)
    zero = int((values == 0).sum())
    text = f"0: the fixed point does not depend on the input ({zero} cells)"
    handles = [Patch(facecolor="white", edgecolor=SOFT, label=text)] if zero else []
    return panel.finish(handles, np.isnan(values), of="sensitivity")


@styled
def disagreement_figure(diagram: PhaseDiagram) -> Figure:
    """rho - theory as colour, and crosses in cells where most orbits go against the law."""
    panel = MapPanel(diagram, "Spectral radius: measured minus law")
    values = diagram.disagreement
    reach = _reach(values, LEAST_REACH["disagreement"])
    norm, label = TwoSlopeNorm(0, -reach, reach), "measured ρ minus ρ of the law"
    panel.scaled_cells(values, _colours(SIGNED), norm, label, extend="both")
    handles = []
    wrong = diagram.contradicted > 0.5
    if wrong.any():
        x, y = centres(diagram)
        look: dict[str, Any] = {"color": BLACK, "marker": "x", "linestyle": "none"}
        look |= {"markersize": 3, "markeredgewidth": 0.8}
        panel.axis.plot(x[wrong], y[wrong], **look, gid="contradicted")
        text = f"most orbits go against the law ({int(wrong.sum())} cells)"
        handles.append(Line2D([], [], **look, label=text))
    closed = np.isfinite(diagram.rho_theory).all()
    why = "no fixed point found" if closed else "no fixed point found, or no closed form"
    return panel.finish(handles, np.isnan(values), why)


MAPS: dict[str, Callable[[PhaseDiagram], Figure]] = {
    "phase": phase_figure,
    "phase-outcome": outcome_figure,
    "phase-iterations": iterations_figure,
    "phase-sensitivity": sensitivity_figure,
    "phase-disagreement": disagreement_figure,
}
"""Every map of a diagram, by the stem of its file."""


def maps_of(diagram: PhaseDiagram) -> dict[str, Callable[[PhaseDiagram], Figure]]:
    """The maps that have something to show: without a closed form there is no disagreement."""
    maps = dict(MAPS)
    if not np.isfinite(diagram.rho_theory).any():
        del maps["phase-disagreement"]
    return maps


def _reach(values: np.ndarray, least: float) -> float:
    """The end of a scale around zero that shows most of the values."""
    sizes = np.abs(values[np.isfinite(values)])
    return max(least, float(np.quantile(sizes, SHOWN_SHARE)) if len(sizes) else 0)


def _colours(name: str) -> Any:
    return mpl.colormaps[name].with_extremes(bad=MISSING)


def _log_norm(values: np.ndarray) -> Normalize:
    """A logarithmic scale over the positive values; from 1 to 10 if there are none."""
    finite = values[np.isfinite(values) & (values > 0)]
    if not len(finite):
        return LogNorm(1, 10)
    low, high = float(finite.min()), float(finite.max())
    return LogNorm(low, max(high, 1.001 * low))
