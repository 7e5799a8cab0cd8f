"""Suites of R1-R3, M4, N6 and N7 on forged cases: which assumptions fail, or none can be told."""

import numpy as np
import pytest
from hypothesis import Phase, find, settings

from loopstab.numerics.attack.suite import Undecided
from loopstab.numerics.suites import find_suites

SUITES = {
    suite.label: suite
    for suite in find_suites(("R1", "R2", "R3", "M4", "N6", "N7"))
    if suite.broken is not None
}
FIRST = settings(database=None, deadline=None, derandomize=True, phases=(Phase.generate,))
ONE, EYE = np.ones(1), np.eye(1)
TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
UNDECIDED = None
"""In place of the names of assumptions: the judge cannot speak of the case."""

LINEAR = [
    ("R1/reachable", {"M": EYE}, ("contractive",)),
    ("R1/reachable", {"M": (1 - 1e-6) * EYE}, UNDECIDED),
    ("R1/reachable", {"M": 1e9 * EYE}, UNDECIDED),
    ("R1/reachable", {"c": np.zeros(2)}, UNDECIDED),
    ("R1/unrolled", {"q": 1e-30}, ("linear",)),
    ("R1/unrolled", {"t": 10**6}, UNDECIDED),
    ("R1/unrolled", {"M": EYE}, UNDECIDED),
    ("R1/dependence", {"B": 0 * EYE}, ("recall",)),
    ("R1/dependence", {"M": -EYE}, ("contractive",)),
    ("R1/dependence", {"B": 1e-9 * EYE}, UNDECIDED),
    ("R1/blow-up", {"B": 0 * EYE}, ("invertible",)),
    ("R1/blow-up", {"M": EYE}, UNDECIDED),
    ("R1/iterations", {"M": np.array([[0.5, 1.0], [0.0, 0.5]])}, ("one_modulus",)),
    ("R1/iterations", {"M": np.array([[0.5, 1e-6], [0.0, -0.5]])}, UNDECIDED),
    ("R1/iterations", {"M": np.eye(2), "rho": 1.0}, ("contractive",)),
    ("R1/iterations", {"rho": 0.5 + 1e-6}, UNDECIDED),
    ("R1/iterations", {"tol": 0.0}, UNDECIDED),
]
RECALL = [
    ("R2/absorbing", {"weight": EYE}, ("contractive",)),
    ("R2/absorbing", {"activation": "square"}, ("normalisation",)),
    ("R2/absorbing", {"eps": -1.0}, ("normalisation",)),
    ("R2/absorbing", {"outer_norm": True}, ("normalisation",)),
    ("R2/absorbing", {"from": 0 * ONE}, UNDECIDED),
    ("R2/absorbing", {"gain": np.ones(2)}, UNDECIDED),
    ("R2/absorbing-tokens", {"norm": "none"}, ("normalisation",)),
    ("R2/absorbing-tokens", {"radius": 1.25}, ("contractive",)),
    ("R2/absorbing-tokens", {"size": 1000}, UNDECIDED),
    ("R2/critical", {"weight": EYE / 2}, ("critical",)),
    ("R2/critical", {"weight": (1 + 1e-12) * EYE}, ("critical",)),
    ("R2/critical", {"block": 2}, UNDECIDED),
    ("R2/critical", {"V": 0 * EYE}, UNDECIDED),
    ("R2/divergence", {"weight": EYE / 2}, ("expansive",)),
    ("R2/divergence", {"start": 0 * ONE}, ("escaping",)),
    ("R2/divergence", {"start": 1e-7 * ONE}, UNDECIDED),
    ("R2/divergence", {"weight": (1 + 1e-6) * EYE}, UNDECIDED),
    ("R2/existence", {"eps": 0.0}, ("eps_positive",)),
    ("R2/existence", {"eps": -0.5}, ("normalisation",)),
    ("R2/existence", {"W": EYE}, ("contractive",)),
    ("R2/radial", {"eps": 1e-30}, ("eps_zero",)),
    ("R2/radial", {"omega": 1 + 1e-12}, UNDECIDED),
    ("R2/radial", {"omega": -4.0, "weight": -4 * EYE}, UNDECIDED),
    ("R2/radial", {"z": 0 * ONE}, UNDECIDED),
    ("R2/radial", {"z": 1e-8 * ONE, "drive": ONE}, UNDECIDED),
]
DRIFT = [
    ("R3/no-rest", {"eps": 1e-30}, ("eps_zero",)),
    ("R3/no-rest", {"outer_bias": np.ones((1, 1))}, ("generic_bias",)),
    ("R3/no-rest", {"outer_bias": np.full((1, 1), 1 + 1e-9)}, UNDECIDED),
    ("R3/no-rest", {"outer": np.zeros((1, 1, 1))}, UNDECIDED),
    ("R3/no-rest", {"drive": ONE}, ("bounded_update",)),
    ("R3/no-rest", {"gain": 2 * ONE}, UNDECIDED),
    ("R3/no-rest", {"start": 1e200 * ONE}, UNDECIDED),
    ("R3/peri-step", {"gain": 0 * ONE}, ("gain_without_zeros",)),
    ("R3/peri-step", {"gain": 1e-12 * ONE}, UNDECIDED),
    ("R3/peri-step", {"eps": 1.0, "weight": 0 * EYE}, ("bounded_update", "eps_zero")),
    ("R3/peri-step", {"norm": "pre"}, UNDECIDED),
    ("R3/linear-growth", {"outer_bias": np.zeros((1, 1))}, ("outside_hull",)),
    ("R3/linear-growth", {"outer_bias": np.ones((1, 1))}, UNDECIDED),
    ("R3/linear-growth", {"weight": -EYE}, ("bounded_update",)),
    ("R3/region", {"eps": 1.0}, ("eps_zero",)),
    ("R3/region", {"drive": np.ones(2)}, ("bounded_update",)),
    ("R3/region", {"activation": "tanh"}, UNDECIDED),
    ("R3/one-over-t", {"outer": TURN[None]}, UNDECIDED),
    ("R3/one-over-t", {"outer": -np.eye(2)[None]}, ("sink", "outward")),
    ("R3/one-over-t", {"outer": np.diag([1.0, 0.9])[None]}, UNDECIDED),
    ("R3/one-over-t", {"start": np.array([0.0, 4.0])}, UNDECIDED),
    ("R3/one-over-t", {"start": np.zeros(2)}, UNDECIDED),
    ("R3/one-over-t", {"drive": np.ones(2)}, ("bounded_update",)),
    ("R3/settling", {"growths": -ONE}, ("outward",)),
    ("R3/settling", {"slopes": EYE}, ("sink",)),
    ("R3/settling", {"angles": np.full(1, 3.0)}, UNDECIDED),
    ("R3/settling", {"slopes": -1e-3 * EYE}, UNDECIDED),
    ("M4/derivative", {"growth": -1.0}, ("outward",)),
    ("M4/derivative", {"slope": 0.5}, UNDECIDED),
    ("M4/derivative", {"slope": 2.0}, ("sink",)),
    ("M4/derivative", {"sink": np.array([2.0, 0.0])}, UNDECIDED),
    ("M4/derivative", {"start": np.array([0.0, 6.0])}, UNDECIDED),
    ("M4/constancy", {"recall": np.ones((2, 1))}, ("recall_free",)),
    ("M4/constancy", {"other": np.array([60.0, 30.0])}, UNDECIDED),
    ("M4/constancy", {"e1": np.ones(2)}, UNDECIDED),
    ("M4/rate", {"eps": 1.0}, ("eps_zero",)),
    ("M4/rate", {"a": 1 + 1e-6}, UNDECIDED),
    ("M4/rate", {"sink": np.array([0.0, 1.0])}, UNDECIDED),
    ("M4/rate", {"start": np.array([1.0, 0.0])}, UNDECIDED),
]
SAMPLES = [
    ("N6/law", {"kind": "aligned"}, ("independent",)),
    ("N6/law", {"kind": "rms"}, UNDECIDED),
    ("N6/law", {"form": "gain"}, UNDECIDED),
    ("N6/law", {"x": 2.999}, ("limit",)),
    ("N6/law", {"x": 0.0}, ("recall",)),
    ("N6/law", {"x": 1e9}, UNDECIDED),
    ("N6/law", {"a": -0.5}, ("limit",)),
    ("N6/law", {"a": 100.0}, UNDECIDED),
    ("N6/law", {"d": 8}, ("limit",)),
    ("N6/law", {"draws": 3}, UNDECIDED),
    ("N6/law", {"sigma": 0.0}, UNDECIDED),
    ("N6/forms", {"kind": "rms"}, ("layer_normalised",)),
    ("N6/forms", {"other": 1.0}, UNDECIDED),
    ("N6/forms", {"a": 1.0}, UNDECIDED),
    ("N7/forms", {"kind": "symmetric"}, ("ginibre",)),
    ("N7/forms", {"form": "plain"}, UNDECIDED),
    ("N7/forms", {"form": "internal"}, ("limit",)),
    ("N7/forms", {"form": "internal", "x": 4.0}, ()),
    ("N7/law", {"entries": "signs"}, ("gaussian_input",)),
    ("N7/law", {"activation": "tanh", "k": 3.0, "x": 0.0, "edge": 0.5}, ("above_edge",)),
    ("N7/law", {"edge": 0.0}, ("recall",)),
    ("N7/law", {"edge": 0.5}, ("limit",)),
    ("N7/law", {"k": 50.0}, UNDECIDED),
    ("N7/law", {"activation": "step"}, UNDECIDED),
    ("N7/law", {"kind": "epsilon"}, ("eps_zero_gain_one",)),
    ("N7/inputs of any law", {"entries": "gaussian"}, ("input_law",)),
    ("N7/inputs of any law", {"density": 0.01}, UNDECIDED),
    ("N7/inputs of any law", {"activation": "sin"}, ("concave",)),
    ("N7/inputs of any law", {"activation": "late rise", "k": 9.0}, UNDECIDED),
    ("N7/inputs of any law", {"k": 3.0, "x": 0.0, "u": 0.125}, ("above_edge",)),
    ("N7/inputs of any law", {"u": 1.0}, UNDECIDED),
]
FORGED = [*LINEAR, *RECALL, *DRIFT, *SAMPLES]


def first(strategy):
    """The first case of a strategy, the simplest one."""
    return dict(find(strategy, lambda case: True, settings=FIRST))


@pytest.mark.parametrize(("label", "changes", "wanted"), FORGED)
def test_a_forged_case(label, changes, wanted):
    suite = SUITES[label]
    case = first(suite.cases())
    assert suite.failing(case) == ()
    assert set(changes) <= set(case)
    if wanted is UNDECIDED:
        with pytest.raises(Undecided):
            suite.failing(case | changes)
    else:
        assert suite.failing(case | changes) == wanted


def test_every_suite_that_tells_is_tested():
    assert {label for label, *_ in FORGED} == set(SUITES)
