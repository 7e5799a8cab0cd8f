"""The search for fixed points: loops whose fixed points are known, and laws."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from loopstab import FunctionLoop, Linearisation, LoopError, UsageError, fixed_points
from loopstab import path_independence as independence
from loopstab.numerics.fixed_points.error_radius import ErrorRadius, error_radius
from loopstab.numerics.fixed_points.gathered import Gathered, Group

ONE = np.ones(1)


def loop(step, **products):
    return FunctionLoop(step, np.copy, **products)


def cube_roots(h, e):
    z = complex(h[0], h[1])
    z = z - (z**3 - 1) / (3 * z**2)
    return np.array([z.real, z.imag])


def root(f, low, high):
    return brentq(f, low, high, xtol=1e-16, rtol=1e-15)


TANH_2 = root(lambda h: np.tanh(2 * h) - h, 0.1, 2)
PAIR = np.array([[2.0, 0.5], [0.5, 2.0]])
UPPER = root(lambda h: 2.5 * np.tanh(h) - h, 1, 3)  # (h, h)
SIDE = root(lambda h: 1.5 * np.tanh(h) - h, 0.5, 2)  # (h, -h)

# step, e, radius, the points with the number of unstable directions
TABLE = {
    "three of tanh": (
        lambda h, e: np.tanh(2 * h),
        ONE,
        None,
        [([TANH_2], 0), ([-TANH_2], 0), ([0.0], 1)],
    ),
    "logistic, attracting": (
        lambda h, e: 2.8 * h * (1 - h),
        0.3 * ONE,
        0.5,
        [([1 - 1 / 2.8], 0), ([0.0], 1)],
    ),
    "logistic, chaotic": (
        lambda h, e: 3.8 * h * (1 - h),
        0.3 * ONE,
        0.5,
        [([1 - 1 / 3.8], 1), ([0.0], 1)],
    ),
    "roots of unity": (
        cube_roots,
        np.array([1.0, 0.3]),
        None,
        [([1, 0], 0), ([-0.5, np.sqrt(0.75)], 0), ([-0.5, -np.sqrt(0.75)], 0)],
    ),
    "rotation": (
        lambda h, e: np.array([-h[1], h[0]]) * 2 + 1,
        np.ones(2),
        None,
        [([-0.2, 0.6], 2)],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_points_are_those_that_are_known(name):
    step, e, radius, expected = TABLE[name]
    found = fixed_points(loop(step), e, radius=radius)
    assert len(found.points) == len(expected)
    assert found.undecided == ()
    for place, unstable in expected:
        point = min(found.points, key=lambda p: np.linalg.norm(p.state - place))
        assert np.linalg.norm(point.state - place) <= point.radius < 1e-12
        assert point.isolation > 1e-4
        assert point.unstable == unstable
        assert point.stability == ("unstable" if unstable else "stable")
        assert point.residual <= 1e-14
        assert point.neutral == 0
    assert sum(p.reached for p in found.points) + found.failed == found.starts == 64
    json.dumps(found.to_json(), allow_nan=False)


def test_a_memory_of_two_neurons_has_nine():
    """h' = W tanh(h): stable (a, a), (b, -b), unstable 0 and four saddles between them."""
    found = fixed_points(loop(lambda h, e: PAIR @ np.tanh(h)), np.array([0.3, 0.2]), starts=200)
    assert len(found.points) == 9
    assert sorted(p.unstable for p in found.points) == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    for place in ([UPPER, UPPER], [-UPPER, -UPPER], [SIDE, -SIDE], [-SIDE, SIDE]):
        assert min(np.linalg.norm(p.state - place) for p in found.stable) < 1e-13
    shares = {share.end: share for share in found.basins}
    assert sum(share.hits for share in found.basins) >= 150
    for i, point in enumerate(found.points):
        assert (i in shares) == (point.stability == "stable")
        if i in shares:
            assert 0 <= shares[i].low <= shares[i].share <= shares[i].high <= 1


@pytest.mark.parametrize("n", [1, 8, 70])
def test_linear_loops_have_one(n):
    rng = np.random.default_rng(n)
    matrix, e = rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n)
    found = fixed_points(loop(lambda h, e: matrix @ h + e), e, starts=12, loops=100)
    exact = np.linalg.solve(np.eye(n) - matrix, e)
    (point,) = found.points
    assert np.linalg.norm(point.state - exact) <= point.radius
    assert point.unstable == np.count_nonzero(np.abs(np.linalg.eigvals(matrix)) > 1)
    assert point.inverse == pytest.approx(
        np.linalg.norm(np.linalg.inv(np.eye(n) - matrix), 2), rel=1e-6
    )


