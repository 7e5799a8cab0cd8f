"""Proofs of fixed points of NumPy loops: they hold, and none is given where there is none."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import FunctionLoop, certify, fixed_points
from loopstab.numerics.certificates.maps import TanhMap
from loopstab.numerics.fixed_points.proved_point import proved_point

ZERO = np.zeros(1)


def loop(step):
    return FunctionLoop(step, np.copy)


def rational(h):
    return 1 / (1 + h * h)


# steps with a fixed point near the given state, and the same in mpmath
PROVED = {
    "cos": (np.cos, 0.739, mpmath.cos),
    "exp": (lambda h: np.exp(-h), 0.567, lambda h: mpmath.exp(-h)),
    "log": (lambda h: 1 + np.log(h) / 2, 1.0, lambda h: 1 + mpmath.log(h) / 2),
    "sqrt": (lambda h: np.sqrt(1 + h), 1.618, lambda h: mpmath.sqrt(1 + h)),
    "sine": (lambda h: 2 * np.sin(h), 1.895, lambda h: 2 * mpmath.sin(h)),
    "power": (lambda h: (h**3 + 1) / 3, 0.347, lambda h: (h**3 + 1) / 3),
    "root": (lambda h: (h + 2) ** 0.5, 2.0, lambda h: mpmath.sqrt(h + 2)),
    "quotient": (rational, 0.682, rational),
    "rms norm": (
        lambda h: 2 * h / np.sqrt(np.mean(h * h) + 1),
        1.732,
        lambda h: 2 * h / mpmath.sqrt(h * h + 1),
    ),
}


@pytest.mark.parametrize("name", PROVED)
def test_the_enclosure_holds(name):
    step, near, twin = PROVED[name]
    found = fixed_points(loop(lambda h, e: step(h)), ZERO, starts=[[near]], prove=True, orbits=0)
    (point,) = found.points
    assert point.proof is not None
    with mpmath.workdps(50):
        exact = mpmath.findroot(lambda h: twin(h) - h, near)
        distance = abs(exact - mpmath.mpf(float(point.proof.center[0])))
        assert distance <= float(point.proof.radius[0]) < 1e-14
        slope = abs(mpmath.diff(twin, exact))
    low, high = point.proof.spectrum
    assert low - 1e-12 <= slope <= high + 1e-12
    assert high - low < 1e-9
    assert point.proof.stable == (slope < 1)


@pytest.mark.parametrize(
    ("name", "step", "h"),
    [
        ("no fixed point", lambda h, e: h + 1, 0.5),
        ("critical", lambda h, e: np.tanh(h), 0.0),
        ("a line", lambda h, e: h, 0.5),
        ("elsewhere", lambda h, e: np.cos(h), 0.9),
        ("compared", lambda h, e: np.where(h > 0, h / 2, h / 3), 0.0),
        ("maximum", lambda h, e: np.maximum(h, 0) / 2, 0.0),
        ("absolute value", lambda h, e: np.abs(h) / 2, 0.0),
        ("a branch", lambda h, e: h / 2 if h[0] == 0 else h * 2, 0.0),
        ("floats", lambda h, e: np.asarray(h, float) / 2, 0.0),
        ("rounded", lambda h, e: np.array([round(float(h[0]), 3) / 2]), 0.0),
    ],
)
def test_nothing_else_is_proved(name, step, h):
    assert proved_point(loop(step), np.array([h]), ZERO, 1e-10) is None


def test_planar_points_agree_with_the_exhaustive_search():
    weights = np.array([[2.0, 0.5], [0.3, 1.8]])
    bias = np.array([0.05, -0.1])
    found = fixed_points(
        loop(lambda h, e: np.tanh(weights @ h) + e), bias, starts=300, prove=True, orbits=0
    )
    exhaustive = certify(TanhMap.of(np.eye(2), weights, bias))
    assert len(found.points) == exhaustive.count
    for point in found.points:
        assert point.proof is not None
        other = min(exhaustive.points, key=lambda p: np.abs(p.center - point.state).max())
        assert np.abs(other.center - point.proof.center).max() <= 1e-13
        assert point.proof.stable == other.stable
        assert np.abs(point.state - other.center).max() <= point.radius


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 5))
def test_what_is_proved_is_within_the_sampled_radius(seed, n):
    rng = np.random.default_rng(seed)
    matrix, e = rng.standard_normal((n, n)), rng.standard_normal(n)
    found = fixed_points(
        loop(lambda h, e: np.tanh(matrix @ h + e)), e, starts=4, prove=True, orbits=0
    )
    for point in found.points:
        if point.proof is not None:
            far = np.abs(point.state - point.proof.center) + point.proof.radius
            assert np.linalg.norm(far) <= point.radius * (1 + 1e-9) + 1e-15
