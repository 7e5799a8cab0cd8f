"""Figures of the zoo: every mark is a number of a record."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from loopstab.models.network.run_record import chosen_loops, kind_of, samples_of, shares, task_of
from loopstab.models.zoo import zoo
from loopstab.paper_figures.drawings import boards, zoo_accuracy
from loopstab.paper_figures.drawings.boards import TITLES, board_figure, board_runs
from loopstab.paper_figures.drawings.zoo_accuracy import KINDS, LEVELS, TASKS, plan_runs, zoo_figure
from loopstab.support.errors import UsageError


def inside(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box, (width, height) = figure.get_tightbbox(canvas.get_renderer()), figure.get_size_inches()
    return min(box.x0, box.y0) >= -0.01 and box.x1 <= width + 0.01 and box.y1 <= height + 0.01


def test_every_run_of_the_plan_is_drawn_at_best_and_at_the_end():
    runs, figure = plan_runs(), zoo_figure(plan_runs())
    assert len(runs) == 60
    assert inside(figure)
    axes = figure.axes
    for column, task in enumerate(TASKS):
        for row, level in enumerate(LEVELS[task]):
            heights = sorted(
                float(y)
                for line in axes[3 * row + column].lines
                if line.get_linestyle() == "None"
                for y in line.get_ydata()
            )
            wanted = sorted(
                y for run in runs if task_of(run) == task for y in shares(run, level)[::2]
            )
            assert heights == wanted
    assert [label.get_text() for label in axes[-1].get_xticklabels()] == KINDS


def test_curves_of_the_boards_are_those_of_the_records():
    runs, figure = board_runs(), board_figure(board_runs())
    assert {run["task"] for run in runs} >= {"sudoku", "chess"}
    panels = [
        (task, level)
        for task in dict.fromkeys(
            run["task"] for run in sorted(runs, key=lambda r: list(TITLES).index(r["task"]))
        )
        for level in ("easy", "hard")
    ]
    assert len(figure.axes) == len(panels)
    for axis, (task, level) in zip(figure.axes, panels, strict=True):
        own = [run for run in runs if run["task"] == task]
        curves = [list(line.get_ydata()) for line in axis.lines if len(line.get_ydata()) > 2]
        assert curves == [run["accuracy"][level] for run in own]
        marks = [
            (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
            for line in axis.lines
            if len(line.get_ydata()) == 1
        ]
        assert marks == [(run["choice"]["loops"], shares(run, level).chosen) for run in own]
    with pytest.raises(UsageError, match="no run of sudoku"):
        board_figure([])


def test_the_captions_are_true_of_the_records():
    kept = {}
    for run in plan_runs():
        share = min(c[-1] / max(c) for c in run["accuracy"].values() if max(c))
        kept.setdefault(task_of(run), {})[kind_of(run), run["config"]["seed"]] = share
    text = zoo_accuracy.FIGURE.caption
    prefix, sudoku, kqk = (kept[task] for task in TASKS)
    steady = [s for (kind, _), s in prefix.items() if "external" in kind or kind == "internal/post"]
    assert len(steady) == 9
    assert f"at least {100 * min(steady) // 1:.0f} %" in text
    assert f"sudoku {sum(s >= 0.97 for s in sudoku.values())} of {len(sudoku)} runs" in text
    assert f"endgames {sum(s < 0.9 for s in kqk.values())} of {len(kqk)} lose" in text
    samples = {samples_of(run, level) for run in plan_runs() for level in run["accuracy"]}
    assert [f"{n} samples of each level" in zoo_accuracy.FIGURE.text for n in samples] == [True]
    text, runs = boards.FIGURE.caption, board_runs()
    assert {run["config"]["encoder_gradient"] for run in runs} == {"full"}
    assert {run["config"]["seed"] for run in runs} == {0}
    sudoku = {r["architecture"]: r for r in runs if r["task"] == "sudoku"}
    recalled = [r["choice"]["loops"] for name, r in sudoku.items() if "none" not in name]
    assert f"at {min(recalled)} iterations and more" in text
    curve = sudoku["none/post"]["accuracy"]["easy"]
    assert f"from {100 * max(curve):.0f} to {100 * curve[-1]:.0f} %" in text
    chess = [r["choice"]["loops"] for r in runs if r["task"] == "chess"]
    assert f"best at {max(chess)} or fewer" in text


def test_nothing_to_draw():
    with pytest.raises(UsageError, match="no run of prefix-sums"):
        zoo_figure([zoo.describe("internal-post")["run"]])


def test_readings_of_a_record():
    run = {
        "task": "kqk",
        "architecture": "none/post",
        "loops": [1, 20, 40, 500],
        "accuracy": {"easy": [0.1, 0.5, 0.7, 0.2]},
        "config": {"encoder_gradient": "published", "schedule": {"kind": "fixed-steps"}},
    }
    assert shares(run, "easy") == (0.7, 0.5, 0.2)
    assert chosen_loops(run, "easy") == 40
    chosen = {**run, "choice": {"loops": 20}, "samples": {"easy": 9}}
    assert (shares(chosen, "easy"), samples_of(chosen, "easy")) == ((0.5, 0.5, 0.2), 9)
    assert (task_of(run), kind_of(run)) == ("kqk", "none/post (published)")
    recalled = {
        **run,
        "architecture": "internal/post",
        "config": {**run["config"], "schedule": {"bits": 16}},
    }
    assert (task_of(recalled), kind_of(recalled)) == ("kqk, 16 bits", "internal/post")
