"""The figures of the paper: what they plot is in the records, and their captions say what it is."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from loopstab import Architecture, UsageError
from loopstab.models.network.run_record import shares
from loopstab.models.zoo import zoo
from loopstab.numerics.anisotropy.table import anisotropy
from loopstab.numerics.proportion import wilson
from loopstab.paper_figures.drawings import (
    accuracy_grid,
    anisotropy_table,
    architectures,
    recall_and_norm,
    stable_sets,
    state_growth,
)
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


def test_the_numpy_loop_computes_the_drawn_steps():
    """The formula, evaluated with the letters of the figure, is the step of the plain twin: signs
    of a random function of the same order of operations differ if one operation is out of place.
    """
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


def test_accuracy_by_recall_and_norm_is_that_of_the_records():
    figure = recall_and_norm.recall_and_norm_figure()
    axes = np.array(figure.axes).reshape(len(recall_and_norm.ROWS), 2)
    for row, (task, level, _) in zip(axes, recall_and_norm.ROWS, strict=True):
        for axis, norm in zip(row, recall_and_norm.NORMS, strict=True):
            for recall in Recall:
                runs = recall_and_norm.runs_of(task, f"{recall}/{norm}")
                assert sorted(run["config"]["seed"] for run in runs) == [0, 1, 2]
                curves = sorted(zip(*(run["accuracy"][level] for run in runs), strict=True))
                (line,) = lines(axis, str(recall))
                assert sorted(line.get_ydata()) == sorted(sorted(three)[1] for three in curves)
            assert len(axis.collections) == 3
            trained = {
                float(line.get_xdata()[0]) for line in axis.lines if len(line.get_xdata()) == 2
            }
            assert trained == {12}


def test_the_caption_of_accuracy_by_recall_and_norm():
    def last(recall, norm, level, task="prefix-sums, 16 bits"):
        runs = recall_and_norm.runs_of(task, f"{recall}/{norm}")
        return [shares(run, level).last for run in runs]

    text = recall_and_norm.FIGURE.caption
    both = [x for norm in ("peri", "post") for x in last("external", norm, "64")]
    assert f"at least {np.floor(100 * min(both)):.0f} % after" in text
    assert f"least {np.floor(100 * min(last('internal', 'post', '64'))):.0f} % with post" in text
    assert f"most {np.ceil(100 * max(last('internal', 'peri', '64'))):.0f} % with peri" in text
    none = [x for norm in ("peri", "post") for x in last("none", norm, "64")]
    assert f"no recall at most {np.ceil(100 * max(none)):.0f} %" in text
    sudoku = [x for recall in Recall for x in last(recall, "post", "hard", "sudoku-4x4")]
    assert f"all three solve {np.floor(100 * min(sudoku)):.0f} % or more" in text


def test_growth_and_cosine_are_those_of_the_histories():
    figure = state_growth.state_growth_figure()
    axes = np.array(figure.axes).reshape(2, 2)
    name = "prefix-sums-16-internal-peri-s1"
    rows = [row for row in zoo.describe(name)["history"] if "cosine" in row]
    growth, angle = lines(axes[0, 0], "internal")[1], lines(axes[1, 0], "internal")[1]
    np.testing.assert_array_equal(growth.get_xdata(), [row["step"] for row in rows])
    np.testing.assert_array_equal(growth.get_ydata(), [row["norm_ratio"] for row in rows])
    np.testing.assert_allclose(angle.get_ydata(), [1 - row["cosine"] for row in rows])
    assert all(len(lines(axis, str(recall))) == 3 for axis in figure.axes for recall in Recall)


def test_the_caption_of_growth_and_cosine():
    last = {
        (recall, norm): [rows[-1] for rows in state_growth.histories(f"{recall}/{norm}")]
        for recall in Recall
        for norm in recall_and_norm.NORMS
    }
    grown = last[Recall.NONE, Norm.PERI] + last[Recall.INTERNAL, Norm.PERI]
    sizes = [row["norm_ratio"] for row in grown]
    post = [row["norm_ratio"] for recall in Recall for row in last[recall, Norm.POST]]
    text = state_growth.FIGURE.caption
    assert f"grows {min(sizes):.0f} to {max(sizes):.0f} times" in text
    assert f"grows {min(post):.1f} to {max(post):.1f} times" in text
    least = min(row["cosine"] for row in grown)
    assert least > 0.996
    assert "exceeds 0.996" in text


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
    assert data["command"] == anisotropy_table.FIGURE.command
    again = anisotropy(data["n"], data["seed"], [4.0])
    shipped = [row for row in data["rows"] if row["scale"] == 4]
    for row, made in zip(shipped, again, strict=True):
        for cell, new in zip(row["cells"], made.cells(), strict=True):
            assert cell["exact"] == pytest.approx(new["exact"], rel=1e-9)
            assert cell["exact_z"] == pytest.approx(new["exact_z"], rel=1e-5)
            assert cell["published"] == new["published"]


def test_cells_of_the_grid_are_means_and_intervals_of_the_seeds():
    runs = accuracy_grid.grid_runs("prefix-sums, 16 bits", Recall.INTERNAL, Norm.PERI)
    share = accuracy_grid.seed_share(runs, "64")
    last = [run["accuracy"]["64"][-1] for run in runs]
    assert share.mean == pytest.approx(np.mean(last))
    assert share.low == pytest.approx(wilson(round(256 * min(last)), 256)[0])
    assert share.high == pytest.approx(wilson(round(256 * max(last)), 256)[1])
    assert share.seeds == 3
    assert accuracy_grid.seed_share([], "64") is None
    figure = accuracy_grid.accuracy_grid_figure()
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert f"{100 * share.mean:.0f}" in texts
    assert f"{100 * share.low:.0f}–{100 * share.high:.0f}" in texts
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 4 * 3


def test_the_caption_of_the_grid():
    def share(recall, norm, level, task="prefix-sums, 16 bits"):
        found = accuracy_grid.seed_share(accuracy_grid.grid_runs(task, recall, norm), level)
        assert found is not None
        return found

    pairs = [(recall, norm) for recall in Recall for norm in recall_and_norm.NORMS]
    odd = (Recall.INTERNAL, Norm.PERI)
    assert all(share(*p, "64").high < 0.04 for p in pairs if p[0] is Recall.NONE)
    assert all(share(*p, "64").low > 0.75 for p in pairs if p[0].present and p != odd)
    text = accuracy_grid.FIGURE.caption
    assert f"({100 * share(*odd, '64').low:.0f} to {100 * share(*odd, '64').high:.0f} %)" in text
    for level in ("easy", "hard"):
        ends = [share(recall, Norm.POST, level, "sudoku-4x4") for recall in Recall]
        assert max(end.low for end in ends) < min(end.high for end in ends)
    for task, level, words in accuracy_grid.ROWS:
        seeds = share(Recall.INTERNAL, Norm.POST, level, task).seeds
        assert seeds == (1 if words.endswith("*") else 3)


def test_an_unknown_architecture_cannot_be_drawn():
    with pytest.raises(UsageError, match="unknown norm"):
        architectures.formula_of(Architecture.parse("none/middle"))
