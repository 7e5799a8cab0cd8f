"""Power iteration (A5) and expected numbers of fixed points (M3): known cases, slow twins, laws."""

import math
import random
from fractions import Fraction
from itertools import pairwise

import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import formula
from loopstab.theory.autonomous.exact_orbits import column, matrix
from loopstab.theory.autonomous.falsifiers.kac_rice import Law, PiecewiseMap
from loopstab.theory.autonomous.falsifiers.power_iteration import (
    LIMIT,
    OTHERWISE,
    Iteration,
    criterion,
)
from loopstab.theory.autonomous.kac_rice_cases import MUTUAL

LOOPS = 2**12
CONVERGE = (
    (("+", 1), ("s", 1), ("s", 2)),
    (("+", 1), ("+", 1), ("s", 1)),
    (("+", 2), ("-", 1), ("s", 1)),
    (("+", 2), ("c", 1)),
    (("+", 3), ("-", 1)),
    (("+", 2), ("+", 2)),
)
WANDER = (
    (("-", 1), ("s", 1), ("s", 2)),
    (("c", 1), ("s", 1)),
    (("+", 1), ("-", 1), ("s", 1)),
    (("+", 1), ("-", 2), ("s", 1)),
    (("+", 2), ("-", 2)),
    (("c", 1), ("+", 1)),
)
CELLS = {
    "+": [[1]],
    "-": [[-1]],
    "s": [[Fraction(1, 2)]],
    "c": [[Fraction(3, 5), Fraction(-4, 5)], [Fraction(4, 5), Fraction(3, 5)]],
}
"""kinds of Jordan blocks with rho = 1: +1, -1, 1/2, and the pair (3 +- 4i)/5"""


def jordan_form(blocks):
    """The real Jordan form with blocks (kind, size)."""
    rows = sum(size * len(CELLS[kind]) for kind, size in blocks)
    form = [[Fraction(0)] * rows for _ in range(rows)]
    corner = 0
    for kind, size in blocks:
        width = len(CELLS[kind])
        for k in range(size):
            for i in range(width):
                form[corner + i][corner : corner + width] = CELLS[kind][i]
                if k + 1 < size:
                    form[corner + i][corner + i + width] = Fraction(1)
            corner += width
    return matrix(form)


def start_of(form, *entries):
    return column(entries or [Fraction(k * k + 3, k + 2) for k in range(form.nrows())])


def direction(vector):
    """The unit vector along it, in floats; the entries themselves may exceed their range."""
    entries = [Fraction(int(x.p), int(x.q)) for x in vector.entries()]
    scaled = [float(x / max(map(abs, entries))) for x in entries]
    return [x / math.hypot(*scaled) for x in scaled]


def _settles(blocks):
    form = jordan_form(blocks)
    far = form**LOOPS * start_of(form)
    return math.dist(direction(far), direction(form * far)) < 1e-2


@pytest.mark.parametrize("blocks", [*CONVERGE, *WANDER], ids=str)
def test_the_criterion_says_what_the_orbit_does(blocks):
    assert criterion(jordan_form(blocks)) is _settles(blocks) is (blocks in CONVERGE)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_the_predicates_on_blocks_of_every_size(size):
    good, bad = jordan_form((("+", size), ("c", 1))), jordan_form((("+", size), ("-", size)))
    felt = Iteration(good, (start_of(good),) * 2)
    assert LIMIT.broken(felt) == (() if size > 1 else ("positive",))
    assert (LIMIT.refute(felt) is None) is (size > 1)
    turning = Iteration(bad, (start_of(bad),) * 2)
    assert OTHERWISE.broken(turning) == ()
    assert OTHERWISE.refute(turning) is None


def test_simple_is_not_necessary():
    """'Iff simple, real, positive' fails in three ways: double, Jordan, -rho in a smaller block."""
    for blocks in ((("+", 1), ("+", 1)), (("+", 2),), (("+", 2), ("-", 1))):
        assert criterion(jordan_form(blocks))
        assert _settles(blocks)
    assert not criterion(jordan_form((("+", 1), ("-", 1))))


def test_a_double_dominant_eigenvalue_remembers_a_direction():
    form = jordan_form((("+", 1), ("+", 1), ("s", 1)))
    for start in ((1, 2, 3), (2, -1, 5)):
        end = direction(form**LOOPS * column(start))
        assert end == pytest.approx([x / math.hypot(*start[:2]) for x in start[:2]] + [0])


def test_the_rate_of_a_jordan_block():
    """t x angle -> 1 (rho = 1), and the closed form is exact."""
    far = jordan_form((("+", 2),)) ** 10**6 * column([5, 3])
    ratio = far[1, 0] / far[0, 0]
    assert float(10**6 * ratio) == pytest.approx(1, rel=1e-5)
    assert str(ratio) == str(formula("power_iteration_jordan_tangent")(1, 5, 3, 10**6))


