"""Suites about spheres, scalar stable sets and bounds refuse cases that pose as others."""

import numpy as np
import pytest
from hypothesis import Phase, find, settings

from loopstab.numerics.suites import all_suites
from loopstab.numerics.suites.outer_norm import lefschetz, sensitivity
from loopstab.numerics.suites.shared.assumed_spheres import added, at_most, invertible, on_sphere

SUITES = {suite.label: suite for suite in all_suites()}
FIRST = settings(database=None, deadline=None, derandomize=True, phases=(Phase.generate,))


def first(strategy):
    """The first case of a strategy, the simplest one."""
    return dict(find(strategy, lambda case: True, settings=FIRST))


FORGED = [
    ("N2/ball", lambda case: {"norm": False}, "outer_norm"),
    ("N2/ball", lambda case: {"norm": 1}, "outer_norm"),
    ("N2/ball", lambda case: {"eps": 0.0}, "epsilon"),
    ("N2/central point", lambda case: {"a": -case["a"]}, "negative_update"),
    ("N2/central point", lambda case: {"e": case["e"] * (1 + 1e-13)}, "negative_update"),
    ("N2/central point", lambda case: {"e": np.ones(1)}, "negative_update"),
    ("N2/central point", lambda case: {"eps": 1e-12}, "epsilon"),
    ("N2/cap", lambda case: {"drive": case["drive"] / 8}, "dominates"),
    ("N2/cap", lambda case: {"bound": case["bound"] * 8}, "dominates"),
    ("N2/cap", lambda case: {"matrix": case["matrix"] + 8 * np.eye(2)}, "state_space"),
    ("N2/cap", lambda case: {"probes": 4 * case["probes"]}, "state_space"),
    ("N4/range and rank", lambda case: {"slope": case["slope"] * (1 - 1e-9)}, "small"),
    ("N4/range and rank", lambda case: {"start": case["start"] * 1e9}, "small"),
    ("N4/range and rank", lambda case: {"recall": case["recall"] * 1e-9}, "small"),
    ("N4/range and rank", lambda case: {"eps": 1e-30}, "eps_zero"),
    ("N4/range and rank", lambda case: {"gain": np.array([1, 1 + 1e-9])}, "gain_one"),
    ("N4/full rank", lambda case: {"eps": 1e-9}, "eps_positive"),
    ("N4/full rank", lambda case: {"gain": 2 * case["gain"]}, "gain_one"),
    ("N4/range with gains", lambda case: {"gain": np.array([2.0, 1e-9])}, "gain_one"),
    ("N4/range with gains", lambda case: {"gain": np.array([1.0, -3.0])}, "small"),
    ("N9/null directions", lambda case: {"direction": 9 * case["direction"]}, "regular"),
    ("N9/null directions", lambda case: {"z": case["z"] + 1e9}, "regular"),
    ("N9/null directions", lambda case: {"eps": 1e-30}, "eps_zero"),
    ("N9/rank of the sensitivity", lambda case: {"b": case["b"] + 1e9}, "small"),
    ("N9/rank of the sensitivity", lambda case: {"matrix": 2 * case["matrix"]}, "small"),
    ("N9/rank of the sensitivity", lambda case: {"gain": 1.5 * case["gain"]}, "gain_one"),
    ("M1/same point, spectrum and sensitivity", lambda case: {"a": -9.0}, "outward"),
    ("M1/same point, spectrum and sensitivity", lambda case: {"h": 2 * case["h"]}, "outward"),
    (
        "M1/same point, spectrum and sensitivity",
        lambda case: {"value": case["value"] + np.eye(2)[0] * 1e-9},
        "outward",
    ),
    ("M1/stability survives", lambda case: {"states": 2 * case["states"]}, "outward"),
    ("M1/stability survives", lambda case: {"more": case["a"] - 1}, "outward"),
    ("M1/strong residual", lambda case: {"states": 2 * case["states"]}, "outward"),
    ("M1/strong residual", lambda case: {"matrix": -case["matrix"]}, "left_of_scale"),
    ("M1/strong residual", lambda case: {"more": 1 / 16}, "left_of_scale"),
    ("M2/linear maps", lambda case: {"degree": 5}, "degree"),
    ("M2/linear maps", lambda case: {"matrix": case["matrix"][::-1]}, "degree"),
    ("M2/circle maps", lambda case: {"tear": 1.0}, "continuous"),
    ("M2/circle maps", lambda case: {"zeros": np.zeros((1, 2)), "mirrored": -np.ones(1)}, "degree"),
    (
        "M2/circle maps",
        lambda case: {"zeros": np.array([[1 - 1e-6, 0]]), "mirrored": np.ones(1)},
        "continuous",
    ),
    ("R4/edges", lambda case: {"edge": "external flip"}, "nondegenerate"),
    ("R4/edges", lambda case: {"edge": "any flip"}, "nondegenerate"),
    ("R4/edges", lambda case: {"offset": 1e-9}, "odd"),
    ("R4/folds", lambda case: {"y": -case["y"]}, "folds"),
    ("R4/curves", lambda case: {"y": 1.25 * case["y"]}, "nonresonant"),
    ("R4/area", lambda case: {"shift": 1e-3}, "centred"),
    ("R4/area", lambda case: {"a": -case["a"]}, "centred"),
    ("R4/probability", lambda case: {"mixing": 0.5}, "gaussian"),
    ("R4/probability", lambda case: {"n": 10}, "gaussian"),
    ("R4/nearest", lambda case: {"recall": "none"}, "off_cut_locus"),
    ("R4/nearest", lambda case: {"x": 1e9}, "off_cut_locus"),
    ("L1/tanh", lambda case: {"jacobian": np.array([[1.0]])}, "contractive"),
    ("L1/tanh", lambda case: {"jacobian": np.array([[0.9, 1e30], [0, 0.9]])}, "contractive"),
    ("L2/random blocks", lambda case: {"dropped": "nothing"}, "beyond"),
    ("L2/random blocks", lambda case: {"recall": "none"}, "limit"),
    ("L2/random blocks", lambda case: {"recall": "internal", "activation": "tanh"}, "homogeneous"),
    ("L3/blocks", lambda case: {"factor": -1000.0}, "floor"),
    ("L3/blocks", lambda case: {"factor": 1 + 1e-9}, "floor"),
]
MINE = sorted({label for label, _, _ in FORGED})


