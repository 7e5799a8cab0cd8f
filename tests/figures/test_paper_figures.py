"""Figures of architectures and of R4: what they plot, and that their captions are true."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from loopstab import Architecture, UsageError
from loopstab.numerics.anisotropy.table import anisotropy
from loopstab.paper_figures.drawings import anisotropy_table, architectures, stable_sets
from loopstab.paper_figures.drawings.record_files import read_record
from loopstab.paper_figures.drawings.style import RECALL_COLOUR
from loopstab.theory.architecture import Norm, Recall


def lines(axis, gid):
    return [line for line in axis.lines if line.get_gid() == gid]


@pytest.mark.parametrize(
    ("architecture", "formula"),
    [
        ("none/pre", "h + u(N(h))"),
        ("none/peri", "h + N(u(N(h)))"),
        ("none/post", "N(h + u(h))"),
        ("none/sandwich", "N(h + u(N(h)))"),
        ("external/post", "N(mix(h) + u(mix(h)))"),
        ("internal/post", "N(h + u(mix(h)))"),
        ("internal/peri", "h + N(u(mix(N(h))))"),
        ("external/pre", "mix(h) + u(N(mix(h)))"),
    ],
)
def test_a_drawn_step_computes_what_the_architecture_does(architecture, formula):
    assert architectures.formula_of(Architecture.parse(architecture)) == formula


def test_every_recall_and_norm_is_drawn_once():
    figure = architectures.architectures_figure()
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == [*(f"recall {recall}" for recall in Recall), *map(str, Norm)]
    for axis, recall in zip(figure.axes, Recall, strict=False):
        faces = {patch.get_facecolor()[:3] for patch in axis.patches}
        assert (to_rgb(RECALL_COLOUR[recall]) in faces) == recall.present


def test_formulas_are_the_steps_that_the_places_of_recall_and_norm_say():
    """Plain twin: a step on random weights, with every N and mix where its flag puts it."""
    rng = np.random.default_rng(0)
    weights, h, e = rng.normal(size=(2, 4, 4)), rng.normal(size=4), rng.normal(size=4)

    def n(x):
        return x / np.sqrt((x**2).mean())

    def u(x):
        return np.tanh(weights[0] @ x)

    def mix(x):
        return weights[1] @ x + e

    for recall in Recall:
        for norm in Norm:
            z = mix(h) if recall.in_stream else h
            x = n(z) if norm.on_argument else z
            update = u(mix(x) if recall.in_update else x)
            total = z + (n(update) if norm.on_update else update)
            wanted = n(total) if norm.on_sum else total
            text = architectures.formula_of(Architecture(recall, norm))
            np.testing.assert_allclose(eval(text, {"N": n, "u": u, "mix": mix, "h": h}), wanted)


def test_stable_sets_and_their_probabilities():
    figure = stable_sets.stable_sets_figure()
    internal, external, chance = figure.axes
    assert [t.get_text() for t in chance.texts] == ["internal: 0.469", "external: 0.673"]
    for recall, limit in (("internal", 0.5), ("external", 1.0)):
        (line,) = lines(chance, recall)
        s, p = line.get_data()
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


def test_projections_end_on_the_boundary_and_none_is_nearer():
    """Slow twin: the nearest of many points of the plane that are stable."""
    figure = stable_sets.stable_sets_figure()
    grid = np.stack(np.meshgrid(*[np.linspace(-8, 8, 641)] * 2))
    for axis, recall in zip(figure.axes, (Recall.INTERNAL, Recall.EXTERNAL), strict=False):
        start, end = stable_sets.projections(recall)
        drawn = [line.get_xydata() for line in axis.lines if line.get_gid() == "projection"]
        np.testing.assert_allclose(np.array(drawn)[:, 0], start.T)
        np.testing.assert_allclose(np.array(drawn)[:, 1], end.T)
        x, y = grid
        stable = np.abs(1 + x * y if recall is Recall.INTERNAL else x * (1 + y)) <= 1
        for a, b in zip(start.T[:20], end.T[:20], strict=True):
            nearest = np.hypot(x - a[0], y - a[1])[stable].min()
            assert np.linalg.norm(a - b) == pytest.approx(nearest, abs=0.036)
        on_axis = (end == 0).any(0)
        assert on_axis.any() == (recall is Recall.INTERNAL)


def test_the_anisotropy_figure_shows_the_table():
    data = read_record(anisotropy_table.DATA)
    figure = anisotropy_table.anisotropy_figure(data)
    for axis, recall in zip(figure.axes, anisotropy_table.RECALLS, strict=True):
        cells = anisotropy_table.cells(data, recall)
        for kind in ("exact", "published"):
            (line,) = lines(axis, kind)
            assert list(line.get_ydata()) == [cell[f"{kind}_z"] for cell in cells]
        assert [cell["s"] for cell in cells[:5]] == [0.1, 0.5, 1, 2, 4]
    cells = [
        cell for recall in anisotropy_table.RECALLS for cell in anisotropy_table.cells(data, recall)
    ]
    outside = [cell for cell in cells if abs(cell["published_z"]) > 3]
    text = anisotropy_table.FIGURE.caption
    assert f"{len(cells) - len(outside)} of its {len(cells)} numbers" in text
    assert f"the {len(outside)} others" in text
    assert {cell["s"] for cell in outside} == {4}
    assert max(abs(cell["exact_z"]) for cell in cells) < 3


def test_the_anisotropy_data_are_made_by_their_command():
    data = read_record(anisotropy_table.DATA)
    assert anisotropy_table.FIGURE.commands == (data["command"],)
    again = anisotropy(data["n"], data["seed"], [4.0])
    shipped = [row for row in data["rows"] if row["scale"] == 4]
    for row, made in zip(shipped, again, strict=True):
        for cell, new in zip(row["cells"], made.cells(), strict=True):
            assert cell["exact"] == pytest.approx(new["exact"], rel=1e-9)
            assert cell["exact_z"] == pytest.approx(new["exact_z"], rel=1e-5)
            assert cell["published"] == new["published"]


def test_an_unknown_architecture_cannot_be_drawn():
    with pytest.raises(UsageError, match="unknown norm"):
        architectures.formula_of(Architecture.parse("none/middle"))
