"""Internal against external recall on the same samples: intervals, verdicts, file and command."""

import json
from itertools import product
from math import comb

import numpy as np
import pytest

from loopstab.models.measure.evaluate import accuracy_curve, recorded_samples, verdicts
from loopstab.models.measure.paired_accuracy import (
    MeanDifference,
    PairedCounts,
    clustered_difference,
    contrast,
    independent_difference,
)
from loopstab.models.measure.recall_accuracy import pair_rows, task_rows
from loopstab.models.measure.recall_comparison import Pair
from loopstab.models.measure.recorded_answers import (
    Answers,
    AnswersFile,
    enough_samples,
    read_answers,
    recorded_answers,
)
from loopstab.models.network.checkpoint import load_model
from loopstab.models.tasks.registry import recorded_task
from loopstab.models.zoo import zoo
from loopstab.paper_figures.cli import main
from loopstab.support.errors import LoopstabError, UsageError

NAMES = [
    f"sudoku-4x4-{r}-{n}-s{s}"
    for n, s in product(("post", "peri"), (0, 1))
    for r in ("internal", "external")
]
PAIRS = [Pair(a, b) for a, b in zip(NAMES[::2], NAMES[1::2], strict=True)]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (5, 0), (3, 9), (1, 1), (12, 2)])
def test_mcnemar_against_the_sum_of_binomials(first, second):
    n = first + second
    split = comb(n, first) / 2**n
    slow = sum(comb(n, k) / 2**n for k in range(n + 1) if comb(n, k) / 2**n <= split)
    assert PairedCounts(40, 5, first, second).p_value == pytest.approx(min(1, slow))


def test_counts():
    a, b = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 0], bool)
    found = PairedCounts.of(a, b)
    assert found == PairedCounts(5, 1, 2, 1)
    assert found.difference == pytest.approx(0.2)
    with pytest.raises(UsageError, match="equal length"):
        PairedCounts.of(a, b[:4])


def test_paired_interval_of_a_published_kind():
    """(b + 1)/(n + 2) = 0.1, (c + 1)/(n + 2) = 0.02 for n = 98: 0.08 -+ 1.96 sqrt(0.1136/100)."""
    low, high = PairedCounts(98, 50, 9, 1).interval
    assert (low, high) == pytest.approx((0.08 - 0.06606, 0.08 + 0.06606), abs=1e-4)


