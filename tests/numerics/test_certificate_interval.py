"""Interval arithmetic against exact rationals and arb; maps against their values and difference
quotients.
"""

from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab.numerics.certificates.coordinates import squared, tanh
from loopstab.numerics.certificates.interval import TANH_ERROR, Interval
from loopstab.numerics.certificates.maps import NormMap, TanhMap

FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)
PAIRS = st.tuples(FLOATS, FLOATS).map(sorted)


def interval(pair):
    return Interval(np.array([pair[0]]), np.array([pair[1]]))


def holds(x, value):
    low, high = (
        float(x.low[0]),
        float(x.high[0]),
    )  # an overflow to infinity encloses everything beyond
    return (low == -np.inf or Fraction(low) <= value) and (
        high == np.inf or value <= Fraction(high)
    )


@given(PAIRS, PAIRS, st.floats(0, 1), st.floats(0, 1))
def test_operations_hold_the_exact_results(a, b, s, t):
    x, y = (min(max(p[0] + r * (p[1] - p[0]), p[0]), p[1]) for p, r in ((a, s), (b, t)))
    p, q = Fraction(x), Fraction(y)
    u, v = interval(a), interval(b)
    assert holds(u + v, p + q)
    assert holds(u - v, p - q)
    assert holds(u * v, p * q)
    assert holds(u * y, p * q)
    assert holds(y - u, q - p)
    assert holds(squared(u), p * p)
    with np.errstate(all="ignore"):
        ratio = u / v
    if b[0] <= 0 <= b[1]:
        assert np.isnan(ratio.low[0])
    else:
        assert holds(ratio, p / q)
    if a[0] >= 0:
        root = u.sqrt()
        assert Fraction(max(float(root.low[0]), 0)) ** 2 <= p <= Fraction(float(root.high[0])) ** 2


@given(st.one_of(st.floats(-25, 25), st.floats(-1e-3, 1e-3), st.floats(-1e300, 1e300)))
def test_tanh_holds_the_true_value(x):
    found = interval((x, x)).tanh()
    with flint.ctx.workprec(200):
        true = flint.arb(x).tanh()
    # the ball may reach beyond 1
    assert not flint.arb(float(found.low[0])) > true
    assert not true > flint.arb(float(found.high[0]))
    assert found.high[0] - found.low[0] <= 2.1 * TANH_ERROR


def test_tanh_error_bound_is_not_far_from_sharp():
    """A bound below a fifth of the stated one would be false: the constant is not a guess of
    comfort.
    """
    x = np.random.default_rng(0).uniform(0, 3, 4000)
    found = interval((0.0, 0.0)).__class__(x, x).tanh()
    middle = (found.low + found.high) / 2
    with flint.ctx.workprec(200):
        worst = max(
            abs(float(flint.arb(a).tanh() - b))
            for a, b in zip(x.tolist(), middle.tolist(), strict=True)
        )
    assert TANH_ERROR / 5 < worst < TANH_ERROR


def test_undefined_operations_are_nan_and_prove_nothing():
    with np.errstate(all="ignore"):
        assert np.isnan((1 / interval((-1.0, 1.0))).low[0])
        assert np.isnan(interval((-1.0, 1.0)).sqrt().high[0])


def random_maps(d, rng):
    matrix, inner = rng.standard_normal((2, d, d))
    vector, drive = rng.standard_normal((2, d))
    yield (
        TanhMap.of(matrix, inner, vector, drive),
        lambda h: matrix @ np.tanh(inner @ h + drive) + vector,
    )
    for name, phi in (("tanh", np.tanh), ("linear", lambda h: h)):

        def norm(h, phi=phi):
            z = 0.7 * h + matrix @ phi(h) + drive
            return z / np.sqrt(np.mean(z * z) + 1e-2)

        yield NormMap.of(0.7, matrix, drive, 1e-2, name), norm


@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("width", [1e-3, 0.5, 3.0])
def test_maps_enclose_values_and_jacobians(d, width):
    rng = np.random.default_rng(d)
    for f, plain in random_maps(d, rng):
        middle = rng.standard_normal(d)
        low, high = middle - width / 2, middle + width / 2
        x = [Interval(low[i : i + 1], high[i : i + 1]) for i in range(d)]
        image, jacobian = f.image(x), f.jacobian(x)
        balls = [
            flint.arb(a).union(flint.arb(b))
            for a, b in zip(low.tolist(), high.tolist(), strict=True)
        ]
        ball_image, ball_jacobian = f.image(balls), f.jacobian(balls)
        for _ in range(20):
            h = rng.uniform(low, high)
            value = plain(h)
            for i in range(d):
                assert image[i].low[0] - 1e-14 <= value[i] <= image[i].high[0] + 1e-14
                assert (
                    float(ball_image[i].lower()) - 1e-14
                    <= value[i]
                    <= float(ball_image[i].upper()) + 1e-14
                    or not ball_image[i].is_finite()
                )
                for j in range(d):
                    v = np.eye(d)[j]
                    slope = (plain(h + 1e-6 * v) - plain(h - 1e-6 * v))[i] / 2e-6
                    assert jacobian[i][j].low[0] - 1e-7 <= slope <= jacobian[i][j].high[0] + 1e-7
                    entry = ball_jacobian[i][j]
                    assert (
                        not entry.is_finite()
                        or float(entry.lower()) - 1e-7 <= slope <= float(entry.upper()) + 1e-7
                    )


def test_the_range_of_the_norm_is_exact_up_to_rounding():
    """On a box with 0 in it a term-by-term evaluation would exceed sqrt(d)."""
    f = NormMap.of(1.0, np.zeros((2, 2)), [0, 0], 1e-3)
    x = [Interval(np.array([-1.0]), np.array([3.0])), Interval(np.array([0.5]), np.array([2.0]))]
    first, second = f.image(x)
    with np.errstate(all="ignore"):
        corner = 3 / np.sqrt((9 + 0.25) / 2 + 1e-3), -1 / np.sqrt((1 + 0.25) / 2 + 1e-3)
    assert first.high[0] == pytest.approx(corner[0], abs=1e-14)
    assert first.low[0] == pytest.approx(corner[1], abs=1e-14)
    assert second.high[0] == pytest.approx(2 / np.sqrt(2 + 1e-3), abs=1e-14)


@settings(max_examples=50)
@given(st.floats(-5, 5), st.floats(0, 3))
def test_ball_functions_use_monotonicity(middle, radius):
    ball = flint.arb(middle, radius)
    ends = ball.lower().tanh(), ball.upper().tanh()
    assert tanh(ball).overlaps(ends[0])
    assert float(tanh(ball).rad()) <= float(ends[1] - ends[0]) / 2 + 1e-8
    assert squared(ball).contains(ball.mid() * ball.mid())
    assert float(squared(ball).lower()) >= -1e-8 * (1 + middle**2 + radius**2)
