"""Scores with known answers, against slow twins, and as laws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab.models.forecast.band import Band
from loopstab.models.forecast.forecast import Forecast, Sensitivity90
from loopstab.models.forecast.measured_line import Measured
from loopstab.models.forecast.measured_scores import FORECASTS, score
from loopstab.models.forecast.scores import (
    DECIDED,
    LEAST,
    brier,
    calibration,
    log_score,
    mean_over,
    mostly_fixed,
    share_within,
    smoothed,
    surprises,
)
from loopstab.support.errors import LoopstabError

NAMES = [str(outcome) for outcome in DECIDED]


def slow_scores(probabilities, counts):
    """One input at a time."""
    squares, logs, unexpected = [], [], 0
    for outcome in [o for o, n in counts.items() for _ in range(n) if o != "undecided"]:
        squares.append(sum((probabilities.get(o, 0) - (o == outcome)) ** 2 for o in NAMES))
        p = probabilities.get(outcome, 0)
        logs.append(-math.log(p if p > LEAST else LEAST))
        unexpected += p < LEAST
    return np.mean(squares), np.mean(logs), unexpected


@st.composite
def distributions(draw):
    weights = draw(st.lists(st.integers(0, 5), min_size=len(NAMES), max_size=len(NAMES)))
    total = sum(weights)
    return {o: w / total for o, w in zip(NAMES, weights, strict=True) if w} if total else {}


COUNTS = st.dictionaries(
    st.sampled_from([*NAMES, "undecided"]), st.integers(1, 6), min_size=1, max_size=4
)


@settings(max_examples=100, deadline=None)
@given(distributions(), COUNTS)
def test_scores_against_one_input_at_a_time(probabilities, counts):
    if set(counts) == {"undecided"}:
        assert brier(probabilities, counts) is log_score(probabilities, counts) is None
        return
    squares, logs, unexpected = slow_scores(probabilities, counts)
    assert brier(probabilities, counts) == pytest.approx(squares)
    assert log_score(probabilities, counts) == pytest.approx(logs)
    assert surprises(probabilities, counts) == unexpected
    assert 0 <= squares <= 2


@settings(max_examples=100, deadline=None)
@given(distributions(), COUNTS)
def test_no_probabilities_score_better_than_the_shares(probabilities, counts):
    total = sum(n for o, n in counts.items() if o != "undecided")
    shares = {o: n / total for o, n in counts.items() if o != "undecided"}
    if shares:
        best = [brier(shares, counts), log_score(shares, counts)]
        assert best[0] <= brier(probabilities, counts) + 1e-12
        assert best[1] <= log_score(probabilities, counts) + 1e-12


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_baselines_are_distributions(share):
    for found in (mostly_fixed(share), smoothed({"cycle": 3, "undecided": 2})):
        assert set(found) == set(NAMES)
        assert sum(found.values()) == pytest.approx(1)
        assert min(found.values()) > 0
    assert mostly_fixed(share)["fixed-point"] == pytest.approx(min(max(share, 0.01), 0.99))
    assert smoothed({"cycle": 3, "undecided": 2})["cycle"] == pytest.approx((3 + 1 / 9) / 4)


def test_interval_against_a_slow_bootstrap():
    values = [("a", 0.0), ("a", 1.0), ("b", 0.2), ("c", 0.9), ("c", None)]
    means, drawn = [0.5, 0.2, 0.9], np.random.default_rng(5)
    slow = [np.mean([means[i] for i in drawn.integers(3, size=3)]) for _ in range(4000)]
    found = mean_over(values, resamples=4000, seed=9)
    assert (found.checkpoints, found.lines) == (3, 4)
    assert found.value == pytest.approx(np.mean(means))
    assert [found.low, found.high] == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.05)
    assert mean_over(values, seed=1) == mean_over(values, seed=1)
    assert mean_over([("a", None)]).value is None


def test_interval_covers_the_truth():
    """Of 300 samples of 40 checkpoints about 95 % have the mean, 0.3, in their interval."""
    rng = np.random.default_rng(0)
    hits = 0
    for sample in rng.random((300, 40)) < 0.3:
        found = mean_over([(str(i), float(x)) for i, x in enumerate(sample)], resamples=300)
        hits += found.low <= 0.3 <= found.high
    assert 270 <= hits <= 297


def test_bins_hold_every_line_once():
    values = [("a", 0.0, 0.1), ("b", 0.5, 0.2), ("c", 0.5, 0.6), ("d", 1.0, 1.0)]
    found = calibration(values, (0.0, 0.25, 0.5, 0.75, 1.0))
    assert [(b.low, b.lines) for b in found] == [(0.0, 1), (0.5, 2), (0.75, 1)]
    assert found[1].measured.value == pytest.approx(0.4)


def test_share_within_counts_the_ends():
    assert share_within([1.0, 2.0, 3.0], 1.0, 2.0) == pytest.approx(2 / 3)
    assert share_within([], 0.0, 1.0) is None


def forecast(checkpoint, level, outcomes, **changed):
    given = {
        "stage": "end",
        "task": "prefix-sums",
        "architecture": "internal/post/add",
        "seed": 0,
        "weights": "w",
        "excluded": (),
        "rate": Band(0.5, 0.4, 0.6),
        "loops": Band(20, 10, 30),
        "sensitivity": Sensitivity90("smooth", 7, 1.0, 2.0),
        "truncation_rate": Band(0.5, 0.4, 0.6),
        "constant_after": None,
        "kept": 0.9,
        "longer": 0.4,
        "fixed_point_by_cosine": 1.0,
        "sampled": {"fixed-point": 3},
        "reason": "",
        "claims": (),
        "sources": {},
    }
    return Forecast(checkpoint=checkpoint, level=level, outcomes=outcomes, **{**given, **changed})


def measured(checkpoint, level, outcomes, right=(8, 8), **changed):
    inputs = sum(outcomes.values())
    given = {
        "stage": "end",
        "task": "prefix-sums",
        "architecture": "internal/post/add",
        "seed": 0,
        "width": 8,
        "cells": 4,
        "weights": "w",
        "input_seed": 0,
        "command": "",
        "seconds": 1.0,
        "sizes": {},
        "reachability": {
            "inputs": inputs,
            "outcomes": outcomes,
            "loops": {"n": 4, "quantiles": [5, 10, 30, 31]},
            "answer_last_change_fixed": {"n": 1, "quantiles": [3]},
            "right_30": right[0],
            "right_500": right[1],
            "points": [{"rho": 0.5}, {"rho": 0.9}],
        },
        "input_dependence": {
            "points": [{"norm": 1.5, "by_differences": 1e-6}, {"norm": None, "by_differences": 0.1}]
        },
        "geometry": {"gradients": [{"factor": 0.41}, {"factor": None}]},
    }
    return Measured(checkpoint=checkpoint, level=level, **{**given, **changed})


def test_scores_of_two_checkpoints():
    sure, half = {"fixed-point": 1.0}, {"fixed-point": 0.5, "cycle": 0.5}
    made = [
        forecast("a", "4", sure, excluded=("cycle", "drift"), kept=1.0),
        forecast("a", "8", half, sensitivity=Sensitivity90("zero", 0, 0.0, 0.0)),
        forecast("b", "4", half, rate=None),
        forecast("never measured", "4", sure),
    ]
    seen = [
        measured("a", "4", {"fixed-point": 6, "cycle": 2}),
        measured("a", "8", {"cycle": 5, "undecided": 3}, right=(8, 4)),
        measured("b", "4", {"fixed-point": 8}, right=(0, 0)),
        measured("no forecast", "4", {"fixed-point": 8}),
    ]
    found = score(made, seen)
    assert (found.lines, found.unmeasured, found.unforecast) == (3, 1, 1)
    assert found.undecided.value == pytest.approx((0 + 3 / 8) / 2 / 2)
    theory, always = found.outcomes[:2]
    # a: 2/8 of the inputs miss by 1 + 1, and then 1/2; b: 1/2
    assert theory.brier.value == pytest.approx(((0.5 + 0.5) / 2 + 0.5) / 2)
    assert theory.worse.value == 0
    assert always.worse.value == pytest.approx(always.brier.value - theory.brier.value)
    assert (theory.hits, theory.lines, theory.whole, theory.checkpoints) == (2, 3, 1, 2)
    assert theory.surprises == 2
    assert (found.excluded, found.violated) == (16, 2)
    covered = {name: mean.value for name, mean in found.coverage.items()}
    assert covered["rate"] == covered["loops"] == 0.5
    assert covered["truncation_rate"] == covered["sensitivity"] == 1
    assert covered["sensitivity zero"] == 0.5
    assert covered["constant_after"] is None
    # kept: certain and right, 0.9 and wrong; 0 of 0 counts as kept
    assert found.events["kept"].value == pytest.approx(((0 + 0.81) / 2 + 0.01) / 2)
    assert found.happened["kept"].value == pytest.approx((0.5 + 1) / 2)
    # a alone has two levels: 4 of 8 right is less than 0.9 of 8 of 8
    assert found.events["longer"].value == pytest.approx(0.16)
    assert found.happened["longer"].lines == 1
    (low, high) = found.calibration
    assert (low.lines, low.measured.value, high.predicted) == (2, 0.5, 1.0)


def test_only_one_stage_is_scored():
    made = [forecast("a", "4", {"fixed-point": 1.0}, stage=s) for s in ("initial", "end")]
    seen = [measured("a", "4", {"fixed-point": 8}, stage=s) for s in ("initial", "end")]
    assert score(made, seen).lines == 2
    assert score(made, seen, "initial").lines == 1
    assert score(made, seen, "middle").lines == 0


def test_other_weights_are_refused():
    with pytest.raises(LoopstabError, match=r"a, end, 4: .*different weights"):
        score(
            [forecast("a", "4", {"fixed-point": 1.0})],
            [measured("a", "4", {"fixed-point": 8}, weights="other")],
        )


def test_every_way_to_predict_gives_a_distribution():
    one = forecast("a", "4", {"fixed-point": 0.25, "cycle": 0.75})
    for probabilities in FORECASTS.values():
        assert sum(probabilities(one).values()) == pytest.approx(1)
