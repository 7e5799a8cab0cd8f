"""Diagrams: axes, cells of several sizes, the store of samples, and that no number depends on who
measured it or in which order.
"""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import PhaseDiagram, phase_diagram
from loopstab.numerics.phase import Cells, DiagramAxis, local, store
from loopstab.numerics.phase.laws.law import complete
from loopstab.numerics.phase.laws.registry import law_named
from loopstab.numerics.phase.request import usual_axes
from loopstab.numerics.phase.store import Store
from loopstab.numerics.phase.sweep import _median
from loopstab.numerics.phase.work import measure, tasks_of
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.theory.outcome import Outcome

SMALL = {"grid": (4, 4), "settings": {"residual": 1.0, "width": 40}, "seed": 3, "draws": 2}
MAPS = ("rho", "iterations", "sensitivity", "outcome", "converged", "contradicted")


@pytest.fixture(scope="module")
def diagram():
    return phase_diagram(**SMALL, depth=1, jobs=1)


def assert_same(a, b):
    for name in MAPS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(a.cells.level, b.cells.level)


@pytest.mark.parametrize(
    "workforce",
    [local(2), local(3), lambda tasks: [(t, t()) for t in reversed(tasks)]],
    ids=["two", "three", "backwards"],
)
def test_equal_for_every_number_of_jobs_and_any_order(diagram, workforce):
    assert_same(phase_diagram(**SMALL, depth=1, workforce=workforce), diagram)


def test_equal_in_processes(diagram):
    assert_same(phase_diagram(**SMALL, depth=1, workforce=local(2, "loky")), diagram)


def test_a_cell_is_the_median_of_its_draws(diagram):
    law, values = law_named("linear"), diagram.values
    for i in (0, 7, len(diagram.cells) - 1):
        point = law.point({name: column[i] for name, column in values.items()})
        samples = [law.measure((3, k), [point]) for k in range(2)]
        assert diagram.rho[i] == pytest.approx(np.median([s.rho[0] for s in samples]), abs=1e-9)
        assert diagram.converged[i] == np.mean([s.outcome[0] == "fixed-point" for s in samples])
        assert (
            diagram.contradicted[i] == 1 - diagram.converged[i]
        )  # the linear law has rho < 1 everywhere


def test_independent_cells_have_matrices_of_their_own():
    """Cells of equal a/sigma and beta/sigma are one sample when they share matrices, and differ
    when they do not.
    """
    same = {
        "x": "sigma:1:4:log",
        "y": "width:30:31",
        "grid": (2, 2),
        "settings": {"residual": 0.0, "beta": 1.0},
    }
    shared, own = (phase_diagram(**same, independent=flag, jobs=1) for flag in (False, True))
    assert len(set(own.rho)) == 4
    assert not (own.rho == shared.rho).any()
    assert_same(own, phase_diagram(**same, independent=True, jobs=2))


def test_medians_are_over_what_exists():
    values = np.array([[1.0, 5, 2], [np.nan, 4, 1], [np.inf, np.nan, 3], [np.nan] * 3])
    np.testing.assert_array_equal(_median(values), [2.0, 2.5, 3.0, np.nan])
    np.testing.assert_array_equal(_median(values[:, :2]), [3.0, 4.0, np.nan, np.nan])


# Axes and cells


def test_axes():
    axis = DiagramAxis.parse("beta:0.1:10:log")
    np.testing.assert_allclose(axis.at([0, 0.5, 1]), [0.1, 1, 10])
    assert str(axis) == "beta:0.1:10:log"
    for odd in (
        axis,
        DiagramAxis("residual", 0.1 + 0.2, 2e6 / 3),
        DiagramAxis("sigma", 1e-7, 123456789.0, log=True),
    ):
        assert DiagramAxis.parse(str(odd)) == odd
    np.testing.assert_allclose(DiagramAxis.parse("residual:0:2").at([0, 0.5, 1]), [0, 1, 2])


@pytest.mark.parametrize(
    "text",
    [
        "beta",
        "beta:1",
        "beta:a:b",
        "beta:1:2:cubic",
        ":1:2",
        "beta:2:1",
        "beta:1:1",
        "beta:0:1:log",
        "beta:1:inf",
    ],
)
def test_wrong_axes(text):
    with pytest.raises(UsageError, match="axis"):
        DiagramAxis.parse(text)


