"""The figures of forecasts and measurements: what is drawn is what was scored or measured."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from legible import assert_legible

from loopstab.models.forecast.measured_limits import SAME
from loopstab.models.forecast.measured_scores import ForecastScores, OutcomeScore
from loopstab.models.forecast.scores import Bin, Mean
from loopstab.paper_figures.drawings.forecast_calibration import calibration_figure
from loopstab.paper_figures.drawings.limits_by_recall import FIGURE, limits_figure
from loopstab.paper_figures.drawings.style import RECALL_COLOUR
from loopstab.theory.architecture import Recall

NOTHING = Mean(None, None, None, 0, 0)


def scores(bins=(), briers=None, coverage=None):
    outcomes = tuple(
        OutcomeScore(name, mean, mean, mean, 1, 1, (0.0, 1.0), 1, 1, (0.0, 1.0), 0)
        for name, mean in (briers or {}).items()
    )
    return ForecastScores(
        7, 0, 0, NOTHING, outcomes, tuple(bins), coverage or {}, {}, {}, excluded=0, violated=0
    )


def points(axis):
    return [tuple(line.get_xydata()[0]) for line in axis.lines if line.get_marker() == "o"]


def test_calibration_draws_the_bins_the_scores_and_the_coverage():
    bins = [
        Bin(0.0, 0.05, 3, 0.02, Mean(0.1, 0.0, 0.3, 3, 3)),
        Bin(0.95, 1.0, 40, 0.99, Mean(0.97, 0.9, 1.0, 30, 40)),
    ]
    briers = {
        "theory": Mean(0.1, 0.05, 0.2, 30, 40),
        "always fixed point": Mean(0.4, 0.3, 0.5, 9, 9),
    }
    coverage = {
        "rate": Mean(0.9, 0.8, 0.95, 9, 9),
        "loops": NOTHING,
        "sensitivity": Mean(1, 1, 1, 2, 2),
    }
    figure = calibration_figure(scores(bins, briers, coverage))
    assert_legible(figure)
    top, middle, bottom = figure.axes
    assert points(top) == [(0.02, 0.1), (0.99, 0.97)]
    assert [text.get_text() for text in top.texts] == ["3", "40"]
    assert top.get_title(loc="left") == "Calibration of 43 forecasts"  # of the bins
    assert points(middle) == [(0.1, 0), (0.4, 1)]
    assert points(bottom) == [(0.9, 0), (1, 1)]
    assert [label.get_text() for label in bottom.get_yticklabels()] == ["ρ", "norm of S"]
    whiskers = [path.vertices[:, 0] for c in middle.collections for path in c.get_paths()]
    np.testing.assert_allclose(whiskers, [[0.05, 0.2], [0.3, 0.5]])


def test_nothing_scored_is_said():
    figure = calibration_figure(scores())
    assert_legible(figure)
    assert [axis.texts[0].get_text() for axis in figure.axes[1:]] == ["nothing was scored"] * 2


def line(name, architecture, settled=100, distinct=100, norms=(), differences=None, stage="end"):
    found = [{"norm": norm, "by_differences": differences} for norm in norms]
    dependence = {"settled": settled, "distinct": distinct, "points": found}
    return SimpleNamespace(
        checkpoint=name,
        task="t",
        stage=stage,
        architecture=architecture,
        input_dependence=dependence,
    )


LINES = [
    line("a", "none/post", 100, 4, (0.0, 0.0), 2e-11),
    line("b", "external/peri", 400, 400, (6.0, 2.0, 3.0), 5.0),
    line("c", "internal/post", 64, 32, (0.5,), 0.4),
    line("few", "internal/post", 31, 1),
    line("young", "internal/post", 100, 1, (9.0,), stage="initial"),
]


def test_limits_and_sensitivities_by_recall():
    figure = limits_figure(LINES)
    assert_legible(figure)
    top, bottom = figure.axes
    drawn = [{p.get_gid(): p for p in axis.lines if p.get_gid()} for axis in (top, bottom)]
    assert {k: float(p.get_ydata()[0]) for k, p in drawn[0].items()} == {
        "a": 0.04,
        "b": 1,
        "c": 0.5,
    }
    heights = {k: float(p.get_ydata()[0]) for k, p in drawn[1].items()}
    assert (heights["b"], heights["c"]) == (3.0, 0.5)
    names = dict(
        zip(bottom.get_yticks(), [t.get_text() for t in bottom.get_yticklabels()], strict=True)
    )
    assert names[heights["a"]] == "0"
    for place, (name, recall) in enumerate(zip("abc", Recall, strict=True)):
        assert drawn[0][name].get_color() == RECALL_COLOUR[recall]
        assert round(float(drawn[0][name].get_xdata()[0])) == place
    assert [text.get_text() for text in bottom.texts] == ["by differences\nat most 2e-11"]


def test_the_caption_of_limits():
    (share,) = re.findall(r"apart by more than (\S+) of their root mean square", FIGURE.caption)
    assert float(share) == SAME


@pytest.mark.parametrize("lines", [[], LINES[3:4], LINES[1:3], LINES[:1]])
def test_limits_of_few_lines(lines):
    assert_legible(limits_figure(lines))
