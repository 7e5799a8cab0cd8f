"""Certified branches over inputs against known curves, folds, and maps without recall."""

from dataclasses import replace

import numpy as np
import pytest

from loopstab import certify, numeric
from loopstab.numerics.certificates.branch import certify_branch
from loopstab.numerics.certificates.branch_counts import count_branches
from loopstab.numerics.certificates.counts import random_map
from loopstab.numerics.certificates.maps import NormMap, TanhMap
from loopstab.support.errors import UsageError

SCALAR = TanhMap.of([[2.0]], [[1.0]], [0.0], [0.0])


def test_scalar_branch_holds_the_exact_curve():
    """h = 2 tanh(h + e) has e = artanh(h/2) - h, dh/de = slope/(1 - slope), slope = 2 (1 -
    (h/2)^2).
    """
    start, direction = 0.3, 2.0
    (state,) = certify(SCALAR.driven([start])).points[0].center
    branch = certify_branch(SCALAR, [[1.0]], [start], [direction], [state])
    assert branch.input_dependent
    h = np.linspace(state, 2 - 1e-9, 200_000)
    e = np.arctanh(h / 2) - h
    for piece in branch.pieces:
        assert piece.stop > piece.start
        for t in np.linspace(piece.start, piece.stop, 5):
            value = np.interp(start + t * direction, e, h)
            slope = 2 * (1 - (value / 2) ** 2)
            assert piece.low[0] - 1e-7 <= value <= piece.high[0] + 1e-7
            assert (
                piece.slope_low[0] - 1e-5
                <= direction * slope / (1 - slope)
                <= piece.slope_high[0] + 1e-5
            )
    assert branch.pieces[0].start == 0
    assert all(a.stop == b.start for a, b in zip(branch.pieces, branch.pieces[1:], strict=False))


def test_the_branch_stops_at_the_exact_fold():
    """h = 2 tanh(h + e): with u = h + e, u = 2 tanh u + e folds at e = -fold."""
    fold = float(numeric("tanh_fold_bias")(2.0))
    start, direction = 0.3, -2.0
    state = certify(SCALAR.driven([start])).points[0].center
    branch = certify_branch(SCALAR, [[1.0]], [start], [direction], state)
    assert not branch.complete
    assert not branch.input_dependent
    assert start + branch.reached * direction == pytest.approx(-fold, abs=1e-4)
    assert start + branch.reached * direction > -fold


def test_without_recall_the_branch_is_constant_and_nothing_is_claimed():
    state = certify(SCALAR.driven([0.3])).points[0].center
    branch = certify_branch(SCALAR.driven([0.3]), [[0.0]], [0.0], [2.0], state)
    assert branch.complete
    assert not branch.input_dependent
    assert all((p.slope_low <= 0).all() and (p.slope_high >= 0).all() for p in branch.pieces)


def test_a_direction_in_the_kernel_of_the_recall_moves_nothing():
    f = TanhMap.of(np.eye(2), 0.4 * np.eye(2), [0, 0])
    recall = [[1.0, -1.0], [2.0, -2.0]]
    state = certify(f).points[0].center
    assert not certify_branch(f, recall, [0, 0], [1, 1], state).input_dependent
    assert certify_branch(f, recall, [0, 0], [1, 0], state).input_dependent


@pytest.mark.parametrize("activation", ["tanh", "linear"])
@pytest.mark.parametrize("d", [2, 3])
def test_normalised_recall_map_against_fixed_points_and_difference_quotients(d, activation):
    rng = np.random.default_rng(d)
    f = NormMap.of(1.0, rng.standard_normal((d, d)) / 2, np.zeros(d), 1e-2, activation)
    recall, start, direction = 3 * np.eye(d), rng.standard_normal(d), rng.standard_normal(d) / 2

    def only(t):
        (point,) = certify(f.driven((recall @ (start + t * direction)).tolist())).points
        return point.center

    branch = certify_branch(f, recall, start, direction, only(0.0))
    assert branch.input_dependent
    for piece in branch.pieces:
        t = (piece.start + piece.stop) / 2
        value = only(t)
        assert (piece.low <= value).all()
        assert (value <= piece.high).all()
        slope = (only(t + 1e-5) - only(t - 1e-5)) / 2e-5
        assert (piece.slope_low - 1e-8 <= slope).all()
        assert (slope <= piece.slope_high + 1e-8).all()


def test_wrong_requests():
    with pytest.raises(UsageError, match="no fixed point is proved near"):
        certify_branch(
            TanhMap.of([[1.0]], [[1.0]], [0.0]), [[1.0]], [0.0], [1.0], [0.0]
        )  # a triple zero
    with pytest.raises(UsageError, match="rows"):
        certify_branch(SCALAR, [[1.0], [1.0]], [0.0], [1.0], [0.0])
    with pytest.raises(UsageError, match="direction"):
        certify_branch(SCALAR, [[1.0]], [0.0], [1.0, 2.0], [0.0])


def test_random_branches_move_with_recall_and_stand_still_without():
    moving = count_branches("norm-tanh", 2, 1.0, 2, length=0.5)
    assert moving.complete == moving.input_dependent == len(moving.branches) > 0
    assert moving.least_slope > 0
    assert not moving.falsified
    still = count_branches("norm-tanh", 2, 1.0, 2, recall=0.0, length=0.5)
    assert still.complete == len(still.branches) == len(moving.branches)
    assert still.input_dependent == 0
    assert still.least_slope is None
    assert not still.falsified
    moved = replace(still, branches=moving.branches)  # the law can fall
    assert moved.falsified


def test_undecided_parts_of_random_branches_begin_at_the_folds():
    """d = 1: h = tanh(w h + t v) + b; with u = w h + t v, u = w tanh u + (w b + t v) folds where
    abs(w b + t v) = fold(w).
    """
    found = count_branches("tanh", 1, 4.0, 12, length=3.0, seed=2)
    parts = found.to_json()["undecided_parts"]
    assert len(parts) == len(found.branches) - found.complete > 0
    for part in parts:
        f = random_map("tanh", 1, 4.0, (2, part["network"]))
        w, b = f.inner[0][0], f.bias[0]
        v = 3.0 * np.sign(np.random.default_rng((2, part["network"], 1)).standard_normal())
        assert abs(w * b + part["from"] * v) == pytest.approx(
            float(numeric("tanh_fold_bias")(w)), abs=1e-3
        )
        assert part["to"] == 1.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ensemble": "relu"}, "corners"),
        ({"length": 0.0}, "length"),
        ({"networks": 0}, "1 network"),
        ({"recall": float("nan")}, "recall"),
        ({"ensemble": "sine"}, "unknown ensemble"),
    ],
)
def test_wrong_requests_for_random_branches(options, words):
    with pytest.raises(UsageError, match=words):
        count_branches(**{"ensemble": "tanh", "size": 1, "gain": 1.0, "networks": 1, **options})
