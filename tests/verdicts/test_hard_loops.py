"""Loops on which a diagnosis went wrong once, with their right answers in closed form."""

import numpy as np
import pytest

from loopstab import FunctionLoop, Outcome, diagnose

ONES = np.ones(3)


def block_chain(dtype):
    """A Markov chain with two closed classes: two eigenvalues of the exact chain are 1."""
    p = np.zeros((12, 12))
    p[:5, :5], p[5:, 5:] = (np.random.default_rng(k).random((k, k)) for k in (5, 7))
    p = (p / p.sum(1, keepdims=True)).T.astype(dtype)
    return FunctionLoop(lambda h, e: p @ h, np.full(12, 1 / 12, dtype))


def half_turn(period, dtype):
    """The plane turned by 2 pi / period and pulled to the unit circle, all in one dtype."""
    c, s = np.cos(2 * np.pi / period), np.sin(2 * np.pi / period)
    r = np.array([[c, -s], [s, c]], dtype)
    start = np.array([0.3, 0.4], dtype)
    return FunctionLoop(lambda h, e: (r @ h) * (dtype(1.5) - dtype(0.5) * (h @ h)), start)


def paced(pace):
    """A mean that moves to its input by a share that depends on the iteration."""
    return FunctionLoop(lambda h, e, t: h + pace(t) * (e - h), np.zeros_like)


