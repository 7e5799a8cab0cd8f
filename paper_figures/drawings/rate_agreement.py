"""Figure of predicted against measured convergence of trained loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .panels import curve_names, empty_panel, shared_legend
from .style import BLACK, DASHED, PALE, Look, new_figure, styled

if TYPE_CHECKING:
    from ...models.measure.comparison import CrossValidation

MARGINS = np.array([0.93, 1.07])
"""The ends of both axes, relative to the least and the greatest value."""


@styled
def crossvalidation_figure(results: Sequence[CrossValidation]) -> Figure:
    """Two panels, a point for each measured fixed point and the diagonal of perfect agreement.

    Top: the contraction read off the residuals of the orbit, against rho of the Jacobian. Bottom:
    the iterations between two tolerances, counted against predicted from rho (X5), with the band
    outside which cross-validation reports a mismatch.
    """
    from ...models.measure.comparison import BAND, COARSE, FINE  # imports torch

    figure = new_figure(6.2)
    top, bottom = axes = figure.subplots(2, 1)
    names = curve_names([r.architecture for r in results])
    looks = [(name, Look.of(r.architecture)) for name, r in zip(names, results, strict=True)]
    rates = [[(c.rho, c.slope_rate) for c in r.convergence] for r in results]
    loops = [[(c.predicted_loops, c.measured_loops) for c in r.convergence] for r in results]
    _agreement(top, rates, looks)
    _agreement(bottom, loops, looks, band=BAND)
    top.set(xlabel="ρ of the Jacobian at the fixed point", ylabel="rate of the residual")
    top.set_title("Contraction per loop")
    bottom.set(xlabel="iterations predicted from ρ", ylabel="iterations counted")
    coarse, fine = (f"$10^{{{np.log10(step):.0f}}}$" for step in (COARSE, FINE))
    bottom.set_title(f"Loops from relative step {coarse} to {fine}")
    shared_legend(figure, axes)
    return figure


def _agreement(
    axis: Axes,
    pairs: list[list[tuple[Any, Any]]],
    looks: list[tuple[str, Look]],
    band: float | None = None,
) -> None:
    """Draw pairs of numbers that should be equal, without those of which one is not known."""
    drawn = []
    for found, (label, look) in zip(pairs, looks, strict=True):
        known = [p for p in found if all(v is not None and np.isfinite(v) for v in p)]
        if known:
            axis.plot(*np.array(known, dtype=float).T, **look.points, label=label)
            drawn += known
    if not drawn:
        empty_panel(axis, "no fixed point was measured")
        return
    ends = MARGINS * (np.min(drawn), np.max(drawn))
    axis.plot(ends, ends, color=BLACK, linestyle=DASHED, linewidth=1.1, label="equal")
    if band is not None:
        label = f"within a factor {band:g}"
        axis.fill_between(ends, ends / band, ends * band, color=PALE, zorder=0, label=label)
    axis.set(xlim=ends, ylim=ends)
