"""A2, A3, A4, M6: the counterexamples against slow and obvious computations."""

import math
import random
from fractions import Fraction
from itertools import pairwise, product

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from loopstab.theory.autonomous.falsifiers.countability import peano_coordinate, ternary
from loopstab.theory.formulas import formula
from loopstab.theory.kernel.algebra import random_matrix


def test_peano_coordinate_is_continuous_and_onto_at_every_depth():
    # neighbours at distance 9^-n have coordinates at distance at most 3^-n
    for depth in (1, 2, 3):
        values = [peano_coordinate(digits) for digits in product(range(3), repeat=2 * depth)]
        assert max(abs(a - b) for a, b in pairwise([*values, Fraction(1)])) <= Fraction(1, 3**depth)
        assert {*values, Fraction(1)} == {Fraction(k, 3**depth) for k in range(3**depth + 1)}


@given(st.lists(st.integers(0, 2), min_size=1, max_size=5), st.data())
def test_every_level_of_the_peano_coordinate_is_met_once_per_choice_of_turns(digits, data):
    turns = data.draw(
        st.lists(st.integers(0, 2), min_size=len(digits), max_size=len(digits)).filter(
            lambda x: sum(x) % 2 == 0
        )
    )
    odd = [2 - x if sum(turns[:j]) % 2 else x for j, x in enumerate(digits)]
    t = tuple(digit for pair in zip(odd, turns, strict=True) for digit in pair)
    assert peano_coordinate(t) == ternary(tuple(digits))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_smooth_staircase_loop_climbs_to_its_step(n):
    """h -> h + (p - h)^2 (h - q)^2 on [q, p] = [1/(n+1), 1/n]: increasing, and 1/t below p."""
    p, q = 1 / n, 1 / (n + 1)
    h = (p + q) / 2
    for _ in range(200_000):
        before, h = h, h + (p - h) ** 2 * (h - q) ** 2
        assert before <= h < p
    rate = (p - q) ** 2  # p - h ~ 1/(rate t)
    assert (p - h) * rate * 200_000 == pytest.approx(1, rel=0.35)


@pytest.mark.parametrize("d", [2, 4, 6])
def test_tangential_determinant_at_exact_points(d):
    """det D[|h| M h/|M h|] in exact arithmetic at a random state, up to a power of the stretch."""
    rng = random.Random(d)
    m, h = (
        sp.Matrix(random_matrix(rng, d).table()),
        sp.Matrix([rng.randint(1, 9) for _ in range(d)]),
    )
    m = m.applyfunc(lambda x: sp.Rational(int(x.p), int(x.q)))
    z = m * h
    derivative = m + z * (h.T / h.dot(h) - z.T * m / z.dot(z))
    assert derivative.det() == m.det()
    assert formula("tangential_determinant")(m.det(), 2, d) == m.det() / 2**d


def test_tangential_determinant_against_difference_quotients():
    """d = 3: area of the image of a small parallelogram on the sphere."""
    m, h = [[2.0, 1, 0], [0, 1, -1], [1, 0, 1]], [1.0, 1, 1]

    def loop(x: list[float]) -> list[float]:
        z = [sum(a * b for a, b in zip(row, x, strict=True)) for row in m]
        return [math.sqrt(3) * a / math.hypot(*z) for a in z]

    frame = [
        [1 / math.sqrt(2), -1 / math.sqrt(2), 0],
        [1 / math.sqrt(6), 1 / math.sqrt(6), -2 / math.sqrt(6)],
    ]
    moves = []
    for v in frame:
        up, down = (
            loop([a + sign * 1e-6 * b for a, b in zip(h, v, strict=True)]) for sign in (1, -1)
        )
        moves.append([(a - b) / 2e-6 for a, b in zip(up, down, strict=True)])
    (a, b, c), (x, y, z) = moves
    area = math.hypot(b * z - c * y, c * x - a * z, a * y - b * x)
    stretch = math.hypot(3, 0, 2) / math.sqrt(3)  # M h = (3, 0, 2)
    assert area == pytest.approx(
        abs(float(formula("tangential_determinant")(1, stretch, 3))), rel=1e-6
    )  # det M = 1


def test_packing_bounds_the_two_fixed_points_of_a_parabola():
    # h - (h^2 - 1)/4: fixed at -1, 1 in the ball of radius 1, |1 - J| = 1/2, second derivative 1/2:
    # the bound is attained
    assert formula("fixed_point_packing")(1, 1, sp.Rational(1, 2), sp.Rational(1, 2)) == 2
