"""Outcomes of loops whose behaviour is known in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import FunctionLoop, LoopError, Outcome, Recorder, check_loop, classify, diagnose


def rotation(r, angle):
    return r * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])
JORDAN = np.array([[1.0, 1, 0], [0, 1, 1], [0, 0, 1]])


def unit(h):
    return h / np.linalg.norm(h)


def observe(step, h0, e=None, loops=2000, **options):
    e = np.zeros(1) if e is None else e
    return diagnose(
        FunctionLoop(step, lambda _: np.array(h0, dtype=float)), e, loops=loops, **options
    )


CASES = {
    "contraction-real": (lambda h, e: 0.9 * h + 1, [0.5, 0.2], "fixed-point"),
    "contraction-complex": (lambda h, e: rotation(0.9, 1) @ h + 1, [0.5, 0.2], "fixed-point"),
    "contraction-slow": (lambda h, e: 0.999 * h + 1, [0.5, 0.2], "fixed-point"),
    "contraction-to-zero": (lambda h, e: 0.9 * h, [0.5, 0.2], "fixed-point"),
    "spiral-rational-angle": (
        lambda h, e: 0.999 * rotation(1, 2 * np.pi / 3) @ h + 1,
        [0.5, 0.2],
        "fixed-point",
    ),
    "contraction-very-slow": (lambda h, e: 0.9999 * h + 1, [0.5, 0.2], "fixed-point"),
    "spiral-very-slow": (lambda h, e: 0.9999 * rotation(1, 1) @ h + 1, [0.5, 0.2], "fixed-point"),
    "cubic": (lambda h, e: h - h**3, [0.5, 0.2], "critical"),
    "drift-radial": (lambda h, e: h + unit(h), [0.5, 0.2], "drift"),
    "drift-constant": (lambda h, e: h + np.array([1.0, 2.0]), [0.5, 0.2], "drift"),
    "drift-turning": (lambda h, e: h + unit(h) + QUARTER @ unit(h), [0.5, 0.2], "drift"),
    "jordan": (lambda h, e: JORDAN @ h, [0.5, 0.2, 0.3], "growth"),
    "explosion": (lambda h, e: 1.05 * h, [0.5, 0.2], "explosion"),
    "explosion-slow": (lambda h, e: 1.003 * h, [0.5, 0.2], "explosion"),
    "explosion-faster-than-geometric": (lambda h, e: h * h, [3.0, 2.0], "explosion"),
    "cycle-2": (lambda h, e: -h, [0.5, 0.2], "cycle"),
    "cycle-2-slow": (lambda h, e: 3.001 * h * (1 - h), [0.3], "cycle"),
    "quasi-periodic": (lambda h, e: rotation(1, 1) @ h, [0.5, 0.2], "aperiodic"),
    "quasi-periodic-near-32": (
        lambda h, e: rotation(1, 2 * np.pi * (1 / 32 + 1e-4)) @ h,
        [0.5, 0.2],
        "aperiodic",
    ),
    "chaos": (lambda h, e: 4 * h * (1 - h), [0.3], "aperiodic"),
    "bounded-without-fixed-point": (
        lambda h, e: h - unit(h) + np.array([0.3, 0.1, 0.2]),
        [0.5, 0.2, 0.1],
        "aperiodic",
    ),
    "saddle-passed": (
        lambda h, e: np.array([0.5 * h[0], h[1] + 0.1 * h[1] * (1 - h[1])]),
        [1, 1e-12],
        "fixed-point",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_outcome(name):
    step, h0, expected = CASES[name]
    assert observe(step, h0).outcome == expected


@pytest.mark.parametrize(
    ("period", "step", "h0"),
    [
        (2, lambda h, e: -h, [0.5, 0.2]),
        (3, lambda h, e: rotation(1, 2 * np.pi / 3) @ h, [0.5, 0.2]),
        (4, lambda h, e: 3.5 * h * (1 - h), [0.3]),
        (5, lambda h, e: rotation(1, 2 * np.pi / 5) @ h, [0.5, 0.2]),
        (32, lambda h, e: rotation(1, 2 * np.pi / 32) @ h, [0.5, 0.2]),
    ],
)
def test_smallest_period(period, step, h0):
    assert observe(step, h0).period == period


@pytest.mark.parametrize(("rate", "angle"), [(0.5, 0.0), (0.9, 1.0), (0.99, 0.3), (0.999, 0.0)])
def test_rate_is_the_modulus(rate, angle):
    found = observe(lambda h, e: rotation(rate, angle) @ h + 1, [0.5, 0.2])
    assert found.rate == pytest.approx(rate, abs=2e-4)
    assert found.rho.value == pytest.approx(rate, abs=1e-8)
    assert found.confirmed == "spectrum: rho < 1"


def test_drift_constant_tells_turning_from_settled():
    settled, turning = (
        observe(CASES[name][0], CASES[name][1]).drift_constant
        for name in ("drift-radial", "drift-turning")
    )
    assert settled == pytest.approx(1, abs=0.01)
    assert turning == pytest.approx(np.sqrt(2), abs=0.01)


def test_saddle_started_on_its_stable_line_is_pushed_off():
    found = observe(lambda h, e: np.array([0.5 * h[0], h[1] + 0.1 * np.sin(h[1])]), [1.0, 0.0])
    assert found.outcome is Outcome.FIXED_POINT
    assert "saddle" in found.advice
    assert abs(found.state[1]) == pytest.approx(np.pi, abs=1e-6)


@pytest.mark.parametrize(
    ("beta", "outcome"), [(2.1, "fixed-point"), (1.9, "cycle"), (1.5, "cycle"), (0.9, "cycle")]
)
def test_sharpness_of_the_contraction_threshold(beta, outcome):
    """N3: N(-h + beta e) is stable iff beta > 2; below it 2-cycles at cos(h, e) = beta / 2."""
    rng = np.random.default_rng(0)
    e, h0 = rng.standard_normal((2, 30))
    e *= np.sqrt(30) / np.linalg.norm(e)
    found = observe(lambda h, e: (z := -h + beta * e) / np.sqrt(np.mean(z * z)), h0, e)
    assert found.outcome == outcome
    if outcome == "cycle":
        assert found.period == 2
        assert unit(found.state) @ unit(e) == pytest.approx(beta / 2, abs=1e-9)


def test_log_periodic_drift_is_not_called_an_explosion():
    """u = (1 + .8 n_1) n + 3 Jn: abs(h)/t has no limit (R3 d), so neither a drift constant nor a
    rate describes it.
    """
    found = observe(
        lambda h, e: h + (1 + 0.8 * unit(h)[0]) * unit(h) + 3 * QUARTER @ unit(h), [0.5, 0.2]
    )
    assert found.outcome in (Outcome.DRIFT, Outcome.UNDECIDED)


def test_leaving_a_saddle_late_is_no_explosion_until_it_has_outgrown_the_start():
    def leaving(limit):
        return observe(lambda h, e: np.array([0.5 * h[0], 1.01 * h[1]]), [1.0, 1e-12], limit=limit)

    assert leaving(2000).outcome is Outcome.UNDECIDED
    found = leaving(None)
    assert (found.outcome, found.loops) == (Outcome.EXPLOSION, 4000)


def test_float32_floor_is_still_a_fixed_point():
    m = rotation(0.9, 1).astype(np.float32)
    loop = FunctionLoop(lambda h, e: np.tanh(m @ h) + np.float32(0.3), lambda e: e)
    assert diagnose(loop, np.ones(2, np.float32)).outcome is Outcome.FIXED_POINT


@settings(max_examples=25, deadline=None)
@given(
    rate=st.floats(0.3, 0.97),
    angle=st.floats(0, np.pi),
    scale=st.floats(-6, 6),
    seed=st.integers(0, 99),
)
def test_outcome_is_invariant_under_similarity_and_scale(rate, angle, scale, seed):
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((2, 2)))[0]
    m = basis @ rotation(rate, angle) @ basis.T
    found = observe(lambda h, e: m @ h + 10.0**scale, [0.5, 0.2], loops=1500)
    assert found.outcome is Outcome.FIXED_POINT


def test_recorder_batch_equals_single_orbits():
    m, rng = rotation(0.95, 0.7), np.random.default_rng(0)
    h = rng.standard_normal((3, 2))
    batch, single = Recorder(3), [Recorder(1) for _ in range(3)]
    for _ in range(200):
        batch.observe(h)
        for i, r in enumerate(single):
            r.observe(h[i : i + 1])
        h = h @ m.T + 1
    for a, r in zip(batch.trajectories(), single, strict=True):
        b = r.trajectories()[0]
        np.testing.assert_array_equal(a.steps, b.steps)
        np.testing.assert_array_equal(a.tail, b.tail)
        assert classify(a).outcome == classify(b).outcome


BAD = {
    "shape": (lambda h, e: h[:-1], "shape"),
    "dtype": (lambda h, e: h.astype(np.float32), "cast"),
    "nan": (lambda h, e: h * np.nan, "NaN"),
    "random": (lambda h, e: h + np.random.default_rng().standard_normal(2), "dropout"),
    "type": (lambda h, e: list(h), "numpy.asarray"),
    "kink": (lambda h, e: h + np.sign(h - np.array([0.5, 0.2])), "differentiable"),
}


@pytest.mark.parametrize("name", BAD)
def test_conformance_errors_name_cause_and_action(name):
    step, word = BAD[name]
    with pytest.raises(LoopError, match=word) as error:
        check_loop(FunctionLoop(step, lambda e: np.array([0.5, 0.2])), np.zeros(1))
    assert "\n" not in str(error.value)


def test_in_place_change_is_noticed():
    def step(h, e):
        h += 1
        return h

    with pytest.raises(LoopError, match="in place"):
        check_loop(FunctionLoop(step, lambda e: np.zeros(2)), np.zeros(1))


def test_nan_is_an_outcome_not_an_error():
    found = observe(lambda h, e: h * np.nan, [1.0, 1.0])
    assert found.outcome is Outcome.NON_FINITE
    assert found.advice