@pytest.mark.parametrize(
    ("law", "given", "names"),
    [
        ("tanh", {}, ("beta", "sigma")),
        ("tanh", {"x": "sigma:1:2"}, ("sigma", "beta")),
        ("tanh", {"settings": {"beta": 1.0}}, ("sigma", "residual")),
        ("internal/post", {}, ("recall", "block")),
        ("transformer:external/peri/gru", {}, ("recall", "block")),
        ("transformer:none/post", {"settings": {"heads": 1}}, ("block", "width")),
    ],
)
def test_axes_that_suit_the_law_are_taken_where_none_is_given(law, given, names):
    settings = given.pop("settings", {})
    axes = (DiagramAxis.parse(given[name]) if name in given else None for name in "xy")
    x, y = usual_axes(law_named(law), *axes, settings)
    assert (x.name, y.name) == names


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(
    st.integers(2, 5),
    st.integers(2, 5),
    st.integers(0, 3),
    st.floats(-1, 1),
    st.floats(-1, 1),
    st.floats(0.1, 1),
)
def test_cells_tile_the_plane_and_are_small_along_the_border(rows, cols, depth, x, y, radius):
    """The class is whether the centre lies in a disk: then every border is between cells of the
    last level, and areas add up to 1.
    """
    cells = Cells.coarse(rows, cols)
    for _ in range(20):
        u, v = cells.shares()
        inside = np.hypot(u - x, v - y) < radius
        chosen = cells.boundary(inside, depth)
        if not chosen.any():
            break
        cells = cells.split(chosen)
    assert not chosen.any()
    assert (4.0**-cells.level).sum() == pytest.approx(rows * cols)
    index = cells.raster()
    assert set(np.unique(index)) == set(range(len(cells)))
    for a, b in ((index[1:], index[:-1]), (index[:, 1:], index[:, :-1])):
        border = inside[a] != inside[b]
        assert (cells.level[a[border]] == depth).all()
        assert (cells.level[b[border]] == depth).all()


def test_the_diagram_is_refined_where_the_outcome_changes(diagram):
    assert set(diagram.cells.level) == {0, 1}
    label = np.array([f"{o} {r < 1}" for o, r in zip(diagram.outcome, diagram.rho, strict=True)])
    assert not diagram.cells.boundary(label.tolist(), 1).any()
    coarse = phase_diagram(**SMALL, jobs=1)
    kept = diagram.cells.level == 0
    np.testing.assert_array_equal(
        diagram.rho[kept],
        coarse.rho[
            [
                4 * r + c
                for r, c in zip(diagram.cells.row[kept], diagram.cells.col[kept], strict=True)
            ]
        ],
    )


@pytest.mark.parametrize(
    ("x", "y", "fixed"),
    [
        ("fraction:0:0.9", "width:20:40", {"beta": 2.0}),
        ("residual:0:3", "beta:0.5:4:log", {"width": 24}),
        ("slope:0.5:3", "sigma:0.5:2", {"width": 24}),
    ],
)
def test_any_two_parameters(x, y, fixed):
    found = phase_diagram("tanh", x=x, y=y, settings=fixed, grid=(2, 3), jobs=1)
    assert found.rho.shape == (6,)
    assert np.isfinite(found.rho_theory).all()
    if "width" not in fixed:
        assert set(found.values["width"]) == {25.0, 35.0}


# Store


def test_samples_are_found_again_and_only_the_rest_is_measured(tmp_path, diagram):
    first = phase_diagram(**SMALL, cache=tmp_path, jobs=1)
    second = phase_diagram(**SMALL, depth=1, cache=tmp_path, jobs=2)
    assert first.measured == 32
    assert second.measured == diagram.measured - 32 > 0
    assert_same(second, diagram)
    assert phase_diagram(**SMALL, depth=1, cache=tmp_path).measured == 0
    assert len(list(tmp_path.glob("*.npz"))) <= 8  # a shard per task, not per cell
    more = phase_diagram(**{**SMALL, "draws": 3}, cache=tmp_path)
    assert more.measured == 16


def test_other_code_measures_again(tmp_path, monkeypatch):
    first = phase_diagram(**SMALL, cache=tmp_path)
    monkeypatch.setattr(store, "version", lambda module: "another")
    assert phase_diagram(**SMALL, cache=tmp_path).measured == first.measured


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:100],
        lambda raw: b"",
        lambda raw: raw[:-40] + b"x" * 40,
        lambda raw: b"\x80\x04\x95pickle",
    ],
)
def test_a_damaged_shard_is_named_and_measured_again(tmp_path, damage):
    first = phase_diagram(**SMALL, cache=tmp_path)
    path = sorted(tmp_path.glob("*.npz"))[0]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(UserWarning, match=f"{path.name} is damaged"):
        second = phase_diagram(**SMALL, cache=tmp_path)
    assert 0 < second.measured < first.measured
    assert_same(first, second)
    assert phase_diagram(**SMALL, cache=tmp_path).measured == 0


