"""What README and documentation say of trained loops is what the records say."""

import importlib
import re
import sys
from pathlib import Path
from statistics import fmean, median

import numpy as np
import pytest

from loopstab.models.measure.recall_comparison import recall_pairs
from loopstab.models.network.run_record import kind_of, shares, task_of
from loopstab.models.zoo import zoo
from loopstab.models.zoo.kept_accuracy import (
    accuracy_difference,
    kept_accuracy,
    mean_accuracy,
    shipped_runs,
)
from loopstab.numerics.proportion import wilson
from loopstab.paper_figures.text import trained_sentences as said
from loopstab.paper_figures.text import trained_tables as tables
from loopstab.support.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
RUNS = {name: zoo.describe(name)["run"] for name in zoo.names()}


def page(name):
    return " ".join((ROOT / name).read_text().split())


@pytest.fixture(scope="module")
def zoo_page():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        return importlib.import_module("zoo_page").zoo_page()
    finally:
        sys.path.remove(str(ROOT / "docs"))


def _toy(seed, best, last, samples=100):
    return {
        "config": {"seed": seed, "eval_size": samples},
        "loops": [4, 500],
        "accuracy": {"a": [best, last]},
    }


def test_one_seed_has_the_interval_of_its_samples():
    found = mean_accuracy([_toy(0, 0.8, 0.4)], "a")
    assert (found.value, found.low, found.high) == pytest.approx((0.8, *wilson(80, 100)))
    kept = kept_accuracy([_toy(0, 0.8, 0.4)], "a")
    assert (kept.value, kept.low, kept.high) == pytest.approx((0.5, *wilson(40, 80)))


def test_three_seeds_have_students_interval_where_it_is_wider():
    runs = [_toy(s, best, best / 2) for s, best in enumerate((0.4, 0.6, 0.8))]
    found = mean_accuracy(runs, "a")
    half = 4.30265 * 0.2 / 3**0.5
    assert (found.low, found.high) == pytest.approx((0.6 - half, 1.0), rel=1e-5)
    kept = kept_accuracy(runs, "a")  # every seed keeps half: the samples alone are uncertain
    assert (kept.value, kept.low, kept.high) == pytest.approx((0.5, *wilson(30, 60)))


def test_the_interval_of_a_ratio_against_its_formula():
    best, last = np.array([0.4, 0.6, 0.8]), np.array([0.2, 0.5, 0.7])
    kept = kept_accuracy(
        [_toy(s, *pair) for s, pair in enumerate(zip(best, last, strict=True))], "a"
    )
    ratio = last.sum() / best.sum()
    residuals = last - ratio * best
    error = np.sqrt((residuals**2).sum() / 2 / 3) / best.mean()  # their mean is 0
    assert kept.value == pytest.approx(ratio)
    assert kept.low == pytest.approx(ratio - 4.30265 * error, rel=1e-5)
    assert kept.high == 1.0


def test_what_cannot_be_told_is_refused():
    assert kept_accuracy([_toy(0, 0.04, 0.0)], "a") is None
    with pytest.raises(UsageError, match="same seeds"):
        accuracy_difference([_toy(0, 0.5, 0.5)], [_toy(1, 0.5, 0.5)], "a")
    with pytest.raises(UsageError, match="same samples"):
        accuracy_difference([_toy(0, 0.5, 0.5)], [_toy(0, 0.5, 0.5, 50)], "a")
    with pytest.raises(UsageError, match="no shipped run"):
        shipped_runs("kqk", "none/pre")


def _mean(task, kind, level, moment):
    own = [run for run in RUNS.values() if task_of(run) == task and kind_of(run) == kind]
    return fmean(getattr(shares(run, level), moment) for run in own if "choice" not in run)


