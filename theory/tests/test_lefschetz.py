"""M2 in the plane: maps of the circle have the fixed points that their degree promises."""

import math
from itertools import pairwise

import pytest

NODES = [2 * math.pi * i / 720 for i in range(721)]


def lift(k, shift, bumps=()):
    """The angle x goes to k x + shift + bumps, not reduced modulo 2 pi."""
    return lambda x: k * x + shift + sum(a * math.sin(m * x + p) for a, m, p in bumps)


def winding_number(f):
    """The number of full turns of the image."""
    turns = [math.remainder(f(y) - f(x), 2 * math.pi) for x, y in pairwise(NODES)]
    return round(sum(turns) / (2 * math.pi))


def fixed_angle(f):
    """A fixed point by bisection between neighbouring nodes, or None."""

    def gap(x):
        return math.remainder(f(x) - x, 2 * math.pi)

    for low, high in pairwise(NODES):
        if gap(low) * gap(high) <= 0 and abs(gap(low) - gap(high)) < 1:
            for _ in range(60):
                middle = (low + high) / 2
                low, high = (low, middle) if gap(low) * gap(middle) <= 0 else (middle, high)
            return low
    return None


@pytest.mark.parametrize("k", [-2, -1, 0, 2, 3])
def test_winding_maps_have_the_fixed_points_that_their_degree_promises(k):
    f = lift(k, 1.0, ((1.5, 2, 0.3),))
    assert winding_number(f) == k
    angle = fixed_angle(f)
    assert angle is not None
    assert abs(math.remainder(f(angle) - angle, 2 * math.pi)) < 1e-9


def test_degree_one_in_the_plane_may_or_may_not_fix():
    assert fixed_angle(lift(1, 2.0)) is None
    assert fixed_angle(lift(1, 0.2, ((1.0, 1, 0.0),))) is not None
