"""Figures of phase diagrams: what is drawn is what was measured, and the lines are the law's."""

import dataclasses

import matplotlib as mpl
import numpy as np
import pytest
from legible import assert_legible
from matplotlib import pyplot as plt
from matplotlib.collections import PolyCollection

from loopstab import PhaseDiagram
from loopstab.numerics.phase import Cells, DiagramAxis
from loopstab.numerics.phase.diagram import TRUSTED, plane
from loopstab.numerics.phase.laws.law import complete
from loopstab.numerics.phase.laws.registry import law_named
from loopstab.numerics.phase.scaling import Scaling
from loopstab.paper_figures.drawings import phase_maps as figures
from loopstab.paper_figures.drawings import width_collapse
from loopstab.paper_figures.drawings.phase_overlays import LEVELS, SENSITIVITIES
from loopstab.paper_figures.drawings.spectral_regimes import (
    FIGURE,
    regimes_figure,
    shipped_diagrams,
)
from loopstab.paper_figures.drawings.style import REGIME_COLOUR
from loopstab.paper_figures.drawings.width_collapse import scaling_figure, shipped_scaling

BETA, SIGMA = DiagramAxis("beta", 0.05, 5, log=True), DiagramAxis("sigma", 0.2, 5, log=True)


def diagram(law="linear", residual=1.0, width=100, x=BETA, y=SIGMA, cells=None, **maps):
    """A made-up diagram that agrees with the law, but for what is given."""
    cells = cells or Cells.coarse(5, 7)
    rule, n = law_named(law), len(cells)
    settings = {
        k: v
        for k, v in {**complete(rule, {}), "residual": residual, "width": width}.items()
        if k in rule.parameters and k not in (x.name, y.name)
    }
    values = plane(rule, x, y, settings, *cells.shares())
    there = rule.closed_form(values)
    agreed = {
        "rho": there.rho,
        "rho_theory": there.rho,
        "iterations": np.full(n, 30.0),
        "sensitivity": np.ones(n),
        "sensitivity_theory": there.sensitivity,
        "outcome": np.full(n, "fixed-point", "<U16"),
        "converged": np.ones(n),
        "contradicted": np.zeros(n),
        "trust": there.trust,
    }
    return PhaseDiagram(
        law, x, y, settings, 1, 0, False, 0, cells, **{**agreed, **maps}, measured=n, seconds=1.0
    )


def cells_of(axis):
    (found,) = [
        c for c in axis.collections if isinstance(c, PolyCollection) and c.get_array() is not None
    ]
    return found


def vertices(axis, gid):
    (lines,) = [c for c in axis.collections if c.get_gid() == gid]
    return lines, [path.vertices for path in lines.get_paths()]


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def refined():
    cells = Cells.coarse(3, 4)
    return cells.split(np.arange(12) % 5 == 0)


NAN = np.full(35, np.nan)
DIAGRAMS = {
    "plain": lambda: diagram(),
    "nothing found": lambda: diagram(
        rho=NAN, iterations=NAN, sensitivity=NAN, outcome=np.full(35, "cycle", "<U16")
    ),
    "several sizes": lambda: diagram(cells=refined()),
    "crowded": lambda: diagram(
        cells=Cells.coarse(31, 31),
        outcome=np.where(np.arange(961) % 31 < 9, "aperiodic", "fixed-point").astype("<U16"),
    ),
    "other axes": lambda: diagram(
        x=DiagramAxis("fraction", 0, 0.9), y=DiagramAxis("width", 50, 400), law="tanh"
    ),
    "transformer, zero sensitivity": lambda: diagram(
        law="transformer-tanh:internal/sandwich/gru",
        x=DiagramAxis("recall", 0.1, 3, log=True),
        y=DiagramAxis("heads", 1, 9),
        sensitivity=np.zeros(35),
    ),
    "block without a law": lambda: diagram(
        law="none/pre/gru", x=DiagramAxis("state", 0.1, 3, log=True), y=DiagramAxis("block", 0.1, 3)
    ),
}
DRAWN = [
    (name, stem)
    for name in DIAGRAMS
    for stem in figures.MAPS
    if name in ("nothing found", "transformer, zero sensitivity")
    or stem in ("phase", "phase-disagreement")
]
SCALING = Scaling(
    0.0,
    0,
    (50, 100),
    (9, 9),
    np.geomspace(0.7, 6, 5),
    np.full((2, 5), 0.8),
    np.full((2, 5), 0.01),
    np.full((2, 5), 0.79),
    0.251,
    (0.2, 0.3),
)


@pytest.mark.parametrize(("name", "stem"), [*DRAWN, ("scaling", "scaling")])
def test_legible_at_the_width_of_a_column(name, stem):
    before = dict(mpl.rcParams)
    figure = scaling_figure(SCALING) if name == "scaling" else figures.MAPS[stem](DIAGRAMS[name]())
    assert dict(mpl.rcParams) == before
    assert not plt.get_fignums()
    assert_legible(figure)


