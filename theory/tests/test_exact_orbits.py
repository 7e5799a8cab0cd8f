"""Exact orbits of rational matrices: known cases, and the iterated orbit as slow twin."""

import math
from fractions import Fraction

import flint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import UsageError
from loopstab.theory.autonomous.exact_orbits import (
    Polynomial,
    Z,
    affine_limit,
    annihilator,
    column,
    is_stable,
    limit_direction,
    matrix,
    top,
    value,
)
from loopstab.theory.autonomous.falsifiers.linear import kernel, projector

ENTRY = st.fractions(-2, 2, max_denominator=3)


def squares(size):
    return st.lists(
        st.lists(ENTRY, min_size=size, max_size=size), min_size=size, max_size=size
    ).map(matrix)


def columns(size):
    return st.lists(ENTRY, min_size=size, max_size=size).map(column)


@settings(deadline=None, max_examples=60)
@given(squares(3), columns(3))
def test_the_annihilator_annihilates_and_divides_the_characteristic_polynomial(m, v):
    q = annihilator(m, v)
    assert value(q, m, v) == v * 0
    assert m.charpoly() % q == 0
    assert q[q.degree()] == 1


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(-6, 6), min_size=1, max_size=5))
def test_schur_cohn_against_the_roots(lower):
    polynomial = Polynomial([*lower, 6])
    moduli = [abs(complex(root)) for root, _ in polynomial.complex_roots()]
    if all(abs(modulus - 1) > 1e-9 for modulus in moduli):
        assert is_stable(polynomial) is all(modulus < 1 for modulus in moduli)
    else:
        assert not is_stable(polynomial)


@settings(deadline=None, max_examples=60)
@given(squares(2), columns(2), columns(2))
def test_the_affine_limit_against_the_orbit(m, c, h):
    """A stable eigenvalue is at most 17/18: its characteristic polynomial is at least 1/9 at 1."""
    limit = affine_limit(m, c, h)
    if limit is None:
        radius = max(abs(complex(root)) for root, _ in m.charpoly().complex_roots())
        assert radius >= 1 - 1e-9
        step = m * h + c - h
        late = max(abs(x) for x in (m**400 * step).entries())
        assert late >= flint.fmpq(1, 10**3)
    else:
        assert m * limit + c == limit
        late = max(abs(x) for x in (m**400 * (h - limit)).entries())
        assert late <= flint.fmpq(1, 10**6)


def test_the_limits_of_known_loops():
    assert affine_limit(matrix([["1/2"]]), column([1]), column([7])) == column([2])
    assert affine_limit(matrix([[1]]), column([0]), column([7])) == column([7])
    assert affine_limit(matrix([[2]]), column([-1]), column([1])) == column([1])
    assert affine_limit(matrix([[-1]]), column([0]), column([1])) is None
    assert affine_limit(matrix([[1, 1], [0, 1]]), column([0, 0]), column([0, 1])) is None
    assert affine_limit(matrix([[1, 1], [0, 1]]), column([0, 0]), column([3, 0])) == column([3, 0])


@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_long_jordan_block_diverges_from_each_start_outside_a_subspace(size):
    """A1's necessity, for blocks at 1 of every size."""
    block = matrix([[int(j in (i, i + 1)) for j in range(size)] for i in range(size)])
    for k in range(size):
        start = column([int(i == k) for i in range(size)])
        limit = affine_limit(block, start * 0, start)
        assert (limit is None) is (k > 0)


@settings(deadline=None, max_examples=40)
@given(squares(3))
def test_the_projector_projects_on_the_kernel_along_the_image(gap):
    assert gap * kernel(gap) == kernel(gap) * 0 if kernel(gap).ncols() else gap.det() != 0
    if gap.rank() == (gap * gap).rank():
        p = projector(gap)
        assert p * p == p
        assert gap * p == p * gap == gap * 0
        assert p.rank() == 3 - gap.rank()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-2, 2), min_size=3, max_size=3), squares(3), columns(3))
def test_the_limit_direction_against_the_orbit(diagonal, basis, h):
    if basis.det() == 0 or h == h * 0:
        return
    form = matrix(
        [[diagonal[i] if i == j else int(j == i + 1) for j in range(3)] for i in range(3)]
    )
    m = basis * form * basis.inv()
    found = limit_direction(m, h)
    far = m**4096 * h
    if far == h * 0:
        assert found is None
        return

    def unit(v):
        entries = [Fraction(int(x.p), int(x.q)) for x in v.entries()]
        scaled = [float(x / max(map(abs, entries))) for x in entries]
        return [x / math.hypot(*scaled) for x in scaled]

    if found is None:
        assert math.dist(unit(far), unit(m * far)) > 1e-3
    else:
        root, vector = found
        assert m * vector == vector * root
        assert math.dist(unit(far), unit(vector)) < 1e-2


def test_moduli_that_cannot_be_compared_are_refused():
    assert top((Z**2 + 1) * (Z - 1) ** 2).multiplicity == 2
    assert top((Z**2 + 1) * (Z - flint.fmpq(1, 2))).square == 1
    with pytest.raises(UsageError, match="no modulus"):
        top(Z**2 - 2)
