"""What is drawn over the cells of a phase diagram.

These are level lines of the law, marks of outcomes, and the border of the fixed points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from ...numerics.phase.diagram import TRUSTED, PhaseDiagram, plane
from ...theory.outcome import Outcome
from .style import BLACK, DASHED, HALO, SMALL

LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95)
"""Spectral radii whose level lines are drawn; that of 1 is drawn too, where the law crosses it."""
SENSITIVITIES = (1.1, 1.5, 2.0, 5.0, 20.0)
"""Input sensitivities whose level lines are drawn."""
MESH = 240
"""Points along each axis at which the law is computed for its level lines."""

MARKS = {
    Outcome.NEUTRAL: "v",
    Outcome.CRITICAL: "^",
    Outcome.CYCLE: "o",
    Outcome.APERIODIC: "x",
    Outcome.DRIFT: ">",
    Outcome.GROWTH: "P",
    Outcome.EXPLOSION: "*",
    Outcome.UNDECIDED: "_",
    Outcome.NON_FINITE: "s",
}


def draw_law(
    axis: Axes, diagram: PhaseDiagram, of: str, wanted: Sequence[float] | None = None
) -> list[Line2D]:
    """Draw level lines of the closed form, and the line beyond which it is to be trusted.

    Both are computed from the formulas on a fine mesh. `of` is rho or sensitivity, and `wanted` are
    the levels, by default `LEVELS` and 1, or `SENSITIVITIES`. Returns the entries of the legend.
    """
    if wanted is None:
        wanted = (*LEVELS, 1.0) if of == "rho" else SENSITIVITIES
    u, v = np.meshgrid(*[np.linspace(0, 1, MESH)] * 2)
    plain = plane(diagram.rule, diagram.x, diagram.y, diagram.settings, u, v)
    x, y = diagram.x.at(u), diagram.y.at(v)
    law = diagram.rule.closed_form(plain)
    predicted, trust = law.rho if of == "rho" else law.sensitivity, law.trust
    handles = _draw_levels(axis, x, y, predicted, of, wanted)
    if _crosses(trust, TRUSTED):
        look: dict[str, Any] = {"linewidths": 1.6, "linestyles": [DASHED]}
        lines = axis.contour(x, y, trust, levels=[TRUSTED], colors=BLACK, **look)
        lines.set(path_effects=HALO, gid="trusted")
        text = "border of where d is large enough for the law"
        handles.append(Line2D([], [], color=BLACK, linestyle=DASHED, linewidth=1.6, label=text))
    return handles


def _draw_levels(
    axis: Axes,
    x: np.ndarray,
    y: np.ndarray,
    predicted: np.ndarray,
    of: str,
    wanted: Sequence[float],
) -> list[Line2D]:
    """Draw the level lines that cross the diagram; say so if the law is the same everywhere."""
    of_rho = of == "rho"
    levels = [level for level in wanted if _crosses(predicted, level)]
    if not levels:
        least, most = np.nanmin(predicted, initial=np.inf), np.nanmax(predicted, initial=-np.inf)
        if of_rho or least != most:
            return []
        return [Line2D([], [], linestyle="none", label=f"the law says {least:g} everywhere")]
    # contours interpolate linearly; the sensitivity diverges at the threshold, its inverse does not
    values = predicted if of_rho else 1 / predicted
    drawn = levels if of_rho else [1 / level for level in reversed(levels)]
    widths = [2.2 if level == 1 else 1.2 for level in levels]
    lines = axis.contour(x, y, values, levels=drawn, colors=BLACK, linewidths=widths)
    lines.set(path_effects=HALO, gid="levels")
    corners: list[Any] = [path.vertices for path in lines.get_paths()]
    # labels of neighbouring lines are placed at different heights
    places = [
        line[int(len(line) * (0.4 + 0.2 * (i % 2)))] for i, line in enumerate(corners) if len(line)
    ]
    words = {level: f"{level if of_rho else 1 / level:g}" for level in drawn}
    axis.clabel(lines, fmt=words, fontsize=SMALL, inline_spacing=2, manual=places)
    thick = " (thick: 1)" if 1.0 in levels else ""
    text = f"level lines of the law's {'ρ' if of_rho else 'sensitivity'}{thick}"
    return [Line2D([], [], color=BLACK, linewidth=1.2, label=text)]


def _crosses(values: np.ndarray, level: float) -> bool:
    """Whether a level lies strictly between the least and the greatest finite value."""
    finite = values[np.isfinite(values)]
    return bool(len(finite)) and finite.min() < level < finite.max()


def centres(diagram: PhaseDiagram) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the centre of every cell."""
    u, v = diagram.cells.shares()
    return diagram.x.at(u), diagram.y.at(v)


def draw_marks(axis: Axes, diagram: PhaseDiagram) -> list[Any]:
    """Mark the cells whose orbits do not reach a fixed point.

    Returns the entries of the legend, which count the cells.
    """
    x, y = centres(diagram)
    counts = Counter(diagram.outcome.tolist())
    handles = []
    for outcome, mark in MARKS.items():
        here = diagram.outcome == str(outcome)
        if here.any():
            look: dict[str, Any] = {"color": BLACK, "marker": mark, "linestyle": "none"}
            look |= {"markerfacecolor": "none", "markersize": 3.6}
            axis.plot(x[here], y[here], **look, markeredgewidth=0.9, gid=f"outcome-{outcome}")
            label = f"{outcome} ({counts[str(outcome)]} cells)"
            handles.append(Line2D([], [], **look, label=label))
    reached, cells = counts[str(Outcome.FIXED_POINT)], len(diagram.cells)
    fixed = f"no mark: fixed point ({reached} of {cells} cells)"
    return [*handles, Line2D([], [], linestyle="none", label=fixed)]


def draw_border(axis: Axes, diagram: PhaseDiagram) -> list[Any]:
    """Draw the sides between cells whose orbits mostly reach a fixed point and other cells.

    Returns the entry of the legend.
    """
    index = diagram.cells.raster()
    fixed = (diagram.outcome == str(Outcome.FIXED_POINT))[index]
    rows, cols = index.shape
    sides = [((j + 1, i), (j + 1, i + 1)) for i, j in np.argwhere(fixed[:, 1:] != fixed[:, :-1])]
    sides += [((j, i + 1), (j + 1, i + 1)) for i, j in np.argwhere(fixed[1:] != fixed[:-1])]
    if not sides:
        return []
    ends = np.array(sides, float)
    x, y = diagram.x.at(ends[..., 0] / cols), diagram.y.at(ends[..., 1] / rows)
    lines = list(np.stack((x, y), axis=-1))
    border = LineCollection(lines, colors="white", linewidths=1.4, gid="border")
    axis.add_collection(border, autolim=False)
    share = (diagram.outcome == str(Outcome.FIXED_POINT)).mean()
    label = f"white: border of the cells that reach a fixed point ({share:.0%})"
    return [Line2D([], [], color="#9aa3ab", linewidth=1.4, label=label)]