def test_probability_by_an_independent_integral():
    """P(real) = P(|cos| < 1/sqrt 2) for a uniform direction in R^3.

    z/|v| is uniform on [-1, 1] (Archimedes).
    """
    assert float(formula("ginibre_dominant_positive_2")()) == pytest.approx(0.5 * math.sqrt(0.5))
    rng = random.Random(0)
    hits = 0
    for _ in range(20000):
        a, b, c, d = (rng.gauss(0, 1) for _ in range(4))
        hits += (a - d) ** 2 + 4 * b * c > 0 and a + d > 0
    error = math.sqrt(0.3536 * 0.6464 / 20000)
    assert abs(hits / 20000 - 0.353553) < 4 * error


def random_map(rng: random.Random) -> PiecewiseMap:
    """A random one-dimensional ReLU network, given by its knots."""
    knots = [Fraction(rng.randint(-6, 0))]
    for _ in range(rng.randint(2, 6)):
        knots.append(knots[-1] + Fraction(rng.randint(1, 8), 4))
    values = [Fraction(rng.randint(-12, 12), 3)]
    for _ in knots[1:]:
        # flat pieces are allowed, because they contribute nothing
        values.append(values[-1] + Fraction(rng.randint(-9, 9), 2))
    return PiecewiseMap(knots, values)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_mean_count_is_the_integral_for_piecewise_linear_maps(seed):
    case = random_map(random.Random(seed))
    law = Law(case, min(case.values) - 1, max(case.values) + Fraction(1, 3))
    assert law.mean_count() == law.integral()


def _brute_count(case, b):
    """Twin of `count`: solve each piece."""
    found = 0
    for (h, k), (u, v) in case.pieces():
        if u != v:
            found += h < h + (b - u) * (k - h) / (v - u) < k
    return found


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.fractions(-12, 12, max_denominator=97))
def test_count_against_solving(seed, b):
    case = random_map(random.Random(seed))
    if b not in case.values:
        assert case.count(b) == _brute_count(case, b)


def test_tanh_expected_count_by_another_route():
    """Solutions counted on a grid of biases (mpmath) against the closed form."""
    a, s = 3, mpmath.mpf("0.8")
    fold = mpmath.mpf(sp.N(formula("tanh_fold_bias")(a), 20))
    grid = [k * mpmath.mpf("0.02") for k in range(-600, 601)]
    values = [h - a * mpmath.tanh(h) for h in grid]

    def solutions(b):
        return sum((u - b) * (v - b) < 0 for u, v in pairwise(values))

    assert solutions(0.99 * fold) == solutions(-0.99 * fold) == 3
    assert solutions(1.01 * fold) == 1
    wanted = 1 + 2 * mpmath.erf(fold / (mpmath.sqrt(2) * s))
    assert float(formula("tanh_expected_count")(a, sp.Rational(4, 5)).evalf()) == pytest.approx(
        float(wanted), rel=1e-14
    )


def test_planar_relu_map_has_one_or_three_fixed_points():
    (a, b), (c, d) = MUTUAL
    rng = random.Random(1)
    total = 0
    for _ in range(4000):
        bias = (rng.gauss(0, 1), rng.gauss(0, 1))
        found = 0
        for first in (False, True):
            for second in (False, True):
                column, other = ((a, c) if first else (1, 0)), ((b, d) if second else (0, 1))
                det = column[0] * other[1] - other[0] * column[1]
                h = (
                    (bias[0] * other[1] - other[0] * bias[1]) / det,
                    (column[0] * bias[1] - bias[0] * column[1]) / det,
                )
                found += (h[0] > 0) is first and (h[1] > 0) is second
        assert found == (3 if max(bias) < 0 else 1)
        total += found
    assert abs(total / 4000 - 1.5) < 4 * math.sqrt(0.75 / 4000)


def _stage(n: int) -> PiecewiseMap:
    """The n-th stage of the Cantor function: slope (3/2)^n on 2^n intervals, else flat."""
    knots, values = [Fraction(0), Fraction(1)], [Fraction(0), Fraction(1)]
    for _ in range(n):
        left = ([h / 3 for h in knots], [v / 2 for v in values])
        knots = left[0] + [Fraction(2, 3) + h for h in left[0]]
        values = left[1] + [Fraction(1, 2) + v for v in left[1]]
    return PiecewiseMap(knots, values)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_the_integral_of_the_cantor_function_is_lost_in_the_limit(n):
    """M3 holds for each stage, whose slopes rise and cover (2/3)^n of K; of the limit it is 0."""
    stage = _stage(n)
    law = Law(stage, Fraction(0), Fraction(1))
    assert law.mean_count() == law.integral() == 1
    rising = sum(k - h for (h, k), (u, v) in stage.pieces() if u != v)
    assert rising == Fraction(2, 3) ** n
    limit = Law(
        PiecewiseMap((Fraction(0), Fraction(1)), (Fraction(0), Fraction(1)), cantor=True),
        Fraction(0),
        Fraction(1),
    )
    assert (limit.mean_count(), limit.integral()) == (1, 0)
