"""Loops near attracting points and cycles: exact routines against slow twins, and known values."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from loopstab import formula
from loopstab.theory.local.answers import L4
from loopstab.theory.local.attracting_point import L1
from loopstab.theory.local.cycles import L6
from loopstab.theory.local.falsifiers.answers import AnswerCase
from loopstab.theory.local.falsifiers.cycles import CycleMatrices, ScalarCycle
from loopstab.theory.local.falsifiers.quadratic_loop import QuadraticLoop, matrix, semidefinite
from loopstab.theory.local.falsifiers.scalar_loop import ScalarLoop

SMALL = st.integers(-4, 4)
SIXTEENTHS = st.integers(-14, 14).map(lambda n: Fraction(n, 16))


@pytest.mark.parametrize("claim", [L1, L4, L6], ids=lambda claim: claim.id)
def test_every_sentence_has_an_example_and_every_assumption_that_it_needs_a_meaning(claim):
    for predicate in claim.predicates:
        predicate.require_example()
    assert {item.drops for item in claim.falsifiers} <= {item.name for item in claim.assumptions}


@pytest.mark.parametrize("claim", [L1, L4, L6], ids=lambda claim: claim.id)
def test_every_evaluated_assumption_has_a_witness(claim):
    evaluated = {name for item in claim.predicates for name in item.assumptions}
    assert {item.drops for item in claim.falsifiers} == evaluated


@settings(deadline=None)
@given(st.lists(st.lists(SMALL, min_size=3, max_size=3), min_size=3, max_size=3), st.booleans())
def test_semidefinite_is_what_eigenvalues_say(rows, square):
    a = np.array(rows, float)
    a = a.T @ a if square else a + a.T
    values = np.linalg.eigvalsh(a)
    assume(square or abs(values[0]) > 1e-9)
    assert semidefinite(matrix(a.tolist())) == (values[0] >= -1e-9)


def loop(jacobian, kick, q="15/16", power=1):
    zero = [0] * len(kick)
    return QuadraticLoop(jacobian, q, power, zero, zero, zero, kick, zero, 0, 1, zero, zero)


def test_the_adapted_norm_of_a_jordan_block():
    # P = I + 4 J^T J for q = 1/2, J = [[0, 1], [0, 0]], and n = 2
    case = loop([[0, 1], [0, 0]], [1, 1], "1/2", 2)
    assert case.norm_matrix == matrix([[1, 0], [0, 5]])


def test_sensitivity_is_the_sum_of_the_powers():
    case = loop([[Fraction(1, 2), 1], [0, Fraction(1, 4)]], [1, 3])
    limit = case.sensitivity()
    total, term = limit * 0, matrix([[1], [3]])
    for _ in range(80):
        total, term = total + term, case.j * term
    assert all(abs(float(x)) < 1e-15 for x in (limit - total).entries())
    assert loop([[1]], [1]).sensitivity() is None


@settings(deadline=None, max_examples=40)
@given(st.tuples(SIXTEENTHS, SIXTEENTHS, SIXTEENTHS), st.tuples(SIXTEENTHS, SIXTEENTHS), SIXTEENTHS)
def test_an_orbit_that_reaches_a_point_converges_to_it(left, right, start):
    case = ScalarLoop(left, right, 1, start)
    points = [point for point in case.fixed_points() if case.reaches(point)]
    assert len(points) <= 1 or start in points
    for point in points:
        h = float(start)
        for _ in range(2000):
            side = case.right if h > 0 else case.left
            h = sum(float(x) * h ** (i + 1) for i, x in enumerate(side))
        assert abs(h - float(point)) < 0.05  # 1/sqrt(t) at the slope 1


def test_a_point_outside_the_basin_is_not_reached():
    # h - h (h - 1)(h - 3)/8: 1 repels, and its two sides end in 0 and 3
    piece = (Fraction(5, 8), Fraction(1, 2), -Fraction(1, 8))
    below, above = (ScalarLoop(piece, piece, 1, x) for x in (Fraction(1, 2), Fraction(5, 2)))
    assert (below.reaches(sp.Integer(0)), below.reaches(sp.Integer(3))) == (True, False)
    assert (above.reaches(sp.Integer(0)), above.reaches(sp.Integer(3))) == (False, True)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 15), st.integers(1, 64), st.integers(1, 64), st.integers(1, 32))
def test_the_answer_loop_is_where_the_bound_meets_the_margin(rate, scale, lipschitz, margin):
    q = sp.Rational(rate, 16)
    loops = float(formula("answer_loop")(scale, lipschitz, margin, q))
    assert scale * lipschitz * float(q) ** loops == pytest.approx(margin)
    case = AnswerCase([[q]], [scale], scale, q, [[-lipschitz]], [margin], lipschitz, margin)
    first = case.first()
    assert first >= loops - 1e-9
    assert first <= max(loops, 0) + 1 + 1e-9
    answers = case.answers(first + 20)
    # h' = q h attains the bound: no earlier loop serves
    assert answers == [False] * first + [True] * 21


@pytest.mark.parametrize(("q", "bound", "s", "radius"), [("1/2", 2, "3/4", "1/8"), (0, 1, 1, 1)])
def test_radius_of_contraction(q, bound, s, radius):
    found = formula("contraction_radius")(sp.Rational(q), bound, sp.Rational(s))
    assert found == sp.Rational(radius)


def test_f_to_the_p_and_its_limit():
    case = ScalarCycle((-1, 0, 1), 1, (0, -1), Fraction(1, 8), 1)
    for h, e in ((0, 0), (Fraction(1, 3), Fraction(1, 5)), (2, -1)):
        once = h * h - 1 + e
        point = dict(zip(case.returned.gens, (h, e), strict=True))
        assert case.returned.as_expr().subs(point) == once * once - 1 + e
    assert (case.limit(0), case.slopes()) == (0, [0, -2])
    # an orbit beyond the repelling fixed point (1 + sqrt 5)/2 has no limit
    assert ScalarCycle((-1, 0, 1), 1, (0, -1), 2).limit(0) is None


def test_products_around_a_cycle():
    case = CycleMatrices(3, [[[2]], [[3]], [[5]], [[2]], [[3]]])
    assert case.products() == [matrix([[30]])] * 3
