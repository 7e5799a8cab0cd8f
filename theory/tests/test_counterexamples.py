"""A2, A3, A4, M6: the counterexamples against slow and obvious computations."""

import math
import random
from fractions import Fraction
from itertools import pairwise, product

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from loopstab.theory.autonomous.falsifiers.capacity import SEPARATION, Wells, nonnegative
from loopstab.theory.autonomous.falsifiers.countability import NON_DEGENERATE, H, cubic
from loopstab.theory.autonomous.monotone_loops import MonotoneLoop, clamp
from loopstab.theory.formulas import formula
from loopstab.theory.kernel.algebra import random_matrix


def peano_coordinate(digits: tuple[int, ...]) -> Fraction:
    """The first coordinate of Peano's curve at t = 0.t1 t2 ... in base 3, an even number of digits.

    Its j-th digit is k^{t_2 + ... + t_{2j-2}} t_{2j-1} with k t = 2 - t. For every level in (0, 1)
    it has uncountably many preimages: continuity is not enough for A2.
    """
    turned, value = 0, Fraction(0)
    for j in range(0, len(digits), 2):
        value += Fraction(2 - digits[j] if turned % 2 else digits[j], 3 ** (j // 2 + 1))
        turned += digits[j + 1]
    # after an odd number of turns, the zeros that follow become twos
    return value + (Fraction(1, 3 ** (len(digits) // 2)) if turned % 2 else 0)


def ternary(digits: tuple[int, ...]) -> Fraction:
    """The number 0.t1 t2 ... in base 3."""
    return sum((Fraction(t, 3 ** (i + 1)) for i, t in enumerate(digits)), Fraction(0))


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


def test_with_recall_a_whole_set_of_parameters_has_a_degenerate_input():
    """A2: f = h - (h^3 - 3h + e), e = 2: 1 - f' = 0 at h = 1; the same near these parameters."""
    generic = NON_DEGENERATE.assumptions["generic"]
    for r in (Fraction(1), Fraction(99, 100), Fraction(101, 100)):
        for q in (Fraction(0), Fraction(1, 50)):
            exception = cubic(-3 * r**2, q, e=2 * r**3 - q)
            assert not generic(exception)
            assert exception.degenerate().eval(sp.Rational(r)) == 0
            assert NON_DEGENERATE.refute(exception) is not None
            beside = cubic(-3 * r**2, q, e=2 * r**3 - q + Fraction(1, 1000))
            assert generic(beside)
            assert NON_DEGENERATE.refute(beside) is None


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_a_cubic_is_degenerate_where_its_discriminant_vanishes(p, q):
    case = cubic(Fraction(p, 2), Fraction(q, 2))
    double = sp.roots(H**3 + sp.Rational(p, 2) * H + sp.Rational(q, 2), H, filter="R")
    assert (NON_DEGENERATE.refute(case) is not None) == any(k > 1 for k in double.values())


@pytest.mark.parametrize("delta", [sp.Rational(1, 3), sp.Integer(2)])
def test_curvature_at_the_fixed_points_alone_does_not_separate_them(delta):
    """M6: f = h - delta sin(h/delta) has |1 - J| = 1 and D^2 f = 0 at each k pi delta."""
    h = sp.Symbol("h")
    f = h - delta * sp.sin(h / delta)
    for k in range(-3, 4):
        fixed = k * sp.pi * delta
        assert f.subs(h, fixed) == fixed
        assert abs(1 - sp.diff(f, h).subs(h, fixed)) == 1
        assert sp.diff(f, h, 2).subs(h, fixed) == 0
    # on the whole line |D^2 f| <= 1/delta, and 2g/M = 2 delta is less than the distance pi delta
    assert 2 * delta < sp.pi * delta


@given(st.integers(-6, 6), st.integers(-6, 6), st.integers(-6, 6))
def test_nonnegative_against_samples(a, b, c):
    x = sp.Symbol("x")
    p = sp.Poly([sp.Rational(a), sp.Rational(b), sp.Rational(c)], x, domain="QQ")
    lowest = min(p.eval(sp.Rational(k, 200)) for k in range(-200, 201))
    if nonnegative(p, Fraction(-1), Fraction(1)):
        assert lowest >= 0
    else:  # the curvature is at most 12: the minimum lies at most 6 (1/200)^2 below a sample
        assert lowest < 12 / 200**2


def test_separation_is_sharp_for_a_parabola():
    case = SEPARATION.example()
    assert case.roots == ((-1, 1),)  # 2 apart, 2g/M = 2
    wider = Wells(case.rows, case.roots, case.gap + Fraction(1, 10**9), case.curvature)
    assert SEPARATION.broken(wider) == ("gap",)
    assert SEPARATION.refute(wider) is not None


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("outer", [False, True])
def test_the_clamp_has_a_fixed_point_for_every_sign_vector(d, outer):
    """M6: 2^d of them, each reached from all starts of that sign."""
    reached = set()
    for start in product((-0.9, -0.3, -0.01, 0.02, 0.6), repeat=d):
        h = list(start)
        for _ in range(12):
            h = [max(-1.0, min(1.0, 2 * x)) for x in h]
            if outer:
                h = [x * math.sqrt(d) / math.hypot(*h) for x in h]
        assert h == pytest.approx([math.copysign(1, x) for x in start], abs=1e-15)
        reached.add(tuple(round(x) for x in h))
    assert len(reached) == 2**d


_SLOPES = st.sampled_from([Fraction(k, 4) for k in (0, 1, 2, 3, 5, 8)])


@given(_SLOPES, st.fractions(-2, 2, max_denominator=7), st.fractions(-2, 2, max_denominator=9))
def test_limits_of_monotone_loops_against_iteration(slope, level, start):
    left = MonotoneLoop(
        ((Fraction(1, 2), level + (slope - Fraction(1, 2)) * -1), (slope, level)), (Fraction(-1),)
    )
    assert left.continuous()
    limit, h = left.limit(start), float(start)
    for _ in range(400):
        h = float(left.step(Fraction(h), Fraction(0))) if abs(h) < 1e9 else h
    if limit is None:
        assert abs(h) > 100
    elif limit[0] != start and abs(float(slope) - 1) > 0.2:
        assert h == pytest.approx(float(limit[0]), abs=1e-6)


def test_limits_beside_an_input():
    near = clamp(2)
    assert near.limit(0) == (0, 0)
    assert near.limit(0, 1) == (1, 0)
    assert near.limit(0, -1) == (-1, 0)
    moving = MonotoneLoop(((Fraction(1, 3), 0),), recall=2)
    assert moving.limit(1, 1) == (3, 3)  # the limit is 3e: it moves by 3
    assert moving.limit(1, e=0) == (0, 0)
    assert MonotoneLoop(((2, 0),)).limit(1) is None


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
