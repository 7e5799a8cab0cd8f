"""Figure of how the limits of trained loops depend on the input, by recall."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...theory.architecture import Architecture, Recall
from .gallery import GalleryFigure
from .measured_lines import MEASURE, MEASURED, shipped_measurements
from .panels import empty_panel
from .style import BLACK, DASHED, NORM_MARKER, SOFT, Look, new_figure, styled

if TYPE_CHECKING:
    from ...models.forecast.measured_line import Measured

FEWEST = 32
"""Settled inputs below which the number of limits says little; such lines are left out."""
SPREAD = 0.36
"""How far from the middle of its recall a point may stand."""


@styled
def limits_figure(lines: Iterable[Measured]) -> Figure:
    """Two panels, a point for each trained checkpoint and level, by recall.

    Top: distinct limits over settled inputs; 1 is a limit of its own for every input. Bottom: the
    median over the measured limits of the norm of S, the derivative of the limit by the embedding
    of the input; where it is exactly 0, the point stands on the lowest line.
    """
    ended = [line for line in lines if line.stage == "end"]
    figure = new_figure(4.3)
    top, bottom = figure.subplots(2, 1, sharex=True)
    many = [line for line in ended if line.input_dependence["settled"] >= FEWEST]
    _points(top, many, lambda line: _share(line.input_dependence))
    top.axhline(1, color=BLACK, linestyle=DASHED, linewidth=0.9)
    top.set_ylabel("distinct limits / inputs")
    if many:
        top.set_ylim(top=1.2)  # there are no more limits than inputs
    top.set_title(f"Distinct limits, at least {FEWEST} settled inputs")
    known = [line for line in ended if sensitivity_of(line) is not None]
    lowest = _points(bottom, known, sensitivity_of)
    bottom.set(ylabel="norm of S")
    bottom.set_title("Sensitivity of the limit to the input")
    differences = differences_without_recall(known)
    if lowest is not None and differences is not None:
        text = f"by differences\nat most {differences:.1g}"
        bottom.annotate(
            text, (0, lowest), (0, 4), textcoords="offset points", ha="center", color=SOFT
        )
    bottom.set_xticks(range(len(Recall)), [_words(recall) for recall in Recall])
    bottom.set_xlim(-0.5, len(Recall) - 0.5)
    bottom.grid(False, axis="x")
    top.grid(False, axis="x")
    norms = {Architecture.parse(line.architecture).norm for line in ended}
    look: dict[str, Any] = {"color": SOFT, "linestyle": "none"}
    figure.legend(
        handles=[
            Line2D([], [], marker=mark, label=f"{norm} norm", **look)
            for norm, mark in NORM_MARKER.items()
            if norm in norms
        ],
        loc="outside lower left",
        ncols=4,
    )
    return figure


def sensitivity_of(line: Measured) -> float | None:
    """The median norm of S at the measured limits; None where there is none."""
    norms = [p["norm"] for p in line.input_dependence["points"] if p["norm"] is not None]
    return float(np.median(norms)) if norms else None


def differences_without_recall(lines: Iterable[Measured]) -> float | None:
    """The largest |change of the limit| / |change of the embedding| without recall."""
    found = [
        p["by_differences"]
        for line in lines
        if Architecture.parse(line.architecture).recall is Recall.NONE
        for p in line.input_dependence["points"]
        if p["by_differences"] is not None
    ]
    return max(found, default=None)


def _share(found: dict[str, Any]) -> float:
    return found["distinct"] / found["settled"]


def _words(recall: Recall) -> str:
    return "no recall" if recall is Recall.NONE else f"{recall} recall"


def _points(
    axis: Axes, lines: Sequence[Measured], value: Callable[[Measured], Any]
) -> float | None:
    """Draw the value of each line on a logarithmic axis; returns where 0 stands, if it occurs."""
    values = np.array([value(line) for line in lines], float)
    if not len(values):
        empty_panel(axis, "nothing was measured")
        return None
    positive = values[values > 0]
    powers = np.floor(np.log10(np.min(positive, initial=1))), np.log10(np.max(positive, initial=1))
    lowest = 10.0 ** (powers[0] - 1)
    recalls = [Architecture.parse(line.architecture).recall for line in lines]
    for place, recall in enumerate(Recall):
        own = [i for i, found in enumerate(recalls) if found is recall]
        own.sort(key=lambda i: (lines[i].task, lines[i].architecture, lines[i].checkpoint))
        for x, i in zip(place + np.linspace(-SPREAD, SPREAD, len(own) + 2)[1:-1], own, strict=True):
            look = {**Look.of(lines[i].architecture).points, "markersize": 2.8}
            axis.plot(x, values[i] if values[i] > 0 else lowest, **look, gid=lines[i].checkpoint)
    zero = bool((values == 0).any())
    ends = (lowest / 2 if zero else min(positive) / 1.5, 2 * 10.0 ** powers[1])
    within = (1, 2, 5) if powers[1] - powers[0] < 2 else (1,)
    decades = range(int(powers[0]), int(np.ceil(powers[1])) + 1)
    ticks = [m * 10.0**k for k in decades for m in within if ends[0] <= m * 10.0**k <= ends[1]]
    axis.set(yscale="log", ylim=ends)
    axis.yaxis.set_major_locator(FixedLocator([lowest] * zero + ticks))
    label = FuncFormatter(lambda y, _: "0" if zero and y == lowest else f"{y:g}")
    axis.yaxis.set_major_formatter(label)
    axis.yaxis.set_minor_locator(NullLocator())
    return lowest if zero else None


FIGURE = GalleryFigure(
    lambda: limits_figure(shipped_measurements()),
    "Limits of the trained loops by recall: how many different ones the inputs have (float32,"
    " apart by more than 1e-3 of their root mean square), and the norm of S (float64).",
    section="Prediction and measurement on trained loops",
    data=(MEASURED,),
    commands=MEASURE,
)
