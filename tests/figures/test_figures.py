import sys
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from legible import assert_legible
from matplotlib import pyplot as plt

from loopstab import Architecture
from loopstab.numerics.proportion import wilson
from loopstab.paper_figures.drawings.accuracy_curves import curves_figure
from loopstab.paper_figures.drawings.residual_decay import residual_figure


def result(architecture="internal/post", curve=(1.0, 0.5, 0.25)):
    return SimpleNamespace(architecture=architecture, residual_curve=list(curve))


def run(architecture="internal/post", accuracy=None):
    return {
        "architecture": architecture,
        "loops": [1, 10, 100],
        "accuracy": accuracy or {"32": [0.0, 0.5, 1.0]},
        "config": {"eval_size": 100},
    }


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


FIGURES = {
    "residual": lambda: residual_figure([result(str(a)) for a in Architecture.all()[:12]]),
    "residual_empty": lambda: residual_figure([]),
    "curves": lambda: curves_figure(
        [run(accuracy={str(b): [0.0, 0.5, 1.0] for b in (32, 64, 128)}), run("none/post")]
    ),
    "curves_empty": lambda: curves_figure([]),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_legible_at_the_width_of_a_column(draw):
    before = dict(mpl.rcParams)
    figure = draw()
    assert dict(mpl.rcParams) == before
    assert not plt.get_fignums()
    assert_legible(figure)


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
    band = figure.axes[2].collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(wilson(25, 100)[1])
    assert sorted(legend_texts(figure)) == ["internal/peri", "none/post"]
    low, high = figure.axes[0].get_xlim()
    assert low < 1 < 100 < high


def test_drawing_needs_no_torch():
    import subprocess

    code = (
        "import sys; from loopstab.paper_figures.drawings.gallery import gallery;"
        " [figure.draw() for figure in gallery().values()]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
