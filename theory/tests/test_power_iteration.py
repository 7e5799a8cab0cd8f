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
from loopstab.theory.autonomous.falsifiers.kac_rice import (
    cantor,
    count,
    integral,
    mean_count,
    random_map,
)
from loopstab.theory.autonomous.falsifiers.power_iteration import (
    CONVERGE,
    LOOPS,
    WANDER,
    criterion,
    direction,
    jordan_form,
    power,
)
from loopstab.theory.autonomous.kac_rice_cases import MUTUAL
from loopstab.theory.kernel.exact import apply


def _settles(blocks):
    form = jordan_form(blocks)
    start = [Fraction(k * k + 3, k + 2) for k in range(len(form))]
    far = apply(power(form, LOOPS), start)
    return math.dist(direction(far), direction(apply(form, far))) < 1e-2


@pytest.mark.parametrize("blocks", [*CONVERGE, *WANDER], ids=str)
def test_the_criterion_says_what_the_orbit_does(blocks):
    assert criterion(jordan_form(blocks)) is _settles(blocks) is (blocks in CONVERGE)


def test_simple_is_not_necessary():
    """'Iff simple, real, positive' fails in three ways: double, Jordan, -rho in a smaller block."""
    for blocks in ((("+", 1), ("+", 1)), (("+", 2),), (("+", 2), ("-", 1))):
        assert criterion(jordan_form(blocks))
        assert _settles(blocks)
    assert not criterion(jordan_form((("+", 1), ("-", 1))))


def test_a_double_dominant_eigenvalue_remembers_a_direction():
    form = jordan_form((("+", 1), ("+", 1), ("s", 1)))
    for start in ((1, 2, 3), (2, -1, 5)):
        end = direction(apply(power(form, LOOPS), [Fraction(x) for x in start]))
        assert end == pytest.approx([x / math.hypot(*start[:2]) for x in start[:2]] + [0])


@pytest.mark.parametrize(("kind", "wanted"), [("jordan", 1.0), ("geometric", 0.5)])
def test_rates(kind, wanted):
    """Jordan block: t x angle -> 1 (rho = 1); simple: successive angles shrink by |l2|/|l1|."""
    if kind == "jordan":
        far = apply(power(jordan_form((("+", 2),)), 10**6), [Fraction(5), Fraction(3)])
        assert float(10**6 * far[1] / far[0]) == pytest.approx(wanted, rel=1e-5)
        assert far[1] / far[0] == Fraction(
            str(formula("power_iteration_jordan_tangent")(1, 5, 3, 10**6))
        )
    else:
        states = [
            apply(power(jordan_form((("+", 1), ("s", 1))), t), [Fraction(5), Fraction(3)])
            for t in (20, 21)
        ]
        assert float((states[1][1] / states[1][0]) / (states[0][1] / states[0][0])) == wanted


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


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_mean_count_is_the_integral_for_piecewise_linear_maps(seed):
    case = random_map(random.Random(seed))
    low, high = min(case.values) - 1, max(case.values) + Fraction(1, 3)
    assert mean_count(case, low, high) == integral(case, low, high)


def _brute_count(case, b):
    """Twin of `count`: solve each piece."""
    found = 0
    for i in range(len(case.knots) - 1):
        (h, k), (u, v) = case.knots[i : i + 2], case.values[i : i + 2]
        if u != v:
            found += h < h + (b - u) * (k - h) / (v - u) < k
    return found


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.fractions(-12, 12, max_denominator=97))
def test_count_against_solving(seed, b):
    case = random_map(random.Random(seed))
    if b not in case.values:
        assert count(case, b) == _brute_count(case, b)


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


@pytest.mark.parametrize(
    ("h", "wanted"),
    [("1/3", "1/2"), ("1/9", "1/4"), ("8/9", "3/4"), ("1/2", "1/2"), ("1/4", "1/3")],
)
def test_cantor_function(h, wanted):
    assert abs(cantor(Fraction(h), 40) - Fraction(wanted)) <= Fraction(1, 2**40)