def _coverage(interval, truth, trials=400):
    """The share of simulated experiments whose interval holds the true difference."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(trials):
        low, high = interval(rng)
        hits += low <= truth <= high
    return hits / trials


def test_intervals_cover_what_they_promise():
    """Loops that solve 0.8 and 0.7 of the samples, paired and independent. A share of 400
    experiments has a standard error of 0.011, four of which are allowed.
    """

    def paired(rng):
        u = rng.random(200)
        return PairedCounts.of(u < 0.8, (u < 0.65) | (u > 0.95)).interval

    def independent(rng):
        hits = rng.binomial(200, 0.8), rng.binomial(200, 0.7)
        return independent_difference([([int(hits[0])], [int(hits[1])], 200)]).interval

    assert _coverage(paired, 0.1) > 0.905
    assert _coverage(independent, 0.1) > 0.905


def test_the_interval_over_three_seeds_covers_and_the_bootstrap_alone_does_not():
    """Seeds that differ by far more than samples: of three, a bootstrap sees too little."""
    wide, narrow = 0, 0
    rng = np.random.default_rng(2)
    for trial in range(300):
        values = np.tile(np.clip(rng.normal(0, 0.1, (3, 1)), -1, 1), 200)
        found = clustered_difference([values], 300, trial)
        (a, b), (c, d) = found.interval, found.sampling
        wide += a <= 0 <= b
        narrow += c <= 0 <= d
    assert wide / 300 > 0.9
    assert narrow / 300 < 0.85  # three seeds have one sign in a quarter of the trials


def test_the_bootstrap_against_its_variance():
    """One seed: the draws are a mean of n + 2 values, of which the variance is known."""
    row = np.array([[1] * 20 + [-1] * 8 + [0] * 72])
    values = np.append(row, [1, -1])
    deviation = values.std() / np.sqrt(102)
    low, high = clustered_difference([row], seed=3).sampling
    assert (high - low) / 2 == pytest.approx(1.96 * deviation, rel=0.05)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=0.01)


def test_few_equal_answers_are_no_proof():
    for samples, verdict in ((8, "open"), (400, "competitive")):
        assert clustered_difference([np.zeros((1, samples), int)]).verdict() == verdict


@pytest.mark.parametrize(
    ("interval", "verdict", "substantial"),
    [
        ((-0.05, 0.05), "competitive", False),
        ((0.01, 0.04), "competitive", False),
        ((0.01, 0.06), "better", False),
        ((0.06, 0.2), "better", True),
        ((-0.06, -0.01), "worse", False),
        ((-0.2, -0.06), "worse", True),
        ((-0.06, 0.02), "open", False),
    ],
)
def test_the_rule_of_the_verdicts(interval, verdict, substantial):
    found = MeanDifference(1, (9,), 0.0, (0.0,), interval, None)
    assert (found.verdict(), found.substantial()) == (verdict, substantial)
    hull = MeanDifference(2, (9,), 0.0, (0.0, 0.0), (0.0, 0.0), interval)
    assert hull.interval == (min(0, interval[0]), max(0, interval[1]))


@pytest.mark.parametrize("levels", [[], [np.zeros((0, 4))], [np.zeros((2, 4)), np.zeros((3, 4))]])
def test_differences_of_no_use_are_refused(levels):
    with pytest.raises(UsageError, match="differences must be"):
        clustered_difference(levels)


@pytest.mark.parametrize("levels", [[], [([5], [3], 4)], [([1, 2], [3], 4)], [([], [], 4)]])
def test_counts_of_no_use_are_refused(levels):
    with pytest.raises(UsageError, match="right answers"):
        independent_difference(levels)


def test_a_contrast_recovers_the_variances():
    """Of two equal differences: the interval is symmetric and wider by the root of two."""
    found = independent_difference([([40], [40], 100)])
    low, high = contrast(found, found).sampling
    assert high == -low == pytest.approx(found.sampling[1] * 2**0.5)
    assert contrast(found, found).most == 2


def test_counts_of_several_seeds():
    """Student's quantile of one degree of freedom is 12.706."""
    found = independent_difference([([50, 40], [30, 30], 100), ([30, 30], [10, 30], 100)])
    assert found.by_seed == pytest.approx((0.2, 0.05))
    assert found.between_seeds == pytest.approx(
        (0.125 - 12.706 * 0.075, 0.125 + 12.706 * 0.075), abs=1e-4
    )
    assert found.interval[0] == found.between_seeds[0]


def test_answers_are_those_of_the_accuracy_curve():
    name, samples = NAMES[0], 12
    found = recorded_answers(zoo.load(name), name, samples)
    assert set(found) == {"easy", "hard"}
    model, meta = load_model(zoo.load(name))
    task = recorded_task(meta["run"])
    for level, answers in found.items():
        batch = recorded_samples(meta["run"], task, level).of(slice(samples))
        curve = accuracy_curve(model, task, batch, answers.loops)
        assert answers.right.mean(1).tolist() == curve
        alone = [
            verdicts(model, task, batch.of(slice(i, i + 1)), answers.loops)[:, 0].tolist()
            for i in (0, 5)
        ]
        assert [answers.right[:, i].tolist() for i in (0, 5)] == alone
    with pytest.raises(UsageError, match="count from 1"):
        recorded_answers(zoo.load(name), name, 0)


def _answers(rng, samples=11):
    return {
        name: {level: Answers((4, 500), rng.random((2, samples)) < 0.5) for level in ("a", "b")}
        for name in NAMES
    }


