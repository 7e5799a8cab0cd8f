"""Figure of predicted against measured convergence of trained loops."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...numerics.orbits.counted_steps import BAND, COARSE, FINE
from .gallery import GalleryFigure
from .measured_lines import MEASURE, MEASURED, shipped_measurements
from .panels import curve_names, empty_panel, shared_legend
from .style import BLACK, DASHED, PALE, Look, new_figure, styled

if TYPE_CHECKING:
    from ...models.forecast.measured_line import Measured
    from ...models.measure.comparison import CrossValidation

MARGIN = 1.15
"""Factor by which both axes reach beyond the least and the greatest value."""


class Pace(NamedTuple):
    """How fast an orbit comes to its fixed point; None where that is not known.

    Attributes:
        rho: spectral radius of the Jacobian there.
        rate: factor per iteration that was fitted to the steps.
        predicted: iterations from the step `COARSE` to `FINE` by rho (X5).
        counted: the same, counted.
    """

    rho: float | None
    rate: float | None
    predicted: float | None
    counted: float | None


@styled
def agreement_figure(paces: Mapping[str, Sequence[Pace]], looks: Mapping[str, Look]) -> Figure:
    """Two panels, a point for each measured fixed point and the diagonal of perfect agreement.

    Top: 1 - rate against 1 - rho, both on logarithmic axes, so that slow loops are not crowded in
    a corner; what is not below 1 is left out. Bottom: the iterations between two steps, counted
    against predicted from rho (X5), with the band outside which cross-validation reports a
    mismatch, and the share of the points inside. `paces` and `looks` have an entry for each label.
    """
    figure = new_figure(4.6)
    top, bottom = axes = figure.subplots(2, 1)
    gaps = {k: [(_gap(p.rho), _gap(p.rate)) for p in found] for k, found in paces.items()}
    loops = {k: [(p.predicted, p.counted) for p in found] for k, found in paces.items()}
    _agreement(top, gaps, looks)
    known = _agreement(bottom, loops, looks, band=BAND)
    top.set(xlabel="1 − ρ of the Jacobian at the fixed point", ylabel="1 − rate of the steps")
    top.set_title("Contraction per iteration")
    bottom.set(xlabel="iterations predicted from ρ", ylabel="iterations counted")
    coarse, fine = (f"$10^{{{np.log10(step):.0f}}}$" for step in (COARSE, FINE))
    inside = sum(1 / BAND <= counted / predicted <= BAND for predicted, counted in known)
    share = f": {inside} of {len(known)} in the band" if known else ""
    bottom.set_title(f"From step {coarse} to {fine}{share}")
    shared_legend(figure, axes)
    return figure


def crossvalidation_figure(results: Sequence[CrossValidation]) -> Figure:
    """The agreement of some checkpoints, each with an entry of its own in the legend."""
    paces, looks = {}, {}
    for name, r in zip(curve_names([r.architecture for r in results]), results, strict=True):
        paces[name] = [
            Pace(c.rho, c.slope_rate, c.predicted_loops, c.measured_loops) for c in r.convergence
        ]
        looks[name] = Look.of(r.architecture)
    return agreement_figure(paces, looks)


def measured_agreement(lines: Iterable[Measured]) -> Figure:
    """The agreement at all measured fixed points of many checkpoints, by architecture."""
    paces = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.architecture):
        paces[line.architecture] += [
            Pace(p["rho"], p["slope_rate"], p["predicted_loops"], p["measured_loops"])
            for p in line.reachability["points"]
        ]
    known = {name: found for name, found in paces.items() if found}
    return agreement_figure(known, {name: Look.of(name) for name in known})


def _gap(rate: float | None) -> float | None:
    """How far a factor is below 1; None where it is not."""
    return None if rate is None or not rate < 1 else 1 - rate


def _agreement(
    axis: Axes,
    pairs: Mapping[str, Sequence[tuple[Any, Any]]],
    looks: Mapping[str, Look],
    band: float | None = None,
) -> list[tuple[float, float]]:
    """Draw pairs of numbers that should be equal, without those of which one is not known.

    Returns the pairs that are drawn.
    """
    drawn: list[tuple[float, float]] = []
    for label, found in pairs.items():
        known = [p for p in found if all(v and np.isfinite(v) for v in p)]
        if known:
            look = {**looks[label].points, "markersize": 3 if len(known) < 30 else 2}
            axis.plot(*np.array(known, dtype=float).T, **look, label=label)
            drawn += known
    if not drawn:
        empty_panel(axis, "no fixed point was measured")
        return []
    ends = np.array([np.min(drawn) / MARGIN, np.max(drawn) * MARGIN])
    axis.plot(ends, ends, color=BLACK, linestyle=DASHED, linewidth=0.9, label="equal")
    if band is not None:
        label = f"within a factor {band:g}"
        axis.fill_between(ends, ends / band, ends * band, color=PALE, zorder=0, label=label)
    axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    for line in (axis.xaxis, axis.yaxis):
        line.set_major_locator(FixedLocator(_ticks(*ends)))
        line.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        line.set_minor_locator(NullLocator())
    return drawn


def _ticks(low: float, high: float) -> list[float]:
    """Two to five round numbers between the ends of a logarithmic axis."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    for steps in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
        found = [m * 10.0**k for k in powers for m in steps if low <= m * 10.0**k <= high]
        if len(found) > 1:
            return found[:: math.ceil(len(found) / 5)]
    return [float(f"{math.sqrt(low * high):.2g}")]


FIGURE = GalleryFigure(
    lambda: measured_agreement(shipped_measurements()),
    "Trained loops at their measured fixed points: contraction of the steps against that of the"
    " Jacobian, and iterations counted against those that ρ predicts.",
    section="Prediction and measurement on trained loops",
    data=(MEASURED,),
    commands=MEASURE,
)
