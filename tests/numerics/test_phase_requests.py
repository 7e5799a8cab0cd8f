"""What a user asks of a phase diagram of their step: axes, closed forms, and errors in one line."""

import numpy as np
import pytest
from step_laws import random_step, scalar

from loopstab import LoopError, StepLaw, UsageError, phase_diagram
from loopstab.numerics.phase import DiagramAxis
from loopstab.numerics.phase.laws.user_formula import evaluated


def wrong_shape(h, e, a=1.0, b=1.0):
    return h[:1]


def failing(h, e, a=1.0, b=1.0):
    return h @ np.ones((7, 7))


BAD = {
    "axis that is no parameter": ({"x": "c:0:1"}, UsageError, "no parameter 'c': use one of"),
    "setting that is none": ({"settings": {"c": 1.0}}, UsageError, "no parameter 'c'"),
    "one axis missing": ({"y": None, "e": 1.0}, UsageError, "needs both axes"),
    "wrong shape": ({"law": wrong_shape}, LoopError, r"step returned shape .* \(at width = 16, a"),
    "random": ({"law": random_step}, LoopError, "two calls of step .* differ"),
    "raises": (
        {"law": failing},
        LoopError,
        r"step raised ValueError: .*test_phase_requests.py, line",
    ),
    "no default": (
        {"law": lambda h, e, a, b, c: h},
        UsageError,
        "parameter c of law <lambda> has no value",
    ),
    "no state": ({"law": lambda a=1.0, b=1.0: a}, UsageError, "takes no state"),
    "a number": ({"law": 3}, UsageError, "a law is a name, a step, a file"),
    "parts of a name": ({"law": "linear", "e": 1.0}, UsageError, "e belong to a step"),
    "rho of others": ({"rho": lambda q: q}, UsageError, "rho takes q, which scalar does not"),
    "rho negative": ({"rho": lambda a: -1 - a}, UsageError, "negative"),
    "rho raises": ({"rho": lambda a: [][0]}, UsageError, "rho raised IndexError at a = "),
    "weights unused": ({"weights": lambda rng: 1}, UsageError, "has no argument weights"),
    "e raises": ({"e": lambda rng: rng.nothing()}, UsageError, "e raised AttributeError"),
    "values uneven": ({"x": ("a", [1.0, 2.0, 5.0])}, UsageError, "not evenly spaced"),
    "values and grid": ({"x": ("a", [1.0, 2.0])}, UsageError, "leave out the grid"),
    "axis unreadable": ({"x": ("a",)}, UsageError, "cannot read axis"),
    "no such file": ({"law": "nowhere.py"}, UsageError, "no Python file at"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_are_one_line(name):
    changed, kind, words = BAD[name]
    asked = {"law": scalar, "x": "a:0:1", "y": "b:0:1", "grid": (2, 4), "jobs": 1, **changed}
    with pytest.raises(kind, match=words) as error:
        phase_diagram(asked.pop("law"), **asked)
    assert "\n" not in str(error.value)


def test_a_vectorised_step_that_mixes_its_rows_is_found():
    law = StepLaw(lambda h, e, a=1.0, b=1.0: a * h - h.mean() + b, vectorised=True)
    with pytest.raises(LoopError, match="row by row"):
        phase_diagram(law, x="a:0.1:0.5", y="b:0:1", grid=(2, 2), jobs=1)
    law = StepLaw(lambda h, e, a=1.0, b=1.0: np.ravel(a * h), vectorised=True)
    with pytest.raises(LoopError, match="vectorised step returned shape"):
        phase_diagram(law, x="a:0.1:0.5", y="b:0:1", grid=(2, 2), jobs=1)


def test_axes_as_users_write_them():
    same = DiagramAxis("a", 0.0, 3.0), None
    for axis in ("a:0:3", ("a", 0, 3), same[0]):
        assert DiagramAxis.of(axis) == same
    linear, count = DiagramAxis.of(("a", np.linspace(0.5, 2.5, 3)))
    assert (linear, count) == (same[0], 3)
    log, count = DiagramAxis.of(("a", np.geomspace(1, 100, 3)))
    assert (log.log, count) == (True, 3)
    np.testing.assert_allclose(log.at((np.arange(3) + 0.5) / 3), [1, 10, 100])


def test_a_closed_form_of_arrays_that_is_wrong_is_evaluated_by_numbers():
    values = {"a": np.linspace(-1, 1, 7)}
    for rho in (lambda a: abs(a), lambda a: float(abs(a)), lambda a: np.abs(a).max()):
        np.testing.assert_allclose(evaluated(rho, values, (7,)), np.abs(values["a"]))
    # infinite at the five points that are compared
    steps = {"a": np.arange(9.0)}
    found = evaluated(lambda a: 1.0 if float(a) % 2 else float("inf"), steps, (9,))
    np.testing.assert_array_equal(found, [np.inf, 1] * 4 + [np.inf])
