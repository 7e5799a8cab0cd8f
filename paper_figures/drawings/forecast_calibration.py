"""Figure of how the forecasts fared: calibration, scores beside baselines, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...models.forecast.band import LEVEL
from .gallery import GalleryFigure
from .measured_lines import FORECASTS, MEASURE, MEASURED, PREDICT, shipped_measurements
from .panels import empty_panel
from .record_files import FOLDER
from .style import BLACK, DASHED, SOFT, new_figure, styled

if TYPE_CHECKING:
    from ...models.forecast.measured_scores import ForecastScores
    from ...models.forecast.scores import Mean

WORDS = {
    "always fixed point": "always fixed",
    "cosine of two states": "cosine",
    "longer runs of other inputs": "other inputs",
    "rate": "ρ",
    "loops": "iterations",
    "constant_after": "last change",
    "truncation_rate": "truncation",
    "sensitivity": "norm of S",
    "sensitivity zero": "S = 0",
}
"""Short names of baselines and intervals."""


@styled
def calibration_figure(scores: ForecastScores) -> Figure:
    """Three panels; whiskers are 95 % intervals of the bootstrap over checkpoints.

    Top: measured share of fixed points against the predicted probability, in bins, with the number
    of lines of each and the diagonal of perfect calibration. Middle: mean score of Brier of the
    outcomes, for the theory and the baselines; less is better. Bottom: share of the measured values
    inside the 90 % intervals.
    """
    figure = new_figure(5.4)
    top, middle, bottom = figure.subplots(3, 1, height_ratios=(1.9, 1, 1.3))
    top.plot((0, 1), (0, 1), color=BLACK, linestyle=DASHED, linewidth=0.9, gid="diagonal")
    for found in scores.calibration:
        _whisker(top, found.predicted, found.measured, upright=True)
        at, right = (found.predicted, found.measured.value or 0.0), found.predicted < 0.9
        look: dict[str, Any] = {"textcoords": "offset points", "va": "center", "color": SOFT}
        place = (4, 0) if right else (-4, 0)
        top.annotate(f"{found.lines}", at, place, ha="left" if right else "right", **look)
    top.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), yticks=(0, 0.5, 1))
    top.set(xlabel="predicted probability of a fixed point", ylabel="measured share")
    forecasts = sum(found.lines for found in scores.calibration)
    top.set_title(f"Calibration of {forecasts} forecasts")
    _rows(middle, {found.name: found.brier for found in scores.outcomes})
    middle.set_xlim(left=0)
    middle.set_title("Score of Brier (less is better)")
    _rows(bottom, scores.coverage)
    bottom.axvline(LEVEL, color=BLACK, linestyle=DASHED, linewidth=0.9)
    bottom.set_xlim(0, 1.03)
    bottom.set_title(f"Share inside the {100 * LEVEL:g} % intervals")
    return figure


def shipped_scores() -> ForecastScores:
    """The scores of the shipped forecasts against the shipped measurements."""
    from ...models.forecast.forecast_file import read_forecasts
    from ...models.forecast.measured_scores import score

    return score(read_forecasts(FOLDER / FORECASTS), shipped_measurements())


def _whisker(axis: Axes, place: float, mean: Mean, upright: bool) -> None:
    if mean.value is None or mean.low is None or mean.high is None:
        return
    # the bootstrap interval of a few checkpoints need not hold the mean of the sample
    reach = np.maximum([[mean.value - mean.low], [mean.high - mean.value]], 0)
    look = {"color": BLACK, "marker": "o", "markersize": 3, "elinewidth": 0.8, "linestyle": "none"}
    if upright:
        axis.errorbar(place, mean.value, yerr=reach, **look)
    else:
        axis.errorbar(mean.value, place, xerr=reach, **look)


def _rows(axis: Axes, means: dict[str, Mean]) -> None:
    """A row for each mean, the first on top."""
    known = {name: mean for name, mean in means.items() if mean.value is not None}
    if not known:
        empty_panel(axis, "nothing was scored")
        return
    for row, mean in enumerate(known.values()):
        _whisker(axis, row, mean, upright=False)
    axis.set_yticks(range(len(known)), [WORDS.get(name, name) for name in known])
    axis.set_ylim(len(known) - 0.5, -0.5)
    axis.grid(False, axis="y")


FIGURE = GalleryFigure(
    lambda: calibration_figure(shipped_scores()),
    "The forecasts against the measurements: calibration of the probability of a fixed point, with"
    " the number of lines of each bin; scores of Brier of the theory and three baselines; coverage"
    " of the 90 % intervals. Whiskers are 95 % intervals over checkpoints.",
    section="Prediction and measurement on trained loops",
    data=(FORECASTS, MEASURED),
    commands=(PREDICT, *MEASURE),
)
