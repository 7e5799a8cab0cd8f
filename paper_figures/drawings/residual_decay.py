"""Figure of the relative step of trained loops against the iterations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from ...numerics.formulas import numeric
from .panels import curve_names, shared_legend
from .style import BLACK, DASHED, PALE, SMALL, SOFT, Look, new_figure, styled

if TYPE_CHECKING:
    from ...models.measure.comparison import CrossValidation

LEAST = 1e-17
"""The lower end of the axis, below the resolution of float64."""
EMPTY_LENGTH = 100
"""Iterations that the axis shows when there is no curve."""


@styled
def residual_figure(results: Sequence[CrossValidation]) -> Figure:
    """Median relative step of each checkpoint, and the line 1/t of a steady drift.

    The line is the formula drift_relative_step. A step of exactly 0 (no bit of the state changes
    any more) has no place on a logarithmic axis, so the curve has a gap there.
    """
    figure = new_figure(3.5 + 0.1 * (len(results) + 1))  # the legend has two entries a row
    axis = figure.add_subplot()
    longest = max((len(r.residual_curve) for r in results), default=EMPTY_LENGTH)
    names = curve_names([r.architecture for r in results])
    for label, r in zip(names, results, strict=True):
        curve = np.array(r.residual_curve, dtype=float)
        drawn = np.where(np.isfinite(curve) & (curve > 0), curve, np.nan)
        look = Look.of(r.architecture).line
        axis.plot(np.arange(1, len(curve) + 1), drawn, **look, label=label)
    t = np.arange(1, longest + 1)
    drift: dict[str, Any] = {"color": BLACK, "linestyle": DASHED, "linewidth": 1.1}
    axis.plot(t, numeric("drift_relative_step")(t), **drift, label="1/t (drift)")
    axis.axhspan(LEAST, np.finfo(float).eps, color=PALE, zorder=0)
    axis.set(yscale="log", xlim=(0, longest + 1), xlabel="iteration t", ylabel="relative step")
    axis.set_title("Straight fall: fixed point.  1/t: drift")
    axis.set_ylim(bottom=LEAST)
    corner: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "ha": "right",
        "va": "bottom",
    }
    axis.annotate("below float64 resolution", (1, 0), (-3, 3), **corner, color=SOFT, fontsize=SMALL)
    shared_legend(figure, [axis])
    return figure
