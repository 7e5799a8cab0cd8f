"""What the suites of N1, N3, N5, N8 and M5 say of forged cases: which assumptions fail at them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from loopstab.numerics.suites.outer_norm import contraction, gradients, gru, jacobian, non_normality

CHECKED = {
    suite.label: suite
    for module in (contraction, gradients, gru, jacobian, non_normality)
    for suite in module.SUITES
    if suite.broken is not None
}
ONE, EYE = np.ones(2), np.eye(2)
POINT = {"z": ONE, "gain": ONE, "eps": 0.0, "direction": ONE}
LOOP = {"recall": "external", "h": ONE, "e": ONE, "gain": ONE, "eps": 0.0}
LOOP |= {"blocks": EYE[None] / 2, "w_x": EYE, "w_e": EYE / 4}
NORMED = {"matrices": -EYE[None], "drives": 3 * ONE[None, None], "slopes": np.ones(1)}
NORMED |= {"radii": 2 * np.sqrt([2.0]), "probes": ONE[None, None], "gain": 1.0, "eps": 0.0}
NORMED |= {"norm": True, "saturates": False}
CYCLE = {"a": 1.0, "ratio": 1.0, "e": ONE, "t": 1.0}
UNROLLED = {"matrix": -EYE, "drive": 3 * ONE, "start": ONE, "direct": ONE, "kept": 1, "loops": 2}
UNROLLED |= {"start_gradient": 0 * ONE, "kappa": 0.5}
CELL = {"u": np.zeros((6, 2)), "v": np.zeros((6, 2)), "c": np.zeros(6), "block": EYE, "w_x": EYE}
CELL |= {"w_e": EYE, "e": ONE, "start": ONE, "corners": ONE[None], "box": 1.0, "eps": 1.0}
CELL |= {"recall": "none", "residual": "gru", "hidden": 1.0}
OUTSIDE = {"start": 4.0, "c": 0.0, "precision": "float64"}
SATURATION = {"bits": 24, "offset": 1.0, "rounded": False}
FROZEN = {"v": np.zeros((6, 2)), "c": np.zeros(6), "start": ONE, "hidden": 1.0}
LINE = {"c": 1.0, "w": 0.5, "inner": 1.0}
POWERS = {"matrix": EYE / 2, "dimension": 2}
CORNER = {"r": 0.5, "c": 2.0}
NORMAL = {"matrix": np.array([[0, -0.5], [0.5, 0]]), "rho": 0.5}
BASIS = {"basis": EYE, "inverse": EYE, "block": EYE / 2}
JORDAN = EYE / 2 + np.diag([1e-8], 1)

FORGED = (
    ("N1/rmsnorm entries", POINT, {}, ()),
    ("N1/rmsnorm entries", POINT, {"z": 1e-170 * ONE}, ("regular",)),
    ("N1/rmsnorm entries", POINT, {"eps": -0.5}, ("regular",)),
    ("N1/rmsnorm entries", POINT, {"direction": 100 * ONE}, ("regular",)),
    ("N1/rmsnorm entries", POINT, {"gain": np.ones(1)}, ("regular",)),
    ("N1/rmsnorm eigenvalues", POINT, {"gain": np.array([1, 2])}, ("gain_one",)),
    ("N1/rmsnorm null directions", POINT, {"gain": np.array([1.0, 0.0])}, ("regular",)),
    ("N1/rmsnorm null directions", POINT, {"eps": 1e-30}, ("eps_zero",)),
    ("N1/loop jacobian", LOOP, {}, ()),
    ("N1/loop jacobian", LOOP, {"blocks": -EYE[None]}, ("regular",)),
    ("N1/loop jacobian", LOOP, {"w_e": (1e-9 - 1) * EYE}, ("regular",)),
    ("N1/loop jacobian", LOOP, {"recall": "internal", "w_x": 1e-6 * EYE}, ("regular",)),
    ("N1/loop jacobian", LOOP, {"blocks": np.stack([EYE, EYE])}, ("single_norm",)),
    ("N1/loop jacobian", LOOP, {"gain": 2 * ONE, "eps": 1.0}, ("gain_one", "eps_zero")),
    ("N3/lipschitz constant", NORMED, {}, ()),
    ("N3/lipschitz constant", NORMED, {"radii": np.full(1, 2.83)}, ("lower_bound",)),
    ("N3/lipschitz constant", NORMED, {"radii": np.full(1, -1.0)}, ("lower_bound",)),
    ("N3/lipschitz constant", NORMED, {"slopes": np.full(1, 0.999)}, ("lipschitz_update",)),
    ("N3/lipschitz constant", NORMED, {"gain": 1.001}, ("gain_one",)),
    ("N3/lipschitz constant", NORMED, {"probes": 1e200 * ONE[None, None]}, ("eps_zero",)),
    ("N3/lipschitz constant", NORMED, {"norm": False}, ("outer_norm",)),
    ("N3/one fixed point", NORMED, {"slopes": np.full(1, 2.0)}, ("small",)),
    ("N3/best possible", NORMED, {}, ()),
    ("N3/best possible", NORMED, {"radii": np.ones(1)}, ("lower_bound",)),
    ("N3/best possible", NORMED, {"slopes": np.full(1, 2.0)}, ("lipschitz_update",)),
    ("N3/best possible", NORMED, {"saturates": True}, ("lipschitz_update",)),
    ("N3/cycles below the threshold", CYCLE, {}, ()),
    ("N3/cycles below the threshold", CYCLE, {"ratio": 1.9999999}, ("below",)),
    ("N3/cycles below the threshold", CYCLE, {"t": 1e-300}, ("plane",)),
    ("N3/cycles below the threshold", CYCLE, {"e": np.ones(1)}, ("plane",)),
    ("N3/cycles below the threshold", CYCLE, {"e": 2 * ONE}, ("eps_zero",)),
    ("N5/gradient bound", UNROLLED, {"start_gradient": np.array([1.0, -1.0])}, ()),
    ("N5/gradient bound", UNROLLED, {"start_gradient": ONE}, ("on_sphere",)),
    ("N5/truncated gradient", UNROLLED, {}, ()),
    ("N5/truncated gradient", UNROLLED, {"kappa": 0.5 - 1e-14}, ("uniform",)),
    ("N5/truncated gradient", UNROLLED, {"kept": 3}, ("start_fixed",)),
    ("N5/truncated gradient", UNROLLED, {"start_gradient": np.array([1.0, -1])}, ("start_fixed",)),
    ("N5/memory of the start", UNROLLED, {"start": 2.9 * ONE}, ("on_sphere",)),
    ("N5/memory of the start", UNROLLED, {"loops": 40}, ("uniform",)),
    ("N5/limit of the gradient", UNROLLED, {"drive": ONE}, ("uniform",)),
    ("N5/limit of the gradient", UNROLLED, {"direct": 1e-300 * ONE}, ("differentiable",)),
    ("N8/box", CELL, {}, ()),
    ("N8/box", CELL, {"residual": "add"}, ("cell",)),
    ("N8/box", CELL, {"c": np.zeros(5)}, ("cell",)),
    ("N8/box", CELL, {"hidden": 2.0}, ("hidden",)),
    ("N8/box", CELL, {"eps": 0.0}, ("inner_epsilon",)),
    ("N8/box", CELL, {"start": 1.01 * ONE}, ("bounded_start",)),
    ("N8/box", CELL, {"corners": -2 * ONE[None]}, ("bounded_start",)),
    ("N8/box", CELL, {"c": np.full(6, 40.0)}, ("exact",)),
    ("N8/inwards", OUTSIDE, {}, ()),
    ("N8/inwards", OUTSIDE, {"start": 0.5}, ("bounded_start",)),
    ("N8/inwards", OUTSIDE, {"start": 37.0}, ("exact",)),
    ("N8/saturation", SATURATION, {}, ()),
    ("N8/saturation", SATURATION, {"offset": 1e-9}, ("exact",)),
    ("N8/saturation", SATURATION, {"bits": 30}, ("exact",)),
    ("N8/saturation", SATURATION, {"rounded": True}, ("exact",)),
    ("N8/fixed points of the candidate", FROZEN, {}, ()),
    ("N8/fixed points of the candidate", FROZEN, {"c": np.eye(6)[0]}, ("one_cell",)),
    ("N8/fixed points of the candidate", FROZEN, {"c": 40 * np.eye(6)[2]}, ("exact",)),
    ("N8/fixed points of the candidate", FROZEN, {"hidden": 1.001}, ("hidden",)),
    ("N8/line", LINE, {}, ()),
    ("N8/line", LINE, {"inner": 1e-20}, ("inner_epsilon",)),
    ("N8/line", LINE, {"w": 2.0}, ("cell",)),
    ("N8/line", LINE, {"c": 1e11, "inner": 2.0**20, "w": 1.0}, ("inner_epsilon", "exact")),
    ("M5/kreiss constant", POWERS, {}, ()),
    ("M5/kreiss constant", POWERS, {"dimension": 1}, ("size",)),
    ("M5/kreiss constant", POWERS, {"matrix": (1 - 1e-9) * EYE}, ("contractive",)),
    ("M5/kreiss constant", POWERS, {"matrix": np.diag([1e7], 1)}, ("contractive",)),
    ("M5/corner", CORNER, {}, ()),
    ("M5/corner", CORNER, {"c": 1.0}, ("steep",)),
    ("M5/corner", CORNER, {"c": 1e8}, ("steep",)),
    ("M5/corner", CORNER, {"r": 1 - 1e-9}, ("contractive", "steep")),
    ("M5/normal matrices", NORMAL, {}, ()),
    ("M5/normal matrices", NORMAL, {"matrix": JORDAN}, ("normal",)),
    ("M5/normal matrices", NORMAL, {"rho": 0.49999999}, ("contractive",)),
    ("M5/condition number", BASIS, {}, ()),
    ("M5/condition number", BASIS, {"block": JORDAN}, ("diagonalisable",)),
    ("M5/condition number", BASIS, {"inverse": EYE / 2}, ("diagonalisable",)),
    ("M5/condition number", BASIS, {"block": EYE}, ("contractive",)),
)


def drawn(cases, count):
    """Cases of a strategy, the same in every run."""
    found = []

    @seed(5)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def keep(case):
        found.append(case)

    keep()
    return found


@pytest.mark.parametrize(("label", "case", "changes", "names"), FORGED)
def test_the_assumptions_that_fail_at_a_case(label, case, changes, names):
    suite = CHECKED[label]
    with np.errstate(all="ignore"):
        assert tuple(suite.broken(case | changes)) == names


def test_every_suite_is_tested_with_a_case_that_fits_and_one_that_does_not():
    assert {label for label, *_, names in FORGED if names} == set(CHECKED)
    fitting = {label for label, *_, names in FORGED if not names}
    others = {"N1/rmsnorm eigenvalues", "N1/rmsnorm null directions", "N3/one fixed point"}
    others |= {"N5/memory of the start", "N5/limit of the gradient"}
    assert fitting == set(CHECKED) - others  # others share the check, and the case, of a neighbour


@pytest.mark.parametrize("label", sorted(CHECKED))
def test_a_drawn_case_fits_and_a_drop_breaks_its_assumption_alone(label):
    suite = CHECKED[label]
    for dropped, cases in (
        ("", suite.cases()),
        *((drop.assumption, drop.cases()) for drop in suite.drops),
    ):
        with np.errstate(all="ignore"):
            wrong = [suite.misfit(case, dropped) for case in drawn(cases, 20)]
        assert set(wrong) == {None}


@pytest.mark.parametrize("recall", ["none", "external", "internal"])
def test_a_loop_never_maps_a_state_near_zero(recall):
    """The bound |z| >= R/2 that the strategy promises."""
    for case in drawn(jacobian._loop(), 100):
        z = jacobian._body({**case, "recall": recall}, case["h"], True)
        assert np.linalg.norm(z) >= np.sqrt(len(z)) / 2 - 1e-12