def test_rows_against_plain_means():
    answers = _answers(np.random.default_rng(0))
    records = {name: zoo.describe(name) for name in NAMES}
    for record in records.values():
        record["run"]["config"]["eval_size"] = 11
    rows = {(row.norm, row.moment): row for row in task_rows(PAIRS, answers, records)}
    assert set(rows) == set(product(("post", "peri", "post - peri"), ("chosen", "last")))

    def mean(norm, at):
        own = [pair for pair in PAIRS if f"-{norm}-" in pair.internal]
        return np.mean(
            [
                answers[pair.internal][level].right[at].mean()
                - answers[pair.external][level].right[at].mean()
                for pair in own
                for level in ("a", "b")
            ]
        )

    for at, moment in enumerate(("chosen", "last")):
        post, peri = mean("post", at), mean("peri", at)
        assert rows["post", moment].difference.difference == pytest.approx(post)
        assert rows["post - peri", moment].difference.difference == pytest.approx(post - peri)
        assert rows["peri", moment].difference.seeds == 2
    single = pair_rows(PAIRS[:1], answers)
    assert [(row.level, row.moment) for row in single] == list(
        product(("a", "b"), ("chosen", "last"))
    )
    assert pair_rows(PAIRS[:1], {}) == []


def test_pairs_without_answers_are_compared_by_recorded_counts():
    names = "kqk-internal-post-full-s0", "kqk-external-post-full-s0"
    records = {name: zoo.describe(name) for name in names}
    chosen, last = task_rows([Pair(*names)], {}, records)
    assert (chosen.source, last.moment, last.norm) == ("counts", "last", "post")
    curves = [records[name]["run"]["accuracy"] for name in names]
    expected = np.mean([curves[0][level][-1] - curves[1][level][-1] for level in ("easy", "hard")])
    assert last.difference.difference == pytest.approx(expected)
    assert last.difference.samples == (2048, 2048)


def test_answers_are_kept_and_damage_is_told(tmp_path):
    path, found = tmp_path / "answers.json", _answers(np.random.default_rng(4), 13)
    store = AnswersFile(path, {"samples": 13})
    for name in NAMES:
        store.get(name, lambda name=name: found[name])
    again = AnswersFile(path, {"samples": 13})
    for name in NAMES:
        kept = again.get(name, lambda: pytest.fail("it is kept"))
        for level in ("a", "b"):
            np.testing.assert_array_equal(kept[level].right, found[name][level].right)
    calls = []
    AnswersFile(path, {"samples": 14}).get(NAMES[0], lambda: calls.append(1) or found[NAMES[0]])
    assert calls == [1]
    whole = json.loads(path.read_text())
    whole["answers"][NAMES[0]]["a"]["samples"] = 99
    for text in (json.dumps(whole), "[]", '{"answers": {"x": {"a": {}}}}', "{"):
        path.write_text(text)
        with pytest.raises(LoopstabError, match="not a file of answers"):
            read_answers(path)


WORDS = ("recall", *NAMES[:2], "--accuracy", "--samples", "127", "--seed", "0")


def test_few_samples_are_not_answered_again(capsys):
    with pytest.raises(SystemExit) as end:
        main([*WORDS, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert end.value.code == 0
    assert found["command"] == f"loopstab {' '.join(WORDS)}"
    assert found["pairs"] == []
    assert {row["source"] for row in found["tasks"]} == {"counts"}
    assert not enough_samples(zoo.describe(NAMES[0])["run"], 127)
    assert enough_samples(zoo.describe(NAMES[0])["run"], 128)


def test_the_command(tmp_path, capsys):
    words = [
        "recall",
        *NAMES[:2],
        "--accuracy",
        "--samples",
        "128",
        "--out",
        str(tmp_path / "a.json"),
    ]
    printed = []
    for more in (["--json"], ["--json"], []):
        with pytest.raises(SystemExit) as end:
            main([*words, *more])
        assert end.value.code == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    found = json.loads(printed[0])
    assert [row["moment"] for row in found["tasks"]] == ["chosen", "last"]
    assert len(found["pairs"]) == 4
    assert {row["source"] for row in found["tasks"]} == {"paired"}
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["tasks"] == found["tasks"]
    assert set(written["answers"]) == set(NAMES[:2])
    assert "sudoku-4x4" in printed[2]
