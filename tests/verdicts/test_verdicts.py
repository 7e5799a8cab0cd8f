"""Verdicts on loops whose long-run behaviour is known in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import FunctionLoop, LoopError, Outcome, check_loop, diagnose, loop_report, restricted

E = np.random.default_rng(0).standard_normal(12)


def turn(period):
    """The plane turned by 2 pi / period and pulled to the unit circle."""
    c, s = np.cos(2 * np.pi / period), np.sin(2 * np.pi / period)
    r = np.array([[c, -s], [s, c]])
    return FunctionLoop(lambda h, e: (r @ h) * (1 + 0.5 * (1 - h @ h)), lambda e: e)


def logistic(r):
    return FunctionLoop(lambda h, e: r * h * (1 - h), lambda e: np.full(1, 0.3))


def gates(slow, dtype=np.float64):
    """A linear contraction with the known spectrum 1 - g, for gates g from 1 down to `slow`."""
    g = np.geomspace(1, slow, 200)
    u, target, h0 = (1 - g).astype(dtype), np.ones(200, dtype), (1 + g).astype(dtype)
    return FunctionLoop(lambda h, e: u * h + (dtype(1) - u) * target, h0)


def chain(n):
    p = np.random.default_rng(n).random((n, n))
    p /= p.sum(1, keepdims=True)
    return p


def detached(n, seed):
    """A residual stream whose gradient is lost: J is I + A, and the loop gives A."""
    rng = np.random.default_rng(seed)
    a = -(0.3 * np.eye(n) + 0.05 * rng.normal(size=(n, n)) / np.sqrt(n))
    loop = FunctionLoop(lambda h, e: h + a @ h + e, np.zeros_like, jvp=lambda h, e, v: a @ v)
    return loop, float(np.abs(np.linalg.eigvals(np.eye(n) + a)).max())


@pytest.mark.parametrize("slow", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_bank_of_gates_is_a_hyperbolic_fixed_point(slow, dtype):
    found = diagnose(gates(slow, dtype))
    assert found.outcome is Outcome.FIXED_POINT
    assert found.confirmed == "spectrum: rho < 1"
    assert found.rho.value == pytest.approx(1 - slow, abs=2e-7)
    expected = int((np.geomspace(1, slow, 200) < 0.0099).sum())
    assert found.slow_modes == pytest.approx(expected, abs=1)


CRITICAL = {
    "cubic": lambda h, e: h - h**3,
    "one-sided": lambda h, e: h - h**2,
    "flip": lambda h, e: -np.tanh(h),
    "logistic at 3": lambda h, e: 3 * h * (1 - h),
}


@pytest.mark.parametrize("name", CRITICAL)
def test_critical_only_where_the_spectral_radius_is_one(name):
    found = diagnose(FunctionLoop(CRITICAL[name], np.array([0.4])))
    assert found.outcome is Outcome.CRITICAL
    assert found.rho.value == pytest.approx(1, abs=1e-9)
    assert found.confirmed is None


@pytest.mark.parametrize("n", [2, 20, 50])
def test_a_markov_chain_has_one_neutral_direction_and_conserves_its_mass(n):
    p = chain(n)
    loop = FunctionLoop(lambda h, e: p.T @ h, lambda e: e)
    one, two = diagnose(loop, np.eye(n)[0]), diagnose(loop, 2 * np.eye(n)[0])
    assert one.outcome is two.outcome is Outcome.NEUTRAL
    assert one.confirmed is None
    assert "neutral direction" in one.advice
    assert one.rho.value == pytest.approx(1, abs=1e-9)
    assert one.neutral.dimension == 1
    assert one.neutral.complete
    stationary = one.state / np.linalg.norm(one.state)
    assert abs(one.neutral.directions[0] @ stationary) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(np.abs(one.neutral.conserved[0]), 1 / np.sqrt(n), atol=1e-6)
    second = np.sort(np.abs(np.linalg.eigvals(p)))[-2]
    assert one.rate == pytest.approx(second, abs=0.05)
    assert two.state.sum() == pytest.approx(2)


NEUTRAL = {
    "identity": (lambda h, e: h, 12),
    "projection to the sphere": (lambda h, e: h / np.linalg.norm(h), 11),
    "gossip": (lambda h, e: h + 0.5 * (h.mean() - h), 1),
    "half of the coordinates": (lambda h, e: np.where(np.arange(12) < 5, h, h / 2), 5),
}


@pytest.mark.parametrize("name", NEUTRAL)
def test_dimension_of_the_manifold_of_fixed_points(name):
    step, dimension = NEUTRAL[name]
    found = diagnose(FunctionLoop(step, lambda e: e), E)
    assert found.outcome is Outcome.NEUTRAL
    assert found.neutral.dimension == dimension


def test_a_large_loop_has_at_least_one_neutral_direction():
    """A ring of 900 cells that average with their neighbours keeps its mean."""

    def step(h, e):
        return 0.2 * sum(np.roll(h, k) for k in (0, 1, 7, 100, 301))

    h0 = np.random.default_rng(0).standard_normal(900)
    found = diagnose(FunctionLoop(step, h0, jvp=lambda h, e, v: step(v, e)))
    assert found.outcome is Outcome.NEUTRAL
    assert found.neutral.dimension == 1
    assert not found.neutral.complete
    np.testing.assert_allclose(found.state, h0.mean(), atol=1e-12)
    np.testing.assert_allclose(np.abs(found.neutral.directions[0]), 1 / 30, atol=1e-6)


def test_a_drift_along_a_gauge_is_named():
    def step(h, e):
        beside = h - h.mean()
        return h + 1 - 0.5 * beside + 0.1 * np.tanh(e - beside)

    found = diagnose(FunctionLoop(step, lambda e: 0 * e), E)
    assert found.outcome is Outcome.DRIFT
    assert "along a neutral direction" in found.advice


@pytest.mark.parametrize(("r", "period"), [(3.2, 2), (3.5, 4), (3.55, 8)])
def test_the_multiplier_of_a_cycle_is_the_product_of_the_slopes(r, period):
    found = diagnose(logistic(r))
    x, product = float(found.state[0]), 1.0
    for _ in range(period):
        product *= r * (1 - 2 * x)
        x = r * x * (1 - x)
    assert found.period == period
    assert found.multiplier == pytest.approx(abs(product), abs=1e-6)
    assert found.confirmed == "spectrum: multiplier < 1"
    assert "damp" in found.action


@pytest.mark.parametrize("period", [32, 33, 41, 1000])
def test_long_cycles_are_found(period):
    found = diagnose(turn(period), np.array([0.3, 0.4]))
    assert (found.outcome, found.period) == (Outcome.CYCLE, period)
    assert found.multiplier == pytest.approx(1, abs=1e-6)


EXPONENTS = {
    "quasi-periodic": (turn(41.123), np.array([0.3, 0.4]), 0.0, 0.01),
    "chaotic": (logistic(4.0), None, np.log(2), 0.05),
}


@pytest.mark.parametrize("name", EXPONENTS)
def test_an_aperiodic_orbit_has_a_lyapunov_exponent_with_its_error(name):
    loop, e, exponent, margin = EXPONENTS[name]
    found = diagnose(loop, e)
    assert found.outcome is Outcome.APERIODIC
    assert found.lyapunov.value == pytest.approx(exponent, abs=margin)
    assert f"no period up to {found.longest_period}" in found.advice
    assert name in found.advice


@pytest.mark.parametrize("n", [2, 4, 20, 41, 64])
def test_a_detached_residual_stream_is_the_finding(n):
    loop, rho = detached(n, n)
    e = np.random.default_rng(n).standard_normal(n)
    with pytest.raises(LoopError, match="something is detached"):
        check_loop(loop, e)
    found = diagnose(loop, e)
    assert found.outcome is Outcome.FIXED_POINT
    assert found.rho.value == pytest.approx(rho, rel=1e-6)
    assert found.rate == pytest.approx(rho, abs=0.02)
    assert "gradient of the step is not the derivative" in found.contradiction
    assert found.contradiction in found.advice
    assert found.confirmed is None
    assert "whole graph" in found.action


@given(st.integers(2, 40), st.integers(0, 2**32 - 1), st.floats(-0.9, 0.9))
@settings(deadline=None, max_examples=40)
def test_an_error_that_is_a_multiple_of_the_identity_always_shows(n, seed, share):
    """J + c I in place of J is found at every width, whatever the sign of c."""
    rng = np.random.default_rng(seed)
    a = 0.5 * rng.normal(size=(n, n)) / np.sqrt(n)
    wrong = a + share * np.eye(n)
    for name, product in {
        "jvp": lambda h, e, v: wrong @ v,
        "vjp": lambda h, e, u: wrong.T @ u,
    }.items():
        loop = FunctionLoop(lambda h, e: a @ h + e, np.zeros_like, **{name: product})
        report = loop_report(loop, np.ones(n))
        derivative = next(check for check in report.checks if check.name == "derivative")
        apart = np.linalg.norm(wrong - a) / max(np.linalg.norm(a), np.linalg.norm(wrong))
        if apart > 0.1:
            assert not derivative.passed
        if apart < 1e-4:
            assert derivative.passed


def test_a_slow_approach_of_a_non_normal_loop_is_explained_and_not_called_a_contradiction():
    m = np.diag(np.full(12, 0.3)) + np.diag(np.full(11, 2.0), 1)
    found = diagnose(FunctionLoop(lambda h, e: m @ h + e, np.zeros_like), np.ones(12))
    assert found.outcome is Outcome.FIXED_POINT
    assert not found.contradiction
    assert found.confirmed


def test_a_saddle_is_left_and_the_new_point_has_a_spectrum_of_its_own():
    loop = FunctionLoop(
        lambda h, e: np.array([0.5 * h[0], 1.1 * np.tanh(h[1])]), np.array([0.5, 0.0])
    )
    found = diagnose(loop)
    assert "saddle with rho = 1.1" in found.advice
    assert found.outcome is Outcome.FIXED_POINT
    assert found.rho.value < 1
    assert found.confirmed == "spectrum: rho < 1"


def test_one_huge_channel_does_not_hide_a_cycle():
    for dtype in (np.float32, np.float64):

        def step(h, e, dtype=dtype):
            out = dtype(3.2) * h * (dtype(1) - h)
            out[0] = 1e4
            return out

        h0 = np.full(64, dtype(0.3))
        h0[0] = 1e4
        found = diagnose(FunctionLoop(step, h0))
        assert (found.outcome, found.period) == (Outcome.CYCLE, 2)


HALVES = {
    "state": lambda h, e: np.tanh((0.4 * h).astype(np.float16) + e.astype(np.float16)).astype(
        float
    ),
    "inside": lambda h, e: np.tanh((0.4 * h).astype(np.float16).astype(float) + e),
    "weights": lambda h, e: np.tanh((0.4 * h.astype(np.float16)).astype(float) + e),
}


@pytest.mark.parametrize("name", HALVES)
def test_rounding_of_half_precision_is_no_motion(name):
    found = diagnose(FunctionLoop(HALVES[name], np.zeros_like), E)
    assert found.outcome is Outcome.FIXED_POINT
    assert found.precision == "float16"
    assert "resolution of float16" in found.advice
    assert "run more loops" not in found.advice
    assert found.rho.value < 0.45


def test_the_time_is_passed_and_a_count_inside_the_state_is_split_off():
    def step(h, e, t):
        return np.tanh(0.5 * h + e) + 0.5 * np.exp(-0.1 * t) * np.sin(t)

    timed = diagnose(FunctionLoop(step, np.zeros_like), E)
    counted = FunctionLoop(
        lambda s, e: np.append(step(s[:-1], e, s[-1]), s[-1] + 1), lambda e: np.zeros(13)
    )
    inside = diagnose(counted, E)
    for found in (timed, inside):
        assert found.outcome is Outcome.FIXED_POINT
        assert found.time >= found.loops
        assert found.rho.value == pytest.approx(
            np.max(0.5 * (1 - np.tanh(0.5 * timed.state + E) ** 2)), abs=1e-6
        )
    assert "counts the iterations" in inside.advice
    assert len(inside.state) == 13


def test_a_lasting_signal_makes_a_cycle_whose_multiplier_is_the_product_over_the_schedule():
    signal = np.array([0.0, 1.0, 2.0, -1.0])
    loop = FunctionLoop(lambda h, e, t: np.tanh(0.5 * h + e + signal[t % 4]), np.zeros_like)
    found = diagnose(loop, np.zeros(3))
    h, product = found.state, np.ones(3)
    for k in range(4):
        h = np.tanh(0.5 * h + signal[(found.time + k) % 4])
        product *= 0.5 * (1 - h**2)
    assert found.period == 4
    assert found.multiplier == pytest.approx(product.max(), rel=1e-5)


def test_a_step_that_fails_at_an_iteration_is_named():
    table = np.zeros(20)
    loop = FunctionLoop(lambda h, e, t: 0.5 * h + table[t], np.zeros_like)
    with pytest.raises(LoopError, match=r"step raised IndexError at iteration 20: .*test_verdicts"):
        diagnose(loop, np.ones(3))


class Cached:
    """A step that attends to all its earlier states."""

    def __init__(self):
        self.keys = []

    def __call__(self, h, e):
        self.keys.append(h.copy())
        return np.tanh(0.5 * np.mean(self.keys, axis=0) + e)


class Late:
    """A counter that changes the map only after many calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, h, e):
        self.calls += 1
        return 0.5 * h + e + (self.calls > 100)


