"""R2 against orbits: the counterexamples with their known numbers, and the two radii as laws."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planar_loops import PlanarBlock, PlanarLoop, rmsnorm, run, step, update

from loopstab import formula

UNIT = st.floats(-1, 1)


def threshold_example(start):
    """The loop of R2 with rho(W_x) = 1.05 and a stable fixed point (0, 10/9)."""
    block = PlanarBlock(((-0.5, 0.0), (0.0, 0.0)), (0.0, 0.0))
    return PlanarLoop(((1.05, 0.0), (0.0, 0.1)), (0.0, 1.0), (block,), 1.05, start)


@pytest.mark.parametrize("start", [(0.5, 1.0), (-2.0, 0.0), (5.0, 1.0), (14.0, 5.0)])
def test_a_stable_fixed_point_above_the_threshold(start):
    assert run(threshold_example(start), start, 3000) == pytest.approx((0, 10 / 9), abs=1e-12)


@pytest.mark.parametrize("start", [(20.0, 1.0), (-20.0, 1.0), (14.2, 0.0)])
def test_beyond_the_escape_radius_the_rate_is_log_rho(start):
    loop = threshold_example(start)
    sizes = [math.hypot(*run(loop, start, loops)) for loops in (1000, 2000)]
    assert math.log(sizes[1] / sizes[0]) / 1000 == pytest.approx(math.log(1.05), rel=1e-9)


def test_the_escape_radius_of_the_example_is_sharp():
    radius = float(formula("escape_radius")(1.05, math.sqrt(0.5)))
    assert radius == pytest.approx(10 * math.sqrt(2))
    # along the axis h_2 = z_2 = 0 (never reached for c = (0, 1)) the radius itself is fixed
    loop = PlanarLoop(
        ((1.05, 0.0), (0.0, 0.1)),
        (0.0, 0.0),
        threshold_example((0.0, 0.0)).blocks,
        1.05,
        (0.0, 0.0),
    )
    assert step(loop, (radius, 0.0)) == pytest.approx((radius, 0.0))


@pytest.mark.parametrize("x", [0.1, 0.5, 0.9])
def test_no_fixed_point_at_eps_zero(x):
    """h' = x h - h/|h|: a 2-cycle at |h| = 1/(1 + x), 2/3 for x = 1/2."""
    root = 1 / math.sqrt(2)
    loop = PlanarLoop(
        ((x, 0.0), (0.0, x)),
        (0.0, 0.0),
        (PlanarBlock(((-root, 0.0), (0.0, -root)), (0.0, 0.0)),),
        x,
        (0.3, 0.4),
    )
    state = run(loop, loop.start, 1000)
    assert math.hypot(*state) == pytest.approx(1 / (1 + x))
    assert step(loop, state) == pytest.approx((-state[0], -state[1]))


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 0.95), st.tuples(UNIT, UNIT), st.floats(0, 2 * math.pi), st.floats(0.1, 2))
def test_orbits_enter_the_absorbing_ball(mu, bias, angle, slope):
    """W_x = mu x rotation, so the Euclidean norm is adapted; C = slope R + |b|."""
    c, s = mu * math.cos(angle), mu * math.sin(angle)
    block = PlanarBlock(((slope, 0.0), (0.0, -slope)), bias, 1e-3)
    loop = PlanarLoop(((c, -s), (s, c)), (0.0, 0.0), (block,), mu, (50.0, 1.0))
    bound = slope * math.sqrt(2) + math.hypot(*bias)
    radius = float(formula("absorbing_radius")(mu, bound))
    settled = run(loop, loop.start, math.ceil(math.log(1e-9) / math.log(mu)))
    assert all(math.hypot(*run(loop, settled, k)) <= radius + 1e-6 for k in range(5))


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.1, 2),
    st.floats(0, 2),
    st.tuples(UNIT, UNIT),
    st.tuples(UNIT, UNIT),
    st.floats(0, 1),
)
def test_the_update_bound_holds_and_is_attained(out, inner, stream, bias, eps):
    """An affine update with W_out = out I, W_in = inner I.

    The bound is attained for a bias along N(z) and eps = 0.
    """
    if math.hypot(*stream) < 1e-3:
        return
    size = math.sqrt(2)
    factor = out * inner

    def norm(offset, eps):
        return math.hypot(
            *update(
                PlanarBlock(
                    ((factor, 0.0), (0.0, factor)), (out * offset[0], out * offset[1]), eps
                ),
                stream,
            )
        )

    bound = float(formula("update_bound")(out, inner, math.hypot(*bias), 0, size))
    assert norm(bias, eps) <= bound + 1e-9
    aligned = [math.hypot(*bias) * x / size for x in rmsnorm(stream)]
    assert norm(aligned, 0.0) == pytest.approx(bound)


def test_the_escape_set_does_not_need_an_inverse_off_the_leading_part():
    """W_x = diag(2, 1) has the eigenvalue 1: only the first coordinate of W_x - I is inverted."""
    block = PlanarBlock(((-0.5, 0.0), (0.0, -0.5)), (0.0, 0.25))
    loop = PlanarLoop(((2.0, 0.0), (0.0, 1.0)), (3.0, 1.0), (block,), 2.0, (0.0, 0.0))
    bound = 0.5 * math.sqrt(2)
    radius = float(formula("escape_radius")(2.0, bound))
    start = (1.01 * radius - 3.0, 5.0)  # g = h_1 + 3/(2 - 1)
    sizes = [abs(run(loop, start, loops)[0] + 3.0) for loops in (0, 20, 40)]
    assert sizes[2] > sizes[1] > sizes[0] > radius
    assert math.log(sizes[2] / sizes[1]) / 20 == pytest.approx(math.log(2), rel=1e-3)


def test_the_norm_of_the_whole_value_matrix_does_not_bound_two_heads():
    """W_v = W_o = I, scores +-1, tokens sqrt(2) e_i: each head has a share of sigma(2)."""
    share = 1 / (1 + math.exp(-2))
    update = math.hypot(share * math.sqrt(2), share * math.sqrt(2))
    one, both = (
        float(formula("update_bound")(1, norm, 0, 0, math.sqrt(2)))
        for norm in (1, formula("head_norm")(1, 1))
    )
    assert update == pytest.approx(1.7616, abs=1e-4)
    assert one < update <= both