def test_many_dimensions():
    n = 600
    rng = np.random.default_rng(1)
    matrix, e = 0.9 * rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n)

    def push(h, e, v):
        return (1 - np.tanh(matrix @ h + e) ** 2) * (matrix @ v)

    def pull(h, e, u):
        return matrix.T @ ((1 - np.tanh(matrix @ h + e) ** 2) * u)

    big = loop(lambda h, e: np.tanh(matrix @ h + e), jvp=push, vjp=pull)
    found = fixed_points(big, e, starts=4, loops=200)
    (point,) = found.points
    assert point.stability == "stable"
    assert point.unstable == 0
    assert point.curvature is None
    assert point.radius < 1e-11
    assert found.basins[0].hits == 3


def markov(n):
    rng = np.random.default_rng(n)
    chain = rng.random((n, n))
    return chain / chain.sum(0)


CHAINS = {n: markov(n) for n in (6, 80)}


@pytest.mark.parametrize(
    ("name", "step", "e"),
    [
        ("a line", lambda h, e: CHAINS[6] @ h, np.linspace(0.1, 1, 6)),
        ("a line, larger", lambda h, e: CHAINS[80] @ h, np.linspace(0.1, 1, 80)),
        ("a circle", lambda h, e: h / np.linalg.norm(h), np.array([0.6, 0.8])),
        ("everything", lambda h, e: h, np.ones(3)),
    ],
)
def test_a_manifold_is_one_entry(name, step, e):
    found = fixed_points(loop(step), e, starts=32, loops=100)
    (point,) = found.points
    assert point.neutral == (3 if name == "everything" else 1)
    assert point.extent > 0.5
    assert point.stability == "undecided"
    assert point.radius == np.inf
    assert point.reached == 32


@pytest.mark.parametrize(
    ("step", "place"), [(np.tanh, 0.0), (lambda h: h - (h - 1) ** 2, 1.0), (lambda h: h - h**3, 0)]
)
def test_a_critical_point_is_one_entry(step, place):
    found = fixed_points(loop(lambda h, e: step(h)), 0.5 * ONE, starts=32, radius=0.5, loops=100)
    (point,) = found.points
    assert abs(point.state[0] - place) < 1e-4
    assert point.extent < 1e-4
    assert point.stability == "undecided"


def test_two_points_near_a_fold_are_two():
    gap = 1e-4
    found = fixed_points(loop(lambda h, e: h - (h * h - gap**2)), 0.01 * ONE, radius=0.1)
    assert sorted(p.state[0] for p in found.points) == pytest.approx([-gap, gap], abs=1e-9)
    assert found.undecided == ()
    assert len(found.stable) == len(found.unstable) == 1


def test_without_a_fixed_point():
    found = fixed_points(loop(lambda h, e: h + 1), ONE, loops=100)
    assert found.points == ()
    assert found.failed == found.starts
    assert found.best_residual is not None
    assert found.best_residual > 1e-6
    assert "no fixed point found" in found.advice


def test_a_cycle_is_no_fixed_point():
    found = fixed_points(loop(lambda h, e: 3.2 * h * (1 - h)), 0.3 * ONE, radius=0.2, loops=500)
    assert [p.stability for p in found.points] == ["unstable", "unstable"]
    ends = {share.end: share.hits for share in found.basins}
    assert set(ends) <= {"cycle", "infinity"}
    assert ends["cycle"] > 40


def test_given_starts():
    three = loop(lambda h, e: np.tanh(2 * h))
    found = fixed_points(three, ONE, starts=[[0.9], [1e-3]])
    assert sorted(p.state[0] for p in found.points) == pytest.approx([0, TANH_2], abs=1e-15)
    assert found.starts == 2


def test_bad_input_is_refused():
    three = loop(lambda h, e: np.tanh(2 * h))
    with pytest.raises(UsageError, match="shape"):
        fixed_points(three, ONE, starts=np.ones((3, 2)))
    with pytest.raises(UsageError, match="at least one start"):
        fixed_points(three, ONE, starts=0)
    with pytest.raises(UsageError, match="radius"):
        fixed_points(three, ONE, radius=-1.0)
    with pytest.raises(UsageError, match="orbits"):
        fixed_points(three, ONE, orbits=-1)
    with pytest.raises(LoopError, match="NaN"):
        fixed_points(loop(lambda h, e: h * np.nan), ONE)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 12))