SCHEDULES = {
    "1/t": lambda t: 1 / (t + 2),
    "1/t^2": lambda t: 1 / (t + 2) ** 2,
    "decays": lambda t: 0.5 * 0.9**t,
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_step_that_dies_out_confirms_no_fixed_point(name):
    found = diagnose(paced(SCHEDULES[name]), ONES)
    assert found.confirmed is None
    assert not found.contradiction
    assert "the step changes with the iteration" in found.advice or found.neutral is not None


def test_a_step_that_slows_down_after_the_orbit_has_converged_is_no_contradiction():
    found = diagnose(paced(lambda t: 0.25 * (1 + np.cos(np.pi * min(t, 200) / 200))), ONES)
    assert found.outcome is Outcome.FIXED_POINT
    assert found.confirmed == "perturbed restart returned"
    assert not found.contradiction


def test_slow_states_with_several_parts_are_polished_too():
    def step(state, e):
        slow, fast = state
        return slow + 1e-4 * (e - slow), 0.5 * fast + slow

    found = diagnose(FunctionLoop(step, lambda e: (0 * e, 0 * e)), ONES, limit=2000)
    assert found.outcome is Outcome.FIXED_POINT
    assert found.rho.value == pytest.approx(1 - 1e-4, abs=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_that_are_rounded_have_neutral_directions_within_their_rounding(dtype):
    found = diagnose(block_chain(dtype))
    assert found.outcome is Outcome.NEUTRAL
    assert found.neutral.dimension == 2
    assert found.confirmed is None


def test_a_defective_eigenvalue_has_one_direction():
    found = diagnose(
        FunctionLoop(lambda h, e: np.array([[1, 0.1], [0, 1]]) @ h, np.array([1.0, 0]))
    )
    assert found.neutral is None or found.neutral.dimension == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_multiplier_of_a_rotation_is_never_below_one(dtype):
    found = diagnose(half_turn(100, dtype))
    assert found.outcome is Outcome.CYCLE
    assert found.multiplier == pytest.approx(1, abs=1e-4)
    assert found.confirmed is None


SUPERSTABLE = {
    "logistic": (lambda h, e: (1 + 5**0.5) * h * (1 - h), 0.3),
    "Newton's method": (lambda h, e: h - (h**3 - 2 * h + 2) / (3 * h * h - 2), 0.0),
}


@pytest.mark.parametrize("name", SUPERSTABLE)
def test_a_superstable_cycle_is_confirmed(name):
    step, start = SUPERSTABLE[name]
    found = diagnose(FunctionLoop(step, np.array([start])))
    assert found.period == 2
    assert found.multiplier == pytest.approx(0, abs=1e-6)
    assert found.confirmed == "spectrum: multiplier < 1"


def test_a_cycle_that_rests_has_its_whole_period():
    loop = FunctionLoop(lambda h, e, t: 0.5 * h + (t % 40 == 0), np.zeros(1))
    found = diagnose(loop)
    assert (found.outcome, found.period) == (Outcome.CYCLE, 40)


def test_a_kink_does_not_confirm_the_fixed_point_on_it():
    found = diagnose(FunctionLoop(lambda h, e: 2 * np.abs(h), np.zeros(3)))
    assert found.outcome is Outcome.EXPLOSION
    stable = diagnose(FunctionLoop(lambda h, e: np.maximum(0.5 * h, 0), np.zeros(3)))
    assert stable.confirmed == "perturbed restart returned"
    assert "kink" in stable.advice


def test_a_slow_fixed_point_is_not_critical_where_newton_converges_quadratically():
    found = diagnose(FunctionLoop(lambda h, e: (1 - 1e-4) * h - h**3, np.array([0.5])))
    assert found.outcome is Outcome.FIXED_POINT
    assert found.rho.value == pytest.approx(1 - 1e-4, abs=1e-9)


def test_gradients_that_differ_where_the_derivative_vanishes_are_seen():
    """The rms in the divisor is detached, and the first direction that is tried is the input."""

    def scale(x):
        return np.sqrt(np.mean(x * x))

    loop = FunctionLoop(
        lambda h, e: (h + e) / scale(h + e), np.copy, jvp=lambda h, e, v: v / scale(h + e)
    )
    for seed in range(4):
        found = diagnose(loop, np.random.default_rng(seed).standard_normal(12), seed=seed)
        assert found.contradiction
        assert found.confirmed is None


def test_states_outside_of_the_domain_are_no_outcome():
    """May and Leonard's heteroclinic cycle: populations pass saddles, and are never negative."""
    rivals = np.array([[0, 0.55, 1.5], [1.5, 0, 0.55], [0.55, 1.5, 0]])

    def step(h, e):
        return h * np.exp(0.5 * (1 - h - rivals @ h)) + 0 * np.sqrt(h)

    found = diagnose(FunctionLoop(step, np.array([0.5, 0.3, 0.2])))
    assert found.outcome is not Outcome.NON_FINITE
    assert found.confirmed is None


def test_a_step_rounded_to_bfloat16_inside_is_a_fixed_point_at_its_resolution():
    def rounded(x):
        bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
        return ((bits + 0x8000) >> 16 << 16).astype(np.uint32).view(np.float32)

    w = np.random.default_rng(0).standard_normal((24, 24))
    w *= 0.6 / np.abs(np.linalg.eigvals(w)).max()
    e = np.random.default_rng(1).standard_normal(24)
    inside = diagnose(
        FunctionLoop(lambda h, e: (rounded(w) @ rounded(h)).astype(float) + e, np.zeros_like), e
    )
    assert inside.outcome is Outcome.FIXED_POINT
    assert "resolution of" in inside.advice


def test_an_orbit_that_ends_at_once_is_not_rounded_away():
    """A nilpotent map takes steps of about one size, and stops after as many as its dimension."""
    shift = np.diag(np.ones(29), 1)
    found = diagnose(FunctionLoop(lambda h, e: shift @ h + 1, np.zeros(30)))
    assert found.outcome is Outcome.FIXED_POINT
    assert "rounded away" not in found.advice


def test_a_rotation_is_not_damped_by_rounding():
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(2.0), -np.sin(2.0)], [np.sin(2.0), np.cos(2.0)]]
    found = diagnose(FunctionLoop(lambda h, e: turn @ h, np.ones(3)))
    assert found.outcome is Outcome.APERIODIC
    assert "attracts by itself" not in found.action


def test_the_identity_is_neutral_where_the_solver_finds_a_part_of_its_eigenvalues():
    found = diagnose(FunctionLoop(lambda h, e: h.copy(), np.random.default_rng(0).random(700)))
    assert found.outcome is Outcome.NEUTRAL
    assert not found.neutral.complete
