"""Figures of trained loops: what they plot is in the records, and their captions are true."""

from types import SimpleNamespace

import numpy as np
import pytest
from legible import assert_legible

from loopstab import Architecture
from loopstab.models.forecast.measured_noise import LOOPS
from loopstab.models.network.run_record import default_gradient, shares
from loopstab.models.zoo import zoo
from loopstab.numerics.proportion import wilson
from loopstab.paper_figures.drawings import (
    accuracy_grid,
    disturbed_weights,
    recall_and_norm,
    state_growth,
    state_weights,
)
from loopstab.paper_figures.drawings.measured_lines import shipped_measurements
from loopstab.paper_figures.drawings.record_files import read_record
from loopstab.theory.architecture import Norm, Recall


def lines(axis, gid):
    return [line for line in axis.lines if line.get_gid() == gid]


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


def test_the_gradients_that_the_texts_name():
    """Default in the plan, full in the widest runs."""
    assert {default_gradient(f"{recall}/post") for recall in Recall if recall.present} == {
        "published"
    }
    assert default_gradient("none/post") == "full"
    for task in accuracy_grid.BOARDS:
        runs = [run for r in Recall for run in accuracy_grid.grid_runs(task, r, Norm.POST)]
        assert {run["config"]["encoder_gradient"] for run in runs} == {"full"}


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
    assert f"exceeds {np.floor(1000 * least) / 1000} " in text.replace(":", " ")
    measured = [
        one
        for one in shipped_measurements()
        if (one.task, one.stage) == ("prefix-sums", "end")
        and one.architecture in ("none/peri", "internal/peri")
    ]
    assert {one.architecture for one in measured} == {"none/peri", "internal/peri"}
    assert not any("fixed-point" in one.reachability["outcomes"] for one in measured)


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
        for pair in pairs:
            found = accuracy_grid.seed_share(accuracy_grid.grid_runs(task, *pair), level)
            assert found is None or found.seeds == (1 if words.endswith("*") else 3)


def disturbed(task, architecture, accuracies, stage="end"):
    """A line of measurements with what the figure reads."""
    sizes = (0.0, 0.001, 0.01, 0.1)
    noise = [
        {"size": size, "accuracy": a, "least": a / 2, "largest": (1 + a) / 2}
        for size, a in zip(sizes, accuracies, strict=True)
    ]
    level = disturbed_weights.ROWS[task][0]
    return SimpleNamespace(
        task=task,
        level=level,
        stage=stage,
        architecture=architecture,
        geometry={"noise": noise},
        sizes={"noise_inputs": 4 if architecture == "none/peri" else 32},
    )


def test_disturbances_are_medians_and_bands_of_the_checkpoints():
    tasks = list(disturbed_weights.ROWS)
    found = [
        disturbed(task, f"{recall}/{norm}", (1, 0.9 - 0.2 * i, 0.5 - 0.2 * i, 0.1))
        for task in tasks
        for recall in Recall
        for norm in ("peri", "post")
        for i in range(3 if norm == "peri" or task == tasks[0] else 0)
    ]
    found.append(disturbed(tasks[0], "none/post", (0, 0, 0, 0), stage="initial"))
    figure = disturbed_weights.disturbed_weights_figure(found)
    assert_legible(figure)
    axes = np.array(figure.axes).reshape(len(tasks), 2)
    (line,) = lines(axes[0, 1], "none")
    assert list(line.get_xdata()) == [0.001, 0.01, 0.1]
    np.testing.assert_allclose(line.get_ydata(), [0.7, 0.3, 0.1])
    band = axes[0, 1].collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(0.05)
    assert band[:, 1].max() == pytest.approx(0.95)
    assert [text.get_text() for text in axes[1, 1].texts] == ["no checkpoint"]
    assert axes[0, 0].get_ylabel().endswith("16 bits, n = 4–32")
    assert disturbed_weights.inputs_of(found[3:], tasks[0]) == "32"
    assert_legible(disturbed_weights.disturbed_weights_figure([]))


def test_the_caption_of_disturbances():
    assert f"after {LOOPS} iterations" in disturbed_weights.FIGURE.caption


def test_disturbances_of_the_shipped_measurements_are_drawn():
    measured = shipped_measurements()
    figure = disturbed_weights.disturbed_weights_figure(measured)
    drawn = {line.get_gid(): list(line.get_ydata()) for axis in figure.axes for line in axis.lines}
    recalls = {Architecture.parse(one.architecture).recall for one in measured}
    assert set(drawn) <= set(map(str, recalls))
    for one in measured:
        sizes = [at["size"] for at in one.geometry["noise"]]
        assert sizes == sorted(set(sizes))
        assert sizes[0] == 0


def test_state_weights_are_those_of_histories_and_forecasts():
    forecasts = read_record(*state_weights.FIGURE.data)
    figure = state_weights.state_weights_figure(forecasts)
    axes = np.array(figure.axes).reshape(2, 2)
    for above, below, recall in zip(*axes, state_weights.RECALLS, strict=True):
        curves = [list(line.get_ydata()) for line in above.lines if line.get_gid()]
        assert curves == [values for *_, values in state_weights.training_curves(recall)]
        rho = {
            line["checkpoint"]: line["sources"]["rho_wx"]
            for line in forecasts
            if line["stage"] == "end" and line["architecture"].startswith(str(recall))
        }
        marks = [line for line in below.lines if line.get_marker() != "None"]
        points = [point for line in marks for point in line.get_xydata()]
        assert sorted(x for x, _ in points) == sorted(rho.values())
        found = state_weights.kept_shares(forecasts, recall)
        kept = {point["name"]: point["kept"] for point in found}
        assert sorted(y for _, y in points) == sorted(kept.values())
        for name, share in kept.items():
            run = zoo.describe(name)["run"]
            curve = next(iter(run["accuracy"].values()))
            if "easy" in run["accuracy"]:
                curve = run["accuracy"]["easy"]
            assert share == curve[-1] / max(curve)


def test_the_caption_of_state_weights():
    curves = [c for recall in state_weights.RECALLS for c in state_weights.training_curves(recall)]
    prefix = [max(values) for task, _, values in curves if task == "prefix-sums"]
    boards = [values[-1] for task, _, values in curves if task != "prefix-sums"]
    assert max(prefix) < 1 < min(boards)
    points = [
        point
        for recall in state_weights.RECALLS
        for point in state_weights.kept_shares(read_record(*state_weights.FIGURE.data), recall)
    ]
    for side in (True, False):
        kept = [point["kept"] for point in points if (point["rho"] > 1) == side]
        assert max(kept) >= 0.9
        assert min(kept) <= 0.3
