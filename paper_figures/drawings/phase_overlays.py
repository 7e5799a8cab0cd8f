"""What is drawn over the cells of a phase diagram: level lines of the law, marks of outcomes, the
border of the fixed points.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from ...numerics.phase.diagram import TRUSTED, PhaseDiagram, plane
from ...numerics.phase.laws.registry import law_named
from ...theory.outcome import Outcome
from .loops import HALO
from .style import BLACK, DASHED

LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95)
"""spectral radii whose level lines are drawn; 1 besides where the law crosses it"""
SENSITIVITIES = (1.1, 1.5, 2.0, 5.0, 20.0)
"""input sensitivities whose level lines are drawn"""
MESH = 240
"""points along each axis from which level lines are drawn"""

MARKS = {
    Outcome.CRITICAL: "^",
    Outcome.CYCLE: "o",
    Outcome.APERIODIC: "x",
    Outcome.DRIFT: ">",
    Outcome.GROWTH: "P",
    Outcome.EXPLOSION: "*",
    Outcome.UNDECIDED: "_",
    Outcome.NON_FINITE: "s",
}


def draw_law(axis: Axes, diagram: PhaseDiagram, of: str) -> list[Line2D]:
    """Level lines of the closed form and the line from which it is to be trusted, drawn from the
    formulas on a fine mesh.
    """
    law = law_named(diagram.law)
    u, v = np.meshgrid(*[np.linspace(0, 1, MESH)] * 2)
    plain = plane(law, diagram.x, diagram.y, diagram.settings, u, v)
    x, y = diagram.x.at(u), diagram.y.at(v)
    predicted, trust = (
        (law.theory(plain) if of == "rho" else law.sensitivity_theory(plain)),
        np.asarray(law.trust(plain), float),
    )
    handles = []
    levels = [
        level
        for level in ((*LEVELS, 1.0) if of == "rho" else SENSITIVITIES)
        if _crosses(predicted, level)
    ]
    if levels:
        widths = [2.2 if level == 1 else 1.2 for level in levels]
        # contours interpolate linearly: the sensitivity diverges at the threshold, its inverse does
        # not
        values, drawn = (
            (predicted, levels)
            if of == "rho"
            else (1 / predicted, [1 / level for level in reversed(levels)])
        )
        lines = axis.contour(x, y, values, levels=drawn, colors=BLACK, linewidths=widths)
        lines.set(path_effects=HALO, gid="levels")
        corners: list[Any] = [path.vertices for path in lines.get_paths()]
        middles = [
            line[int(len(line) * (0.4 + 0.2 * (i % 2)))]
            for i, line in enumerate(corners)
            if len(line)
        ]  # neighbours stand apart
        words = {level: f"{level if of == 'rho' else 1 / level:g}" for level in drawn}
        axis.clabel(lines, fmt=words, fontsize=9.5, inline_spacing=2, manual=middles)
        thick = " (thick: 1)" if 1.0 in levels else ""
        named = "ρ" if of == "rho" else "sensitivity"
        handles.append(
            Line2D(
                [], [], color=BLACK, linewidth=1.2, label=f"level lines of the law's {named}{thick}"
            )
        )
    elif of != "rho" and np.nanmin(predicted, initial=np.inf) == np.nanmax(
        predicted, initial=-np.inf
    ):
        handles.append(
            Line2D(
                [], [], linestyle="none", label=f"the law says {np.nanmin(predicted):g} everywhere"
            )
        )
    if _crosses(trust, TRUSTED):
        lines = axis.contour(
            x, y, trust, levels=[TRUSTED], colors=BLACK, linewidths=1.6, linestyles=[DASHED]
        )
        lines.set(path_effects=HALO, gid="trusted")
        text = f"scaling variable {TRUSTED:g}: beyond it d is large enough for the law"
        handles.append(Line2D([], [], color=BLACK, linestyle=DASHED, linewidth=1.6, label=text))
    return handles


def _crosses(values: np.ndarray, level: float) -> bool:
    finite = values[np.isfinite(values)]
    return bool(len(finite)) and finite.min() < level < finite.max()


def centres(diagram: PhaseDiagram) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the middle of every cell."""
    u, v = diagram.cells.shares()
    return diagram.x.at(u), diagram.y.at(v)


def draw_marks(axis: Axes, diagram: PhaseDiagram) -> list[Any]:
    """Mark the cells whose orbits did not reach a fixed point; the legend says how many there
    are.
    """
    x, y = centres(diagram)
    counts = Counter(diagram.outcome.tolist())
    handles = []
    for outcome, mark in MARKS.items():
        here = diagram.outcome == str(outcome)
        if here.any():
            look: dict[str, Any] = {
                "color": BLACK,
                "marker": mark,
                "linestyle": "none",
                "markerfacecolor": "none",
                "markersize": 3.6,
            }
            axis.plot(x[here], y[here], **look, markeredgewidth=0.9, gid=f"outcome-{outcome}")
            handles.append(
                Line2D([], [], **look, label=f"{outcome} ({counts[str(outcome)]} cells)")
            )
    fixed = (
        f"no mark: fixed point ({counts[str(Outcome.FIXED_POINT)]} of {len(diagram.cells)} cells)"
    )
    return [*handles, Line2D([], [], linestyle="none", label=fixed)]


def draw_border(axis: Axes, diagram: PhaseDiagram) -> list[Any]:
    """The sides between cells whose orbits mostly reach a fixed point and others."""
    index = diagram.cells.raster()
    fixed = (diagram.outcome == str(Outcome.FIXED_POINT))[index]
    rows, cols = index.shape
    sides = [((j + 1, i), (j + 1, i + 1)) for i, j in np.argwhere(fixed[:, 1:] != fixed[:, :-1])]
    sides += [((j, i + 1), (j + 1, i + 1)) for i, j in np.argwhere(fixed[1:] != fixed[:-1])]
    if not sides:
        return []
    ends = np.array(sides, float)
    lines = np.stack(
        (diagram.x.at(ends[..., 0] / cols), diagram.y.at(ends[..., 1] / rows)), axis=-1
    )
    axis.add_collection(
        LineCollection(list(lines), colors="white", linewidths=1.4, gid="border"), autolim=False
    )
    share = (diagram.outcome == str(Outcome.FIXED_POINT)).mean()
    return [
        Line2D(
            [],
            [],
            color="#9aa3ab",
            linewidth=1.4,
            label=f"white: border of the cells that reach a fixed point ({share:.0%})",
        )
    ]
