"""Suites of autonomous loops refuse cases that pose as counterexamples of their claims."""

from dataclasses import replace

import numpy as np
import pytest

from loopstab.numerics.attack.search import search
from loopstab.numerics.attack.suite import Suite
from loopstab.numerics.strategies.block_forms import form
from loopstab.numerics.suites import all_suites
from loopstab.numerics.suites.shared.drawn_values import blocks_of, inverts, is_unimodular

SUITES = {suite.label: suite for suite in all_suites()}


def simplest(strategy):
    """The first case of a strategy, which Hypothesis draws as simple as it can."""
    drawn = []
    search(strategy, drawn.append, examples=1, seconds=60, shrink_steps=0, source="simplest")
    return dict(drawn[0])


def spun(case):
    """A slow eigenvalue 15/16 below the largest one, larger than what A1 and A5 judge."""
    d = form([("real", 1.0, 1), ("real", 15 / 16, 1)])
    return {"basis": np.eye(2), "form": d, "start": np.ones(2)}


FORGED = [
    ("A1/limit", lambda case: spun(case) | {"center": np.ones(2), "push": np.zeros(2)}, "modulus"),
    ("A1/limit", lambda case: {"push": case["push"] + 1e-30}, "linear"),
    ("A1/no-limit", lambda case: {"start": case["start"] * 1e-50}, "linear"),
    ("A5/eigenvector", spun, "power"),
    ("A5/eigenvector", lambda case: {"rho": 1.25}, "power"),
    ("A5/no-limit", lambda case: {"start": case["start"] * 1e-30}, "power"),
    ("A5/rate", lambda case: {"second": 0.75}, "power"),
    ("A5/probability", lambda case: {"count": 1}, "ginibre"),
    ("A5/probability", lambda case: {"symmetric": 1e-3}, "ginibre"),
    ("A5/half", lambda case: {"mean": 0.5}, "ginibre"),
    ("A2'/last-bias", lambda case: {"norm": "post", "gain": case["gain"] * 1e-20}, "gains"),
    ("A2'/last-bias", lambda case: {"eps": 1e-20}, "epsilon"),
    ("A2'/last-bias", lambda case: {"W1": case["W1"] + 1e9}, "smooth"),
    ("A2'/sphere", lambda case: {"norm": "peri", "gain_free": True}, "learned_gains"),
    ("A2'/tokens", lambda case: {"equal": True}, "independent"),
    ("A2'/tokens", lambda case: {"bias_only": True}, "whole_map"),
    ("A2'/peri-steps", lambda case: {"W2": case["W2"] + 1e200}, "smooth"),
    ("A2/tanh", lambda case: {"noise": 1e-9}, "generic"),
    ("A2/tanh", lambda case: {"bias": case["bias"] + 0.1}, "generic"),
    ("A2/tanh", lambda case: {"noise": 0.0, "shift": 0.25, "outer": 0 * case["outer"]}, "rank"),
    ("A2/norm", lambda case: {"eps": 0.0}, "smooth"),
    ("A2/relu", lambda case: {"noise": 0.0}, "generic"),
    ("A3/segment", lambda case: {"relax": 1e-16}, "continuous_limit"),
    ("A3/segment", lambda case: {"leak": 0.0, "noise": 0.0}, "discrete"),
    ("A3/segment", lambda case: {"recall": case["recall"] + 0.5}, "autonomous"),
    ("A4/saddle", lambda case: {"encoder": case["encoder"] * 1e-20}, "encoder"),
    ("A4/saddle", lambda case: {"scale": 1e-30}, "encoder"),
    ("A4/saddle", lambda case: {"curve": "plateau"}, "nonsingular"),
    ("A4/recall", lambda case: {"encoder": 0 * case["encoder"]}, "random_start"),
    ("A4/recall", lambda case: {"form": np.diag([0.5] * len(case["form"]))}, "expanding"),
    ("A4/basin", lambda case: {"start": case["start"] + 1}, "smooth"),
    ("A4/basin", lambda case: {"form": np.eye(len(case["form"]))}, "contractive"),
    ("A4/net", lambda case: {"matrix": case["matrix"] * 1e6}, "nonsingular"),
    ("M3/tanh-unit", lambda case: {"n": 1}, "density"),
    ("M3/tanh-unit", lambda case: {"a": 0.5}, "lipschitz"),
    ("M3/relu", lambda case: {"b": np.ones(len(case["W"]))}, "density"),
    ("M3/relu", lambda case: {"W": case["W"] + 1e-13}, "lipschitz"),
    ("M6/bits", lambda case: {"residual": 1.0}, "reachable"),
    ("M6/bits", lambda case: {"loops": 3}, "limit"),
    ("M6/packing", lambda case: {"overstated": 1.5}, "gap"),
    ("M6/packing", lambda case: {"rate": 0.0}, "gap"),
    ("M6/equal-tokens", lambda case: {"loops": 1000}, "positionless"),
    ("M6/equal-tokens", lambda case: {"causal": True}, "positionless"),
]
"""Suites, what is changed in their simplest case, and the assumption that then fails."""