def test_permuting_coordinates_permutes_the_points(seed, n):
    rng = np.random.default_rng(seed)
    matrix, e = 2 * rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n) / 10
    order = rng.permutation(n)
    starts = rng.standard_normal((8, n))
    plain = loop(lambda h, e: np.tanh(matrix @ h + e))
    moved = loop(lambda h, e: np.tanh(matrix[np.ix_(order, order)] @ h + e))
    ours = fixed_points(plain, e, starts=starts, orbits=0)
    if not ours.points:
        return
    # from far away, rounding decides to which point Newton's method goes
    nearby = [p.state[order] + 1e-7 for p in ours.points]
    theirs = fixed_points(moved, e[order], starts=nearby, orbits=0)
    assert len(theirs.points) == len(ours.points)
    for point in ours.points:
        twin = min(theirs.points, key=lambda q: np.linalg.norm(q.state - point.state[order]))
        assert np.linalg.norm(twin.state - point.state[order]) <= twin.radius + point.radius
        assert twin.stability == point.stability
        assert twin.unstable == point.unstable
        assert twin.rho.value == pytest.approx(point.rho.value, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 20), error=st.floats(1e-9, 1e-4))
def test_the_error_radius_holds(seed, n, error):
    """A state that is moved away from a known fixed point is at most the radius away from it."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n, n)) / np.sqrt(n)
    point = rng.standard_normal(n)
    e = point - np.tanh(matrix @ point)
    known = loop(lambda h, e: np.tanh(matrix @ h) + e)
    side = rng.standard_normal(n)
    j = Linearisation(known, point + error * side / np.linalg.norm(side), e)
    assert error_radius(known, j).radius >= error * (1 - 1e-6)


def test_path_independence():
    contracting = loop(lambda h, e: np.tanh(h / 2) + e)
    found = independence(contracting, np.ones(3))
    assert found.same is True
    assert found.distance < 1e-9
    assert found.score == pytest.approx(1)
    assert found.settled == found.orbits == 17
    three = independence(loop(lambda h, e: np.tanh(2 * h)), ONE, np.array([[-1.0], [0.5], [2.0]]))
    assert three.same is False
    assert three.distance == pytest.approx(2)
    assert three.score == pytest.approx(1 / 3)
    assert three.least == -1
    away = independence(loop(lambda h, e: 2 * h), ONE, 3)
    assert away.same is None
    assert away.distance == np.inf
    turning = independence(loop(lambda h, e: -h), ONE, 3)
    assert turning.same is None
    to_zero = independence(loop(lambda h, e: h / 2), ONE, 3)
    assert to_zero.same is True
    with pytest.raises(UsageError, match="iteration"):
        independence(contracting, ONE, loops=0)


def test_a_step_that_changes_the_shape_is_refused():
    with pytest.raises(LoopError, match="shape"):
        fixed_points(loop(lambda h, e: h[:1]), np.ones(2))


def test_starts_outside_of_the_domain_count_as_failed():
    found = fixed_points(loop(lambda h, e: np.sqrt(1 + h)), ONE, starts=[[-5.0], [1.0]])
    assert found.points[0].state[0] == pytest.approx((1 + np.sqrt(5)) / 2, rel=1e-15)
    assert (found.failed, found.points[0].reached) == (1, 1)


def test_states_of_any_structure():
    nested = FunctionLoop(lambda h, e: (np.tanh(h[1]) / 2 + e, h[0] / 2), lambda e: (e, e))
    found = fixed_points(nested, np.ones(2), starts=8, loops=100)
    first, second = found.points[0].state
    np.testing.assert_allclose(first, np.tanh(second) / 2 + 1, rtol=1e-14)
    np.testing.assert_allclose(second, first / 2, rtol=1e-14)
    given = fixed_points(nested, np.ones(2), starts=[(np.ones(2), np.zeros(2))])
    np.testing.assert_allclose(given.points[0].state[0], first, rtol=1e-13)


def test_overlapping_error_balls_are_undecided():
    """Two states of finite radius that are closer than their radii, and not known to be one."""
    halve = loop(lambda h, e: h / 2)

    def group(place, radius):
        j = Linearisation(halve, np.array([place]), ONE)
        return Group(j, ErrorRadius(radius, 0.0, 2.0, 0.0, 0), 0.0, [np.array([place])], 1)

    gathered = Gathered(halve, ONE, 1.0, None, 0)
    near, far = [group(0.0, 0.1), group(0.15, 0.1)], [group(0.0, 0.1), group(0.25, 0.1)]
    assert gathered.undecided(near) == ((0, 1),)
    assert gathered.undecided(far) == ()
