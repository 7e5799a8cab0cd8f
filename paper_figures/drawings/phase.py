"""Figures of phase diagrams: cells of several sizes in colour, closed forms from `theory` as lines
over them.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap, LogNorm, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ...numerics.phase.diagram import PhaseDiagram
from ...numerics.phase.laws.registry import law_named
from ...theory.outcome import Outcome
from .loops import plain_ticks, styled
from .phase_overlays import centres, draw_border, draw_law, draw_marks
from .style import BLACK, BLUE, MISSING, ORANGE, VERMILLION, new_figure

CROWDED = 900
"""cells from which marks would hide the colours: the border of the outcomes is drawn instead"""
TITLE = 60
"""characters in a line of a title"""

COLOURS = {
    Outcome.FIXED_POINT: BLUE,
    Outcome.CRITICAL: "#56B4E9",
    Outcome.CYCLE: "#009E73",
    Outcome.APERIODIC: ORANGE,
    Outcome.DRIFT: "#F0E442",
    Outcome.GROWTH: "#CC79A7",
    Outcome.EXPLOSION: VERMILLION,
    Outcome.UNDECIDED: "#8c959f",
    Outcome.NON_FINITE: BLACK,
}
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
COUNTED = ("width", "tokens", "heads")
"""settings that are written as a word with a number"""
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


@styled
def phase_figure(diagram: PhaseDiagram) -> Figure:
    """Measured rho (colour), outcomes other than a fixed point (marks, or their border where cells
    are many), the law on top (lines).

    Solid: level lines of the closed form. Dashed: finite-width scaling variable 3, beyond which the
    width is large enough for it. Colours belong to the fixed point, marks to the orbit, which may
    go elsewhere.
    """
    figure, axis = _panel(diagram)
    colours = mpl.colormaps["cividis"].with_extremes(over=VERMILLION, bad=MISSING)
    _cells(
        figure,
        axis,
        diagram,
        diagram.rho,
        colours,
        Normalize(0, 1),
        "measured ρ at the fixed point (red: ρ > 1)",
        extend="max",
    )
    handles = (
        draw_marks(axis, diagram) if len(diagram.cells) <= CROWDED else draw_border(axis, diagram)
    )
    return _finish(figure, axis, diagram, handles, np.isnan(diagram.rho))


@styled
def outcome_figure(diagram: PhaseDiagram) -> Figure:
    """What the orbits do, most frequent of the draws, with the law on top."""
    figure, axis = _panel(diagram)
    known = [o for o in Outcome if (diagram.outcome == str(o)).any()]
    index = np.array([[str(o) for o in known].index(o) for o in diagram.outcome], float)
    _collection(
        axis,
        diagram,
        index,
        ListedColormap([COLOURS[o] for o in known]),
        Normalize(-0.5, len(known) - 0.5),
    )
    counts = Counter(diagram.outcome.tolist())
    handles = [Patch(color=COLOURS[o], label=f"{o} ({counts[str(o)]} cells)") for o in known]
    return _finish(figure, axis, diagram, handles, None)


@styled
def iterations_figure(diagram: PhaseDiagram) -> Figure:
    """Median number of loops until the relative step stays below 1e-8, over the draws that reach a
    fixed point.
    """
    figure, axis = _panel(diagram)
    _cells(
        figure,
        axis,
        diagram,
        diagram.iterations,
        _colours("viridis"),
        _log_norm(diagram.iterations),
        "loops to a relative step of 1e-8",
    )
    return _finish(figure, axis, diagram, [], np.isnan(diagram.iterations), "no orbit arrives")


@styled
def sensitivity_figure(diagram: PhaseDiagram) -> Figure:
    """Median input sensitivity at the fixed point, with the level lines of its law. 0 (no recall)
    has a colour of its own.
    """
    figure, axis = _panel(diagram)
    values, label = (
        diagram.sensitivity,
        f"{law_named(diagram.law).sensitivity}, median of the draws (log10, clipped)",
    )
    sizes = np.abs(np.log10(values[np.isfinite(values) & (values > 0)]))
    reach = max(0.5, float(np.quantile(sizes, 0.98)) if len(sizes) else 0)
    norm = TwoSlopeNorm(0, -reach, reach)
    with np.errstate(divide="ignore"):
        logs = np.where(
            values > 0,
            np.clip(np.log10(values), -reach, reach),
            np.where(values == 0, -2 * reach, np.nan),
        )
    _cells(
        figure,
        axis,
        diagram,
        logs,
        _colours("RdBu_r").with_extremes(bad=MISSING, under=BLACK),
        norm,
        label,
    )
    zero = int((values == 0).sum())
    handles = (
        [
            Patch(
                color=BLACK, label=f"0: the fixed point does not depend on the input ({zero} cells)"
            )
        ]
        if zero
        else []
    )
    return _finish(figure, axis, diagram, handles, np.isnan(values), of="sensitivity")


@styled
def disagreement_figure(diagram: PhaseDiagram) -> Figure:
    """rho - theory (colour), and the cells where most orbits go against the law (crosses)."""
    figure, axis = _panel(diagram)
    values = diagram.disagreement
    reach = max(
        0.05,
        (
            float(np.quantile(np.abs(values[np.isfinite(values)]), 0.98))
            if np.isfinite(values).any()
            else 0
        ),
    )
    label = "measured ρ minus ρ of the law"
    _cells(
        figure,
        axis,
        diagram,
        values,
        _colours("RdBu_r"),
        TwoSlopeNorm(0, -reach, reach),
        label,
        extend="both",
    )
    wrong = diagram.contradicted > 0.5
    handles = []
    if wrong.any():
        x, y = centres(diagram)
        look: dict[str, Any] = {
            "color": BLACK,
            "marker": "x",
            "linestyle": "none",
            "markersize": 3,
            "markeredgewidth": 0.8,
        }
        axis.plot(x[wrong], y[wrong], **look, gid="contradicted")
        handles.append(
            Line2D(
                [], [], **look, label=f"most orbits go against the law ({int(wrong.sum())} cells)"
            )
        )
    why = (
        "no fixed point found"
        if np.isfinite(diagram.rho_theory).all()
        else "no fixed point found, or no closed form"
    )
    return _finish(figure, axis, diagram, handles, np.isnan(values), why)


MAPS: dict[str, Callable[[PhaseDiagram], Figure]] = {
    "phase": phase_figure,
    "phase-outcome": outcome_figure,
    "phase-iterations": iterations_figure,
    "phase-sensitivity": sensitivity_figure,
    "phase-disagreement": disagreement_figure,
}
"""every map of a diagram, by the stem of its file"""


def maps_of(diagram: PhaseDiagram) -> dict[str, Callable[[PhaseDiagram], Figure]]:
    """The maps that have something to show: without a closed form there is no disagreement with
    it.
    """
    return {
        stem: draw
        for stem, draw in MAPS.items()
        if stem != "phase-disagreement" or np.isfinite(diagram.rho_theory).any()
    }


def _panel(diagram: PhaseDiagram) -> tuple[Figure, Axes]:
    figure = new_figure(6.3)
    axis = figure.add_subplot()
    law, settings = law_named(diagram.law), diagram.settings
    said = [
        f"{k} {v:g}" if k in COUNTED else f"{SYMBOLS.get(k, k)} = {v:g}"
        for k, v in settings.items()
        if k != "sub_blocks"
    ]
    title = f"{law.title}, {', '.join(said)}" if said else law.title
    whole = title.replace(" ", "\u00a0").replace(
        ",\u00a0", ", "
    )  # lines break between settings only
    axis.set_title("\n".join(textwrap.wrap(whole, TITLE)).replace("\u00a0", " "))
    for along, line in ((diagram.x, axis.xaxis), (diagram.y, axis.yaxis)):
        name = line.axis_name
        axis.set(
            **{
                f"{name}scale": "log" if along.log else "linear",
                f"{name}lim": (along.low, along.high),
            }
        )
        line.set_label_text(WORDS.get(along.name, along.name))
        if along.log:
            plain_ticks(line, (along.low, along.high))
        elif law.parameters[along.name].integer:
            line.set_major_locator(MaxNLocator(integer=True))
    axis.grid(False)
    return figure, axis


def _collection(
    axis: Axes, diagram: PhaseDiagram, values: np.ndarray, colours: Any, norm: Normalize
) -> PolyCollection:
    (u0, v0), (u1, v1) = diagram.cells.shares(0.0), diagram.cells.shares(1.0)
    x0, x1, y0, y1 = diagram.x.at(u0), diagram.x.at(u1), diagram.y.at(v0), diagram.y.at(v1)
    corners = np.stack(
        (np.stack((x0, x1, x1, x0), axis=1), np.stack((y0, y0, y1, y1), axis=1)), axis=2
    )
    masked = np.ma.masked_invalid(values)
    cells = PolyCollection(
        list(corners),
        array=masked,
        cmap=colours,
        norm=norm,
        edgecolors="face",
        linewidths=0.2,
        rasterized=True,
    )
    axis.add_collection(cells, autolim=False)
    return cells


def _cells(
    figure: Figure,
    axis: Axes,
    diagram: PhaseDiagram,
    values: np.ndarray,
    colours: Any,
    norm: Normalize,
    label: str,
    extend: Any = "neither",
) -> None:
    cells = _collection(axis, diagram, values, colours, norm)
    if not (values >= (norm.vmin or 0)).any():
        return  # a scale of nothing
    bar = figure.colorbar(cells, ax=axis, location="bottom", extend=extend, aspect=32, shrink=0.92)
    bar.set_label(label)
    if isinstance(norm, LogNorm):
        plain_ticks(bar.ax.xaxis, (float(norm.vmin or 1), float(norm.vmax or 1)))


def _finish(
    figure: Figure,
    axis: Axes,
    diagram: PhaseDiagram,
    handles: list[Any],
    missing: np.ndarray | None,
    why: str = "no fixed point found",
    of: str = "rho",
) -> Figure:
    """Add the law of rho or of the sensitivity, and the legend."""
    handles = [*handles, *draw_law(axis, diagram, of)]
    if missing is not None and missing.any():
        handles.append(Patch(color=MISSING, label=f"{why} ({int(missing.sum())} cells)"))
    if handles:
        figure.legend(handles=handles, loc="outside lower left", handlelength=2.4)
    return figure


def _colours(name: str) -> Any:
    return mpl.colormaps[name].with_extremes(bad=MISSING)


def _log_norm(values: np.ndarray) -> Normalize:
    finite = values[np.isfinite(values) & (values > 0)]
    return (
        LogNorm(float(finite.min()), max(float(finite.max()), 1.001 * float(finite.min())))
        if len(finite)
        else LogNorm(1, 10)
    )