@pytest.mark.parametrize(("label", "change", "assumption"), FORGED)
def test_a_forged_case_is_refused(label, change, assumption):
    suite = SUITES[label]
    case = simplest(suite.cases())
    assert suite.misfit(case) is None
    assert suite.broken is not None
    assert assumption in suite.broken(case | change(case))


@pytest.mark.parametrize("label", sorted({label for label, *_ in FORGED}))
def test_a_witness_of_a_dropped_assumption_is_no_counterexample(label):
    suite: Suite = SUITES[label]
    assert suite.broken is not None
    for drop in suite.drops:
        case = simplest(drop.cases())
        assert suite.misfit(case, drop.assumption) is None
        assert suite.misfit(case) is not None
        assert suite.misfit({**case, "dropped": ""}) is not None
        assert replace(suite, broken=lambda case: ()).misfit(case, drop.assumption) is not None


@pytest.mark.parametrize("label", ["A4/saddle", "A4/recall"])
def test_orbits_on_a_grid_are_no_counterexample(label):
    """Without rounding the start (0.64.., 0.10..) of this tent map lands on 0 in float64."""
    suite = SUITES[label]
    case = simplest(suite.cases()) | {
        "basis": np.eye(2),
        "form": np.array([[2.0, -2.0], [2.0, 2.0]]),
        "curve": "tent",
        "encoder": np.eye(2),
        "scale": 1.0,
        "seed": 0,
        "center": np.zeros(2),
        "offset": np.zeros(2),
    }
    assert suite.misfit(case) is None
    assert suite.judge(case) is None


@pytest.mark.parametrize(
    "blocks",
    [
        [("real", 1.0, 3), ("real", 1.0, 1), ("pair", 0.5, -1.0)],
        [("pair", 0.0, 1.0), ("pair", 0.0, 1.0)],
        [("real", 0.0, 2)],
    ],
)
def test_blocks_are_read_from_their_form(blocks):
    assert blocks_of(form(blocks)) == blocks


@pytest.mark.parametrize(
    "matrix", [np.ones((2, 2)), np.array([[1.0, 2.0], [0.0, 1.0]]), np.diag([1.0, 0.5])[::-1]]
)
def test_other_matrices_are_no_form(matrix):
    assert blocks_of(matrix) is None


def test_a_unimodular_matrix_whose_inverse_is_rounded_is_told_apart():
    rng = np.random.default_rng(0)
    v = np.eye(12)
    for _ in range(100):
        i, j = rng.choice(12, 2, replace=False)
        v[:, j] += 3 * v[:, i]
    assert is_unimodular(v)
    assert not inverts(v)
    assert inverts(np.array([[1.0, 2.0], [1.0, 3.0]]))