@pytest.mark.parametrize("residual", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("law", ["linear", "tanh"])
def test_level_lines_are_where_the_law_has_that_value(law, residual):
    axis, *_ = figures.phase_figure(diagram(law, residual)).axes
    lines, paths = vertices(axis, "levels")
    assert set(LEVELS) <= set(lines.levels)
    assert (1.0 in lines.levels) == (law == "tanh")
    rule = law_named(law)
    for level, path in zip(lines.levels, paths, strict=True):
        values = {
            **{k: np.full(len(path), v) for k, v in complete(rule, {"residual": residual}).items()},
            "beta": path[:, 0],
            "sigma": path[:, 1],
        }
        np.testing.assert_allclose(rule.closed_form(values).rho, level, atol=2e-4)


def test_level_lines_of_the_sensitivity():
    """N7's law diverges at beta_c = sigma sqrt(c - q), so the larger level lies at the weaker
    recall; the linear law is 1 everywhere.
    """
    data = diagram("tanh", 1.0)
    axis, *_ = figures.sensitivity_figure(data).axes
    lines, paths = vertices(axis, "levels")
    np.testing.assert_allclose(1 / lines.levels[::-1], SENSITIVITIES)
    rule = law_named("tanh")
    ratios = []
    for level, path in zip(lines.levels, paths, strict=True):
        values = {
            **{k: np.full(len(path), v) for k, v in complete(rule, {}).items()},
            "beta": path[:, 0],
            "sigma": path[:, 1],
        }
        np.testing.assert_allclose(rule.closed_form(values).sensitivity, 1 / level, rtol=0.01)
        ratios.append(np.median(path[:, 0] / path[:, 1]))
    assert ratios == sorted(ratios)
    assert "the law says 1 everywhere" in legend_texts(
        figures.sensitivity_figure(diagram("linear"))
    )
    assert not any("sensitivity" in text for text in legend_texts(figures.phase_figure(data)))


@pytest.mark.parametrize("width", [30, 100, 1600])
def test_trusted_line_is_scaling_variable_three(width):
    axis, *_ = figures.phase_figure(diagram(width=width)).axes
    _, (path,) = vertices(axis, "trusted")
    np.testing.assert_allclose(path[:, 0] / path[:, 1] * width**0.25, 3, rtol=1e-3)


def test_colours_are_the_measurement_cell_by_cell():
    data = diagram(residual=0.0)
    rho, outcome = 1.3 * data.rho, data.outcome.copy()
    rho[0] = np.nan
    outcome[9], outcome[33:] = "cycle", "aperiodic"
    figure = figures.phase_figure(dataclasses.replace(data, rho=rho, outcome=outcome))
    axis, *_ = figure.axes
    shown = cells_of(axis)
    np.testing.assert_array_equal(shown.get_array().filled(np.nan), rho)
    assert shown.get_clim() == (0, 1)
    x, y = BETA.at(data.cells.shares()[0]), SIGMA.at(data.cells.shares()[1])
    marks = {line.get_gid(): line.get_xydata() for line in axis.lines}
    np.testing.assert_array_equal(marks["outcome-cycle"], [[x[9], y[9]]])
    np.testing.assert_array_equal(marks["outcome-aperiodic"], np.stack((x[33:], y[33:]), axis=1))
    texts = legend_texts(figure)
    assert "cycle (1 cells)" in texts
    assert "aperiodic (2 cells)" in texts
    assert "no mark: fixed point (32 of 35 cells)" in texts
    assert "no fixed point found (1 cells)" in texts
    assert "a = 0, width 100" in axis.get_title(loc="left")


def test_cells_of_several_sizes_tile_the_axes():
    axis, *_ = figures.phase_figure(diagram(cells=refined())).axes
    corners = np.array([path.vertices[:4] for path in cells_of(axis).get_paths()])
    width = np.log(corners[:, 1, 0] / corners[:, 0, 0])
    height = np.log(corners[:, 2, 1] / corners[:, 1, 1])
    assert (width * height).sum() == pytest.approx(np.log(100) * np.log(25))
    np.testing.assert_allclose(
        [corners[..., 0].min(), corners[..., 0].max(), *axis.get_ylim()], [0.05, 5, 0.2, 5]
    )


def test_disagreement_marks_the_cells_whose_orbits_go_against_the_law():
    data = diagram()
    against = np.zeros(35)
    against[3] = 1
    figure = figures.disagreement_figure(
        dataclasses.replace(data, rho=data.rho + 0.01, contradicted=against)
    )
    axis, *_ = figure.axes
    np.testing.assert_allclose(cells_of(axis).get_array(), 0.01)
    (marks,) = [line for line in axis.lines if line.get_gid() == "contradicted"]
    assert marks.get_xydata().shape == (1, 2)
    assert "most orbits go against the law (1 cells)" in legend_texts(figure)


def test_every_map_has_a_title_of_its_own_and_red_is_red():
    titles = [draw(diagram()).axes[0].get_title(loc="left") for draw in figures.MAPS.values()]
    assert len({title.split("\n")[0] for title in titles}) == len(titles) == 5
    assert all(title.endswith("a = 1, width 100") for title in titles)
    hue, saturation, _ = mpl.colors.rgb_to_hsv(mpl.colors.to_rgb(REGIME_COLOUR["expansive"]))
    assert min(hue, 1 - hue) < 15 / 360  # orange begins there
    assert saturation > 0.7


def test_the_signs_of_a_disagreement_differ_in_grey():
    colours = mpl.colormaps[figures.SIGNED](np.linspace(0, 1, 9))[:, :3]
    assert (np.diff(colours @ (0.2126, 0.7152, 0.0722)) > 0.02).all()


def test_regimes_show_the_radius_and_its_distance_from_the_law():
    rho = diagram(residual=0.0).rho * 1.01
    rho[0] = np.nan
    both = [diagram(residual=0.0, rho=rho), diagram("tanh", residual=1.0)]
    figure = regimes_figure(both)
    assert_legible(figure)
    panels = [axis for axis in figure.axes if axis.get_xscale() == "log"]
    assert [axis.get_title(loc="left") for axis in panels] == [
        "linear, a = 0",
        "measured − law",
        "tanh, a = 1",
        "measured − law",
    ]
    for i, one in enumerate(both):
        for axis, wanted in zip(
            panels[2 * i : 2 * i + 2], (one.rho, one.disagreement), strict=True
        ):
            np.testing.assert_array_equal(cells_of(axis).get_array().filled(np.nan), wanted)
    texts = legend_texts(figure)
    assert "border of where d is large enough for the law" in texts
    assert "no fixed point found" in texts


def test_no_outcome_of_the_shipped_diagrams_without_residual_is_undecided():
    first = shipped_diagrams()[0]
    assert first.settings["residual"] == 0
    assert not (first.outcome == "undecided").any()
    moving = first.outcome != "fixed-point"
    assert (first.rho[moving] > 0.99).all()
    assert moving.mean() > 0.25


def test_the_caption_of_the_regimes():
    diagrams = shipped_diagrams()
    trusted = [(one, one.trust >= TRUSTED) for one in diagrams]
    assert all(one.converged[here].min() == 1 for one, here in trusted)
    farthest = max(np.abs(one.disagreement[here]).max() for one, here in trusted)
    text = FIGURE.caption
    assert f"within {np.ceil(100 * farthest) / 100:g} of the law" in text
    rho = np.concatenate([one.rho for one in diagrams])
    moving = np.concatenate([one.outcome != "fixed-point" for one in diagrams])
    above, below = (rho > 1), (rho < 1)
    assert f"In {moving[above].sum()} of the {above.sum()} cells with" in text
    assert f"in {moving[below].sum()} with" in text
    assert all(one.settings["width"] == 128 for one in diagrams)
    assert all(one.draws == 5 for one in diagrams)


def test_scaling_shows_every_width():
    top, bottom = scaling_figure(SCALING).axes
    for width in (50, 100):
        (difference,) = [line for line in top.lines if line.get_gid() == f"difference-{width}"]
        np.testing.assert_allclose(difference.get_ydata(), 0.01)
        (ratio,) = [line for line in bottom.lines if line.get_gid() == f"ratio-{width}"]
        np.testing.assert_allclose(ratio.get_ydata(), 0.2 / 0.21)
    assert bottom.get_title(loc="left").endswith("0.25 (0.20 to 0.30)")
    unknown = dataclasses.replace(SCALING, exponent=None, exponent_interval=None)
    figure = scaling_figure(unknown)
    assert figure.axes[1].get_title(loc="left").endswith("not determined")


def test_the_caption_of_the_widths():
    found = shipped_scaling()
    above = found.difference[:, found.x >= TRUSTED]
    text = f"lies {above.min():.2f} to {above.max():.2f} above it"
    assert text in width_collapse.FIGURE.caption


def test_maps_that_have_nothing_to_show():
    """No scale where no cell has a value, no disagreement with a law that does not exist, and 0 is
    not a missing number.
    """
    nothing, without = DIAGRAMS["nothing found"](), DIAGRAMS["transformer, zero sensitivity"]()
    for stem, draw in figures.MAPS.items():
        assert len(draw(nothing).axes) == 1, stem
    assert set(figures.MAPS) - set(figures.maps_of(without)) == {"phase-disagreement"}
    assert figures.maps_of(diagram()) == figures.MAPS
    figure = figures.sensitivity_figure(without)
    (axis,) = figure.axes
    assert all(tick == round(tick) for tick in axis.get_yticks())  # heads
    shown = cells_of(axis)
    assert shown.get_array().max() < shown.norm.vmin
    assert legend_texts(figure) == ["0: the fixed point does not depend on the input (35 cells)"]
