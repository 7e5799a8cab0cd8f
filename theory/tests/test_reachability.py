"""Reached fixed points (A4): the predicates against orbits in floats, and the counterexamples."""

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab.theory.autonomous.exact_orbits import is_stable
from loopstab.theory.autonomous.falsifiers.reachability import (
    ATTRACTS,
    CONSTANT,
    INPUTS,
    RANDOM_START,
    STARTS,
    Scalar,
    loop,
)

PLANE = [[1, 0], [0, 1]]
SMALL = st.fractions(-2, 2, max_denominator=2)
PAIR = st.lists(SMALL, min_size=2, max_size=2)


def orbit(step, h, loops):
    for _ in range(loops):
        h = step(h)
    return h


def relu(x):
    return max(x, 0.0)


def test_expanding_pieces_on_both_sides_of_a_kink_may_attract():
    """The fixed point 0 lies on the kink, rho = 3/2 and 1.207: not covered, and A4 fails there."""

    def step(h):
        x, y = h
        return (0.5 * x + y - 1.5 * relu(x), 0.5 * x + 0.5 * y + 0.5 * relu(x))

    rng = random.Random(0)
    for _ in range(20):
        start = (4 + rng.uniform(-0.1, 0.1), 1 + rng.uniform(-0.1, 0.1))
        assert max(map(abs, orbit(step, start, 300))) < 1e-9
    units = ((["-3/2", "1/2"], [1, 0], 0),)
    case = loop([["1/2", 1], ["1/2", "1/2"]], PLANE, [4, 1], units=units)
    assert STARTS.broken(case) == ("smooth",)
    off = loop([["1/2", 1], ["1/2", "1/2"]], PLANE, [4, -9], units=units)
    assert STARTS.refute(off) is None  # this start is no ray that returns


def test_a_plateau_catches_and_a_slope_does_not():
    """2h - 4 relu(h - 1) + c relu(h - 2): c = 2 is flat from 2 on, c = 1 is not."""
    for slope, flat in ((2, True), (1, False)):
        units = (([-4], [1], -1), ([slope], [1], -2))
        case = loop([[2]], [[1]], [3], units=units)
        assert STARTS.broken(case) == (("nonsingular",) if flat else ())
        assert (STARTS.refute(case) is not None) is flat


def test_with_recall_a_start_that_follows_the_input_reaches_the_point_of_every_input():
    for e in (Fraction(1), Fraction(-7, 3)):
        stuck = loop([[2]], [[0]], [0], bias=[-e], offset=[e], point=[e])
        assert RANDOM_START.broken(stuck) == ("random_start",)
        assert RANDOM_START.refute(stuck) is not None
        spread = loop([[2]], [[1]], [5], bias=[-e], offset=[e], point=[e])
        assert RANDOM_START.broken(spread) == ()
        assert RANDOM_START.refute(spread) is None


@settings(deadline=None, max_examples=80)
@given(st.lists(PAIR, min_size=2, max_size=2), st.integers(1, 2), PAIR)
def test_linear_loops_reach_what_the_predicate_says(rows, width, z):
    encoder = [row[:width] for row in PLANE]
    case = loop(rows, encoder, z[:width])
    radii = [abs(complex(root)) for root, _ in case.m.charpoly().complex_roots()]
    if any(0.95 < radius < 1.05 for radius in radii):
        return
    reached = INPUTS.refute(case) is not None
    assert ("expanding" in INPUTS.broken(case)) is is_stable(case.m.charpoly())
    matrix = [[float(x) for x in row] for row in rows]
    rng = random.Random(1)
    for _ in range(5):
        drawn = [float(x) + rng.uniform(-0.1, 0.1) for x in z[:width]]
        h = [*drawn, 0.0][:2]
        end = orbit(
            lambda h: [
                matrix[0][0] * h[0] + matrix[0][1] * h[1],
                matrix[1][0] * h[0] + matrix[1][1] * h[1],
            ],
            h,
            300,
        )
        assert (max(map(abs, end)) < 1e-3) is reached


@pytest.mark.parametrize("cubic", [-1, 1])
@pytest.mark.parametrize("slope", ["0", "1/2", "-1", "1", "5/4", "-3/2"])
def test_scalar_loops_near_zero(slope, cubic):
    """|f(h)| against |h|: the predicate, and the orbit itself."""
    case = Scalar(Fraction(slope), Fraction(cubic), Fraction(0))
    h, m = 0.05, float(case.slope)
    for _ in range(20_000):
        h = m * h + cubic * h**3
        if abs(h) > 0.3:
            break
    assert (ATTRACTS.refute(case) is None) is (abs(h) < 0.01)
    assert (ATTRACTS.broken(case) == ()) is (abs(m) < 1)


def test_with_recall_the_limit_moves():
    case = Scalar(Fraction(1, 2), Fraction(0), Fraction(3))
    assert CONSTANT.broken(case) == ("no_recall",)
    assert "6 per unit" in str(CONSTANT.refute(case))


def test_a_jumping_start_leaves_the_limit_at_once():
    """h' = h/2 + h^3 from h_0 = e, and from e + 2 for e > 0: without recall, and no constant."""
    case = Scalar(Fraction(1, 2), Fraction(1), Fraction(0), Fraction(2))
    assert CONSTANT.broken(case) == ("smooth",)
    assert "diverges from 2" in str(CONSTANT.refute(case))
    for e, reached in ((-1e-3, True), (0.0, True), (1e-3, False)):
        h = e + 2 * (e > 0)
        for _ in range(6):
            h = h / 2 + h**3
        assert (abs(h) < 1e-3) is reached
