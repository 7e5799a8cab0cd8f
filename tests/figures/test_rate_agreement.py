"""The figures that compare how fast loops converge with what rho predicts."""

from types import SimpleNamespace

import numpy as np
import pytest
from legible import assert_legible

from loopstab.paper_figures.drawings.rate_agreement import (
    crossvalidation_figure,
    measured_agreement,
)


def result(architecture="internal/post", convergence=()):
    return SimpleNamespace(architecture=architecture, convergence=list(convergence))


def convergence(rho=0.5, rate=0.5, measured=12, predicted=13.0):
    return SimpleNamespace(
        rho=rho, slope_rate=rate, measured_loops=measured, predicted_loops=predicted
    )


def line(architecture, *points):
    """A line of measurements, with points written as for `convergence`."""
    names = ("rho", "slope_rate", "measured_loops", "predicted_loops")
    found = [dict(zip(names, point, strict=True)) for point in points]
    return SimpleNamespace(architecture=architecture, reachability={"points": found})


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


@pytest.mark.parametrize(
    "results",
    [
        [],
        [result(convergence=[convergence()])],
        [result(convergence=[convergence(), convergence(0.9, 0.8, 70, 80.0)]), result("none/peri")],
    ],
)
def test_legible(results):
    assert_legible(crossvalidation_figure(results))


def test_what_was_not_measured_is_left_out():
    found = [
        convergence(),
        convergence(0.7, float("nan"), None, None),
        convergence(0.9, 0.8, 70, None),
        convergence(1.1, 0.8, None, 80.0),
    ]
    figure = crossvalidation_figure([result(convergence=found), result("internal/peri")])
    top, bottom = figure.axes
    np.testing.assert_allclose(top.lines[0].get_xydata(), [[0.5, 0.5], [0.1, 0.2]])
    np.testing.assert_array_equal(bottom.lines[0].get_xydata(), [[13, 12]])
    for axis in figure.axes:
        np.testing.assert_array_equal(axis.lines[-1].get_xdata(), axis.lines[-1].get_ydata())
        assert axis.get_xlim() == axis.get_ylim()
    assert legend_texts(figure) == ["internal/post", "equal", "within a factor 1.25"]
    assert bottom.get_title(loc="left").endswith("1 of 1 in the band")


def test_nothing_to_compare_is_said():
    figure = crossvalidation_figure([result("internal/peri")])
    assert [axis.texts[0].get_text() for axis in figure.axes] == ["no fixed point was measured"] * 2


def test_measured_checkpoints_are_grouped_by_architecture():
    lines = [
        line("none/post", (0.5, 0.5, 12, 13.0)),
        line("external/peri"),
        line("none/post", (0.9, 0.8, 70, 100.0), (0.6, 0.6, 20, 20.0)),
    ]
    figure = measured_agreement(lines)
    assert_legible(figure)
    top, bottom = figure.axes
    np.testing.assert_allclose(top.lines[0].get_xydata(), [[0.5, 0.5], [0.1, 0.2], [0.4, 0.4]])
    np.testing.assert_allclose(bottom.lines[0].get_xydata(), [[13, 12], [100, 70], [20, 20]])
    assert bottom.get_title(loc="left").endswith("2 of 3 in the band")
    assert legend_texts(figure) == ["none/post", "equal", "within a factor 1.25"]