def test_the_numbers_of_the_sentences_against_plain_means():
    text = said.four_times()
    order = (
        "external/post",
        "external/peri",
        "internal/post",
        "internal/peri",
        "none/post",
        "none/peri",
    )
    values = [_mean(said.SUMS, kind, "64", "chosen") for kind in order]
    assert re.findall(r"(\d\.\d{3}) \(", text) == [f"{value:.3f}" for value in values]
    lengths = said.trained_length()
    for kind in ("internal/peri", "internal/post", "external/post", "external/peri"):
        ends = [_mean(said.SUMS, kind, "16", moment) for moment in ("chosen", "last")]
        assert "{:.3f} to {:.3f}".format(*ends) in lengths
    for task, level in ((said.SUMS, "16"), (said.SMALL, "hard"), (said.ENDGAMES, "easy")):
        ends = [_mean(task, "none/post", level, moment) for moment in ("chosen", "last")]
        assert "{:.3f} to {:.3f}, of which".format(*ends) in said.without_recall()
    seed0 = RUNS["prefix-sums-16-none-post-published-s0"], RUNS["prefix-sums-16-none-post-s0"]
    gap = shares(seed0[0], "32").chosen - shares(seed0[1], "32").chosen
    assert f"{gap:+.3f}" in said.published_gradient()


def test_readme_and_pages_hold_the_sentences():
    assert said.caption() in page("README.md")
    assert said.four_times() in page("README.md")
    assert said.caption() in page("docs/index.md")


def test_the_page_of_recall_holds_the_shipped_comparison():
    record, text = tables.recall_record(), page("docs/recall.md")
    for line in tables.recall_table(record):
        assert line in text
    for norm in ("post", "peri"):
        for moment in ("chosen", "last"):
            assert tables.recall_verdicts(record, norm, moment) in text
    assert tables.sudoku_answer(record) in text
    assert tables.contrast_answer(record) in text
    assert tables.pairs_told(record) in text
    assert f"with a margin of {100 * record['margin']:.0f} points" in text
    assert f"--samples {record['settings']['samples']} " in text
    assert record["command"].startswith(
        f"loopstab recall --accuracy --samples {record['settings']['samples']}"
    )
    assert {row["task"] for row in record["tasks"]} == {
        task_of(RUNS[pair.internal])
        for pair in recall_pairs({name: {"run": run} for name, run in RUNS.items()})
    }


def test_after_500_iterations_external_recall_has_lost_more_where_internal_is_ahead():
    """What the page of recall says of chess and KQK by the recipe."""
    for task in ("chess", "chess, width 256", "kqk"):
        kept = [
            kept_accuracy(shipped_runs(task, f"{recall}/post (full)", recipe=True), "easy")
            for recall in ("internal", "external")
        ]
        assert kept[0].low > kept[1].high


def test_the_verdict_sentences_follow_the_record():
    row = {
        "task": "sudoku-4x4",
        "recipe": False,
        "norm": "post",
        "moment": "chosen",
        "seeds": 1,
        "samples": [9],
        "difference": 0.1,
        "interval": [0.06, 0.2],
        "verdict": "better",
        "substantial": True,
        "source": "paired",
    }
    record = {"margin": 0.05, "tasks": [row]}
    assert "is better by more than 5 points" in tables.sudoku_answer(record)
    assert "better, by more than 5 points |" in tables.recall_table(record)[-1]
    assert tables.recall_verdicts(record, "post", "chosen").endswith(
        "better on 4x4 sudoku (one seed)."
    )
    row["interval"] = [-0.02, 0.2]
    assert "stays open" in tables.sudoku_answer(record)
    row["interval"] = [-0.02, 0.04]
    assert "Each interval excludes" in tables.sudoku_answer(record)


def test_pairs_are_counted_where_the_test_is_clear():
    def pair(norm, moment, difference, p_value):
        return {
            "internal": f"internal-{norm}",
            "moment": moment,
            "difference": difference,
            "p_value": p_value,
        }

    rows = [pair("post", "chosen", 0.1, 0.01), pair("post", "chosen", 0.1, 0.2)]
    rows += [pair("post", "chosen", -0.1, 0.04), pair("peri", "last", -0.1, 0.01)]
    told = tables.pairs_told({"pairs": rows})
    assert "post at the chosen iterations, 1 of 3 are better with internal recall and 1" in told
    assert "peri after 500, 0 of 1 are better with internal recall and 1 with external." in told


