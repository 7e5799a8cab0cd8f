"""What a diagnosis advises, and which of its numbers stand beside which outcome."""

import numpy as np
import pytest

from loopstab import FunctionLoop, Outcome, compare, diagnose, diagnose_batch

E = np.random.default_rng(0).standard_normal(12)
LOGISTIC = FunctionLoop(lambda h, r: r * h * (1 - h), lambda r: np.full_like(r, 0.3))


def test_the_input_is_missing_from_a_loop_without_recall():
    found = diagnose(FunctionLoop(lambda h, e: np.tanh(0.5 * h), lambda e: e), E)
    assert "input injection" in found.action


@pytest.mark.parametrize(
    ("step", "word"),
    [
        (lambda h, e: 1.2 * h + e, "normalise"),
        (lambda h, e: h + e, "normalise"),
        (lambda h, e: h / 0, "division"),
        (lambda h, e: 0.5 * h + e, "nothing to change"),
        (lambda h, e: e - 1.5 * np.tanh(h), "damp"),
    ],
)
def test_every_verdict_ends_with_an_action(step, word):
    found = diagnose(FunctionLoop(step, lambda e: e), E)
    assert word in found.action
    assert found.lines()[-1] == f"what to do: {found.action}"


MOVING = {
    "chaos": (lambda g: lambda h, e: 3.9 * (h + g * e) * (1 - h - g * e), Outcome.APERIODIC),
    "cycle": (lambda g: lambda h, e: g * e - 1.5 * np.tanh(h), Outcome.CYCLE),
    "neutral": (lambda g: lambda h, e: np.array([h[0], h[1] / 2 + g * e[1]]), Outcome.NEUTRAL),
}


@pytest.mark.parametrize("name", MOVING)
@pytest.mark.parametrize("gain", [0.0, 1e-3])
def test_input_injection_is_advised_to_steps_that_do_not_read_their_input_alone(name, gain):
    make, outcome = MOVING[name]
    found = diagnose(FunctionLoop(make(gain), lambda e: e + 0.3), np.array([0.01, 0.02]))
    assert found.outcome is outcome
    assert ("input injection" in found.action) == (gain == 0)


def test_input_injection_is_not_advised_to_a_loop_without_input():
    found = diagnose(FunctionLoop(lambda h, e: 4 * h * (1 - h), lambda e: np.array([0.3])))
    assert found.outcome is Outcome.APERIODIC
    assert "input injection" not in found.action


def test_an_orbit_that_reaches_no_fixed_point_and_no_cycle_has_no_spectral_radius():
    """The derivative at one state of a chaotic orbit says nothing of it; the exponent does."""
    chaos, rest = np.array([3.9]), np.array([2.5])
    found = diagnose(LOGISTIC, chaos)
    assert found.outcome is Outcome.APERIODIC
    assert found.rho is None
    assert found.to_json()["rho"] is None
    text = "\n".join(found.lines())
    assert "spectral radius" not in text
    assert "Lyapunov exponent: 0.5" in text
    other = FunctionLoop(lambda h, r: rest * h * (1 - h), lambda r: np.full_like(r, 0.3))
    table = {
        line[:19].strip(): line[19:].split() for line in compare(LOGISTIC, other, chaos).lines()
    }
    assert table["spectral radius"] == ["-", "0.5"]
    assert table["Lyapunov exponent"][1] == "-"


def test_an_undecided_orbit_has_no_spectral_radius_in_a_comparison():
    flips = FunctionLoop(lambda h, r: np.tanh([h[0], -2 * h[1]]), lambda r: np.full(2, 0.3))
    rests = FunctionLoop(lambda h, r: h / 2, lambda r: np.full(2, 0.3))
    found = compare(flips, rests, np.array([2.5]), loops=16, limit=64)
    assert found.before.outcome is Outcome.UNDECIDED
    (row,) = (line for line in found.lines() if line.startswith("spectral radius"))
    assert row.split()[2:] == ["-", "0.5"]


def test_a_batch_tells_multipliers_of_cycles_from_spectral_radii():
    lines = diagnose_batch(LOGISTIC, np.array([[2.5], [2.8], [3.2], [3.9]])).lines()
    assert "spectral radius: median 0.65, from 0.5 to 0.8" in lines
    assert "multiplier of the cycle: median 0.16, from 0.16 to 0.16" in lines