@pytest.mark.parametrize(("label", "change", "assumption"), FORGED)
def test_a_forged_case_breaks_an_assumption(label, change, assumption):
    case = first(SUITES[label].cases())
    assert SUITES[label].failing(case) == ()
    found = SUITES[label].failing({**case, **change(case)})
    assert assumption in found


@pytest.mark.parametrize("label", MINE)
def test_a_witness_of_a_dropped_hypothesis_breaks_that_alone(label):
    for drop in SUITES[label].drops:
        case = first(drop.cases())
        assert SUITES[label].failing({**case, "dropped": case.get("dropped", "")}) == (
            drop.assumption,
        )


def test_an_orbit_that_one_loop_settles_is_given_a_second():
    """With kappa near 0 one loop is enough, and shows only how far the start was away."""
    suite = SUITES["N4/range and rank"]
    case = first(suite.cases())
    far = {**case, "recall": case["recall"] * 2.0**60, "c": case["c"] * 2.0**60}
    assert suite.failing(far) == ()
    assert sensitivity._kappa(far) < 1e-17
    assert suite.judge(far) is None


def test_a_fixed_state_at_a_node_is_not_missed():
    """Two maps of the circle of degree 0, one of which fixes a node exactly."""
    node = -np.pi + 2 * np.pi * (1000 + 0.3819) / lefschetz.NODES
    blank = {"zeros": np.zeros((0, 2)), "mirrored": np.zeros(0), "tear": 0.0}
    for shift in (node, node + 1e-5):
        assert SUITES["M2/circle maps"].judge({**blank, "shift": shift}) is None


@pytest.mark.parametrize(
    ("points", "wanted"),
    [
        (np.array([1.0, -1.0]), True),
        (np.array([[2.0, 0, 0, 0], [1, 1, 1, 1]]), True),
        (np.array([[2.0, 0, 0, 0], [1, 1, 1, 0]]), False),
        (np.ones(3) * (1 + 1e-14), False),
        (np.zeros(2), False),
    ],
)
def test_points_of_spheres(points, wanted):
    assert on_sphere(points) is wanted


def test_sizes_are_compared_with_room_for_rounding_only():
    assert at_most(1 + 1e-14, 1.0)
    assert not at_most(1 + 1e-12, 1.0)
    assert invertible(np.diag([1.0, 0.5]))
    assert not invertible(np.diag([1.0, 0.5]), size=1000.0)
    assert not invertible(np.diag([1.0, 1e-5]))
    assert not invertible(np.zeros((2, 2)))
    first, second = np.array([1e6, 0]), np.array([1 - 1e6, 0])
    assert not added(first + second, first, second)
    assert added(first - second, first, -second)