def test_the_zoo_page_begins_with_what_the_loops_show(zoo_page):
    first = re.findall(r"^## (.*)$", zoo_page, re.MULTILINE)[0]
    assert first == "What the trained loops show"
    for name in (
        "four_times",
        "outer_norm",
        "trained_length",
        "without_recall",
        "published_gradient",
        "wide_sudoku",
        "wide_chess",
    ):
        assert getattr(said, name)() in zoo_page
    assert not any(run["task"] == "krk" for run in RUNS.values())
    assert "KRK" not in zoo_page


def test_accuracies_on_the_page_of_recall():
    """The two rows of accuracies in each table, and the counts in the text."""
    text = page("docs/recall.md")
    pairs = recall_pairs({name: {"run": run} for name, run in RUNS.items()})
    assert f"20 of the {len(pairs)} pairs" in text
    assert f"All {len(pairs)} pairs" in text
    left_out = ("sudoku-w256", "chess-internal", "kqk-internal-post-full")
    told = [pair for pair in pairs if not pair.internal.startswith(left_out)]
    assert len(told) == 20
    rows = iter(
        re.findall(r"\| accuracy at (?:best|500) \|[^|]*\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|", text)
    )
    for norm in ("post", "peri"):
        for moment in ("chosen", "last"):
            own = [
                [
                    fmean(
                        getattr(shares(RUNS[name], level), moment)
                        for level in RUNS[name]["accuracy"]
                    )
                    for name in (pair.internal, pair.external)
                ]
                for pair in told
                if f"-{norm}" in pair.internal
            ]
            gaps = [a - b for a, b in own]
            numbers = (median(a for a, _ in own), median(b for _, b in own), median(gaps))
            signs = [sum(gap > 0 for gap in gaps), gaps.count(0), sum(gap < 0 for gap in gaps)]
            cells = [cell.strip() for cell in next(rows).split("|")[2:-1]]
            assert int(cells[0]) == len(own)
            assert [float(cell) for cell in cells[1:4]] == pytest.approx(numbers, abs=6e-4)
            assert [int(cell) for cell in cells[4].split(",")] == signs


def test_counts_of_checkpoints_in_the_pages():
    no_file = sum(run["task"] not in ("sudoku", "chess") for run in RUNS.values())
    assert f"of the {no_file} checkpoints that need no data file" in page("docs/recall.md")
    assert f"73 of the {len(RUNS)} that are shipped" in page("docs/stretch.md")


def test_the_recipe_solves_most_easy_puzzles():
    """What the page of training says of every shipped run of it."""
    text = page("docs/training.md")
    assert (
        "at its chosen number of iterations every shipped run of it solves most of the held-out"
        " easy puzzles (one seed each)" in text
    )
    recipe = [run for run in RUNS.values() if "choice" in run]
    assert {run["config"]["seed"] for run in recipe} == {0}
    for run in recipe:
        assert wilson(round(2048 * shares(run, "easy").chosen), 2048)[0] > 0.5


def test_the_sums_below_the_table_of_settled_orbits():
    text = (ROOT / "docs" / "others.md").read_text()
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]]
        for line in text.splitlines()
        if re.match(r"\| `", line)
    ]
    counts = np.array([[int(cell) for cell in row[3:]] for row in rows])
    settled_right, settled, cycle_right, cycle, moving_right, moving = counts.sum(0)
    words = " ".join(text.split())
    assert f"Of the {settled + cycle + moving} wrong answers in the table {settled} are" in words
    assert f"{cycle} cycles and {moving} orbits that still move" in words
    right = settled_right + cycle_right + moving_right
    assert f"of the {right} right ones {settled_right} are fixed points, {cycle_right}" in words
    assert f"{moving_right} are read from orbits that still move" in words
    wide = sum(row for row, names in zip(counts, rows, strict=True) if "sudoku-w256" in names[0])
    assert (
        f"Of the {wide[1::2].sum()} failures of `sudoku-w256`, {wide[1]} settle, {wide[3]}" in words
    )
    assert f"are in cycles and {wide[5]} move" in words
