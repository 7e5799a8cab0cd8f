"""Existence of fixed points (N2): known cases and laws."""

import math
import random

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import formula


def _on_sphere(z):
    scale = math.sqrt(len(z) / sum(x * x for x in z))
    return [scale * x for x in z]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 6), st.floats(0, 0.99))
def test_the_image_stays_in_the_cap(seed, d, share):
    rng = random.Random(seed)
    recall = [rng.gauss(0, 1) for _ in range(d)]
    size = math.hypot(*recall)
    g = [share * size * x / math.sqrt(d) for x in _on_sphere([rng.gauss(0, 1) for _ in range(d)])]
    z = [x + y for x, y in zip(recall, g, strict=True)]
    cosine = sum(x * y for x, y in zip(z, recall, strict=True)) / (math.hypot(*z) * size)
    assert math.acos(min(cosine, 1)) <= math.asin(share) + 1e-7


@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("beta", "fixed"), [(0.0, False), (0.5, False), (0.99, False), (1.01, True), (3.0, True)]
)
def test_the_sharp_example_in_every_dimension(d, beta, fixed):
    """N(-h + beta e): a fixed point is parallel to e, so there are two states to try.

    At random states the step has a lower bound.
    """
    rng = random.Random(d)
    e = _on_sphere([rng.gauss(0, 1) for _ in range(d)])

    def moved(h):
        return math.dist(h, _on_sphere([-x + beta * y for x, y in zip(h, e, strict=True)]))

    assert (min(moved(e), moved([-x for x in e])) < 1e-12) is fixed
    if not fixed:
        assert (
            min(moved(_on_sphere([rng.gauss(0, 1) for _ in range(d)])) for _ in range(200)) > 0.05
        )


def test_a_rotation_fixes_nothing_in_the_plane_and_an_axis_in_space():
    """Why the first example ('a rotation') was replaced: odd d always leaves an axis."""
    turn = sp.Matrix([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert 1 not in turn[:2, :2].eigenvals()
    assert turn * sp.Matrix([0, 0, 1]) == sp.Matrix([0, 0, 1])


@pytest.mark.parametrize("eps", [1e-2, 1e-4, 1e-8])
def test_the_central_point_is_unstable_and_found_by_no_orbit(eps):
    """N_eps(-h + e/2), d = 2: s^2 = eps/(1 - x^2), multiplier -1/s; an orbit next to it leaves."""
    x, high = 0.0, 0.999
    while high - x > 1e-15:
        middle = (x + high) / 2
        above = middle * (1 + math.sqrt(eps / (1 - middle**2))) > 0.5
        x, high = (x, middle) if above else (middle, high)
    s = math.sqrt(float(formula("central_scale_squared")(sp.Float(x, 30), sp.Float(eps, 30))))
    assert x * (1 + s) == pytest.approx(0.5)
    assert 1 / s > 1

    def step(h):
        z = (-h[0] + 0.5, -h[1])  # in units of R, e = (1, 0)
        return [v / math.sqrt(z[0] ** 2 + z[1] ** 2 + eps) for v in z]

    assert step((x, 0.0)) == pytest.approx([x, 0.0], abs=1e-6)
    h = [x, 1e-9]
    for _ in range(400):
        h = step(h)
    assert abs(h[1]) > 0.1
