import sys
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from legible import assert_legible
from matplotlib import pyplot as plt

from loopstab import Architecture
from loopstab.paper_figures.drawings.accuracy_curves import curves_figure
from loopstab.paper_figures.drawings.rate_agreement import crossvalidation_figure
from loopstab.paper_figures.drawings.residual_decay import residual_figure
from loopstab.paper_figures.drawings.stable_sets import stable_sets_figure


def result(architecture="internal/post", curve=(1.0, 0.5, 0.25), convergence=()):
    return SimpleNamespace(
        architecture=architecture, residual_curve=list(curve), convergence=list(convergence)
    )


def convergence(rho=0.5, rate=0.5, measured=12, predicted=13.0):
    return SimpleNamespace(
        rho=rho, slope_rate=rate, measured_loops=measured, predicted_loops=predicted
    )


def run(architecture="internal/post", accuracy=None):
    return {
        "architecture": architecture,
        "loops": [1, 10, 100],
        "accuracy": accuracy or {"32": [0.0, 0.5, 1.0]},
    }


def by_gid(axis, gid):
    (line,) = [line for line in axis.lines if line.get_gid() == gid]
    return np.array(line.get_xdata(), float), np.array(line.get_ydata(), float)


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


FIGURES = {
    "stable_sets": stable_sets_figure,
    "residual": lambda: residual_figure([result(str(a)) for a in Architecture.all()[:12]]),
    "residual_empty": lambda: residual_figure([]),
    "curves": lambda: curves_figure(
        [run(accuracy={str(b): [0.0, 0.5, 1.0] for b in (32, 64, 128)}), run("none/post")]
    ),
    "curves_empty": lambda: curves_figure([]),
    "crossvalidation": lambda: crossvalidation_figure(
        [result(convergence=[convergence(), convergence(0.9, 0.8, 70, 80.0)])]
    ),
    "crossvalidation_one": lambda: crossvalidation_figure([result(convergence=[convergence()])]),
    "crossvalidation_empty": lambda: crossvalidation_figure([]),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_legible_at_the_width_of_a_column(draw):
    before = dict(mpl.rcParams)
    figure = draw()
    assert dict(mpl.rcParams) == before
    assert not plt.get_fignums()
    assert_legible(figure)


def test_stable_sets_and_their_probabilities():
    figure = stable_sets_figure()
    internal, external, chance = figure.axes
    assert [t.get_text() for t in chance.get_legend().get_texts()] == [
        "internal: 0.469 at s = 1",
        "external: 0.673 at s = 1",
    ]
    for recall, limit in (("internal", 0.5), ("external", 1.0)):
        s, p = by_gid(chance, recall)
        assert (np.diff(s) > 0).all()
        assert (np.diff(p) <= 1e-9).all()
        assert p[0] == pytest.approx(limit, abs=1e-6)
    points = np.array([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [0.1, 0.1], [3.0, -1.1], [2.0, -2.0]])
    for axis, jacobian in (
        (internal, 1 + points[:, 0] * points[:, 1]),
        (external, (1 + points[:, 1]) * points[:, 0]),
    ):
        paths = axis.collections[0].get_paths()
        found = [any(path.contains_point(p) for path in paths) for p in points]
        assert found == list(np.abs(jacobian) < 1)
        assert any(found)


def test_residual_curves_are_drawn_as_measured_with_gaps_at_zero():
    curve = [1.0, 0.1, 0.0, float("inf"), 0.01]
    figure = residual_figure([result("none/pre", curve), result("none/pre", [0.5])])
    (axis,) = figure.axes
    first, second, drift = axis.lines[:3]
    np.testing.assert_array_equal(first.get_ydata(), [1.0, 0.1, np.nan, np.nan, 0.01])
    np.testing.assert_array_equal(first.get_xdata(), [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(second.get_ydata(), [0.5])
    np.testing.assert_allclose(drift.get_ydata(), 1 / np.arange(1, 6))
    assert legend_texts(figure) == ["none/pre (1)", "none/pre (2)", "1/t (drift)"]
    assert axis.get_yscale() == "log"


def test_curves_have_a_panel_per_length_in_numerical_order():
    runs = [
        run("none/post", {"128": [0, 0, 0.25], "32": [0, 0.5, 1.0]}),
        run("internal/peri", {"64": [0, 0, 1.0]}),
    ]
    figure = curves_figure(runs)
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "32 bits",
        "64 bits",
        "128 bits",
    ]
    assert [len(axis.lines) for axis in figure.axes] == [1, 1, 1]
    np.testing.assert_array_equal(figure.axes[2].lines[0].get_ydata(), [0, 0, 0.25])
    assert sorted(legend_texts(figure)) == ["internal/peri", "none/post"]
    low, high = figure.axes[0].get_xlim()
    assert low < 1 < 100 < high


def test_crossvalidation_leaves_out_what_was_not_measured():
    found = [
        convergence(),
        convergence(0.7, float("nan"), None, None),
        convergence(0.9, 0.8, 70, None),
    ]
    figure = crossvalidation_figure([result(convergence=found), result("internal/peri")])
    top, bottom = figure.axes
    np.testing.assert_array_equal(top.lines[0].get_xydata(), [[0.5, 0.5], [0.9, 0.8]])
    np.testing.assert_array_equal(bottom.lines[0].get_xydata(), [[13, 12]])
    for axis in figure.axes:
        np.testing.assert_array_equal(axis.lines[-1].get_xdata(), axis.lines[-1].get_ydata())
        assert axis.get_xlim() == axis.get_ylim()
    assert legend_texts(figure) == ["internal/post", "equal", "within a factor 1.25"]


def test_crossvalidation_says_when_there_is_nothing_to_compare():
    figure = crossvalidation_figure([result("internal/peri")])
    assert [axis.texts[0].get_text() for axis in figure.axes] == ["no fixed point was measured"] * 2


def test_drawing_needs_no_torch():
    import subprocess

    code = (
        "import sys; from loopstab.paper_figures.drawings.gallery import gallery;"
        " [figure.draw() for figure in gallery().values()]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