@pytest.mark.parametrize("step", [Cached, Late])
def test_a_step_with_a_memory_is_refused(step):
    with pytest.raises(LoopError, match="memory between calls"):
        diagnose(FunctionLoop(step(), lambda e: e), E)


@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.floats(0.1, 0.97))
@settings(deadline=None, max_examples=30)
def test_a_normal_contraction_converges_at_its_spectral_radius(n, seed, radius):
    rng = np.random.default_rng(seed)
    m = rng.standard_normal((n, n))
    m = m + m.T
    m *= radius / np.abs(np.linalg.eigvalsh(m)).max()
    found = diagnose(FunctionLoop(lambda h, e: m @ h + e, np.zeros_like), rng.standard_normal(n))
    assert found.outcome is Outcome.FIXED_POINT
    assert found.rho.value == pytest.approx(radius, abs=1e-7)
    assert found.confirmed
    assert not found.contradiction


def test_padding_is_left_out_of_the_verdict():
    """Padded cells drift on their own; the kept cells do not depend on them."""
    mask = np.array([True] * 5 + [False] * 3)
    loop = FunctionLoop(
        lambda h, e: np.where(e["mask"], 0.5 * np.tanh(h) + e["x"], 1.1 * h + 1),
        lambda e: np.zeros_like(e["x"]),
    )
    e = {"x": np.ones(8), "mask": mask}
    assert diagnose(loop, e).outcome is not Outcome.FIXED_POINT
    found = diagnose(restricted(loop, e, mask), e)
    assert found.outcome is Outcome.FIXED_POINT
    assert found.confirmed == "spectrum: rho < 1"
    assert found.state.shape == (8,)
    with pytest.raises(LoopError, match="keep has 3 entries"):
        restricted(loop, e, np.ones(3, bool))


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 1e12])
def test_the_multiplier_does_not_depend_on_the_units_of_the_state(scale):
    loop = FunctionLoop(lambda h, e: 3.2 * h * (1 - h / scale), np.full(1, 0.3 * scale))
    found = diagnose(loop)
    assert (found.outcome, found.period) == (Outcome.CYCLE, 2)
    assert found.multiplier == pytest.approx(0.16, abs=1e-5)


def test_a_cycle_through_a_critical_point_is_superstable_in_full_precision():
    r = 1 + np.sqrt(5)
    found = diagnose(FunctionLoop(lambda h, e: r * h * (1 - h), np.full(1, 0.5)))
    assert (found.outcome, found.period, found.precision) == (Outcome.CYCLE, 2, None)
    assert found.multiplier == pytest.approx(0, abs=1e-6)
    assert "damp" in found.action