def test_killed_and_resumed(tmp_path):
    """SIGKILL in the middle: the finished tasks are kept, a request continues from them, and the
    numbers are those of a run without a break.
    """
    asked = {"x": "beta:1:5:log", "grid": (3, 3), "settings": {"width": 30}}
    code = (
        f"from loopstab import phase_diagram; phase_diagram(**{asked!r}, draws=9999,"
        f" cache={str(tmp_path)!r}, jobs=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("*.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = len(Store(tmp_path))
    assert kept >= 18
    assert kept % 9 == 0
    draws = kept // 9 + 5
    resumed = phase_diagram(**asked, draws=draws, cache=tmp_path, jobs=1)
    assert resumed.measured == 9 * 5
    assert_same(resumed, phase_diagram(**asked, draws=draws, jobs=2))


def test_tasks_do_not_depend_on_the_order_of_requests():
    law = law_named("linear")
    requests = [
        ((0, k), law.point(complete(law, {"beta": 0.1 * b, "width": 9})))
        for k in range(2)
        for b in range(1, 300)
    ]
    tasks = tasks_of(law, requests, None)
    assert tasks == tasks_of(law, [*requests[::-1], *requests[:5]], None)
    assert sorted(p for t in tasks for p in t.points) == sorted(p for _, p in requests)
    known = Store()
    assert measure(law, requests[:4], known, local(1)) == len(known) == 4
    assert measure(law, requests[:6], known, local(1)) == 2


# Files and requests


def test_a_diagram_is_printed_in_short():
    small = phase_diagram(settings={"width": 8}, grid=(2, 3), jobs=1)
    counts = Counter(small.outcome)
    text = str(small)
    assert text.startswith("linear over beta:")
    assert "6 cells, 1 draw each, seed 0; " in text
    assert all(f"{name} {n}" in text for name, n in counts.items())


def test_round_trip_and_damage(diagram, tmp_path):
    diagram.save(tmp_path)
    back = PhaseDiagram.load(tmp_path)
    assert_same(back, diagram)
    assert back.summary() == diagram.summary()
    assert json.loads((tmp_path / "phase.json").read_text())["map"]["rho"] == [
        None if np.isnan(r) else r for r in diagram.rho
    ]
    path = tmp_path / "phase.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LoopstabError, match="damaged"):
        PhaseDiagram.load(tmp_path)
    with pytest.raises(UsageError, match="loopstab phase"):
        PhaseDiagram.load(tmp_path / "none")


WRONG = [
    ({"law": "cubic"}, "unknown law"),
    ({"law": "inner/post"}, "unknown recall"),
    ({"grid": (1, 4)}, "2x2"),
    ({"draws": 0}, "draws"),
    ({"depth": 9}, "depth"),
    ({"seed": -1}, "seed"),
    ({"settings": {"residual": -1.0}}, "residual"),
    ({"settings": {"width": 1}}, "width"),
    ({"settings": {"width": 20.5}}, "whole number"),
    ({"settings": {"gamma": 1.0}}, "no parameter 'gamma'"),
    ({"x": "beta:1:2", "settings": {"beta": 1.0}}, "beta is an axis"),
    ({"x": "sigma:1:2", "y": "sigma:1:2"}, "both axes"),
    ({"x": "gamma:1:2"}, "no parameter 'gamma'"),
    ({"x": "beta:-1:2"}, "beta"),
    ({"x": "beta:1:1"}, "no range"),
    ({"x": "residual:0:1", "settings": {"fraction": 0.5}}, "two forms of one parameter"),
    ({"law": "internal/post", "x": "beta:1:2"}, "no parameter"),
    ({"settings": {"slope": 2.0}}, "no parameter 'slope'"),
    ({"x": "width:1:9"}, "width"),
]


@pytest.mark.parametrize(("bad", "words"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_requests(bad, words):
    with pytest.raises(UsageError, match=words) as error:
        phase_diagram(**bad)
    assert "\n" not in str(error.value)


def test_unwritable_folder(diagram, tmp_path):
    target = tmp_path / "file"
    target.write_text("in the way")
    for work in (lambda: diagram.save(target), lambda: phase_diagram(**SMALL, cache=target)):
        with pytest.raises(UsageError, match="--out"):
            work()
    assert target.read_text() == "in the way"
    assert stat.S_ISREG(os.stat(target).st_mode)


def test_the_law_is_contradicted_where_it_should_be():
    """tanh(3 h) below its edge: rho > 1 in theory, no orbit arrives, nothing is contradicted; far
    above it all arrive.
    """
    found = phase_diagram(
        "tanh",
        x="beta:0.1:6:log",
        y="sigma:0.9:1.1",
        grid=(2, 6),
        settings={"slope": 3.0, "residual": 0.0, "width": 100},
    )
    below, above = found.values["beta"] < 0.3, found.values["beta"] > 3
    assert (found.rho_theory[below] > 1).all()
    assert (found.outcome[below] != str(Outcome.FIXED_POINT)).all()
    assert (found.outcome[above] == str(Outcome.FIXED_POINT)).all()
    assert (found.contradicted[below | above] == 0).all()
    assert found.mean_absolute_error < 0.1
