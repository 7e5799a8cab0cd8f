"""Inputs by which a bound could be false: underflow, ties, other dtypes, odd shapes, overflow."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import given
from hypothesis import strategies as st

from loopstab.numerics.enclosures.ball_array import BallArray
from loopstab.numerics.enclosures.contraction import NotCertified, contract
from loopstab.numerics.enclosures.input_derivative import inverse_norm, sensitivity_bounds
from loopstab.numerics.enclosures.jet import Jet
from loopstab.numerics.enclosures.margins import margins
from loopstab.numerics.enclosures.orbit import MOST, Funnel
from loopstab.numerics.enclosures.rounding import operator_norms, row_norms
from loopstab.numerics.enclosures.verified import frobenius, least_eigenvalue, spectral_norm
from loopstab.support.errors import UsageError


@pytest.mark.parametrize("size", [1e-320, 1e-170, 1e-155, 1e-90, 1e-78, 1e100, 1e160])
@pytest.mark.parametrize("norm", [row_norms, operator_norms, frobenius, spectral_norm])
def test_norms_bound_entries_whose_squares_underflow_or_overflow(norm, size):
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.max(norm(np.array([[size, 0.0], [0.0, size / 2]])))
    assert not found < size  # not a number is no bound, and is refused


def _exact(x: float) -> fmpq:
    return fmpq(*float(x).as_integer_ratio())


def _definite(matrix: fmpq_mat) -> bool:
    """Whether a symmetric matrix of rational numbers is positive definite, by leading minors."""
    n = matrix.nrows()
    return all(
        fmpq_mat(k, k, [matrix[i, j] for i in range(k) for j in range(k)]).det() > 0
        for k in range(1, n + 1)
    )


@given(st.integers(0, 10**6), st.sampled_from([1e-140, 1e-8, 1.0, 1e60]), st.integers(1, 4))
def test_bounds_of_matrices_hold_in_rational_numbers(seed, scale, n):
    rng = np.random.default_rng(seed)
    grades = 10.0 ** rng.integers(-9, 1, size=n)
    matrix = scale * rng.normal(size=(n, n)) * grades
    exact = fmpq_mat(n, n, [_exact(x) for x in matrix.ravel()])
    gram = exact.transpose() * exact
    unit = fmpq_mat(n, n, [fmpq(int(i == j)) for i in range(n) for j in range(n)])
    assert _definite(unit * _exact(spectral_norm(matrix)) ** 2 - gram)
    assert _definite(unit * _exact(float(operator_norms(matrix))) ** 2 - gram)
    bound = inverse_norm(matrix, 0.0)
    assert not np.isfinite(bound) or _definite(gram - unit / _exact(bound) ** 2)
    symmetric = matrix + matrix.T + n * scale * np.eye(n)
    least = least_eigenvalue(symmetric.copy())
    if np.isfinite(least):
        entries = fmpq_mat(n, n, [_exact(x) for x in symmetric.ravel()])
        assert _definite(entries - unit * _exact(least))


def test_a_margin_is_rounded_downwards_twice():
    ulp = 2.0**-52
    a, b, radius = 1 + ulp, -ulp / 2, 0.9 * ulp
    with flint.ctx.workprec(128):
        values = BallArray.exact(np.array([[a, b]]), np.array([[radius, 0.0]]))
        found = margins(Jet(values, None, np.zeros((1, 2)), radius=0.0), np.array([0]))
    true = Fraction(a) - Fraction(b) - Fraction(radius)
    assert Fraction(float(found[0])) <= true


def test_arrays_in_single_precision_are_refused():
    single = np.eye(4, dtype=np.float32)
    with pytest.raises(UsageError, match="float32"):
        Jet.coordinates(np.zeros((2, 2)), single, 0.1)
    with pytest.raises(UsageError, match="float32"):
        Jet.coordinates(np.zeros((1, 4)), np.eye(4), 0.1).affine(single)


def test_bounds_of_other_rows_are_not_taken():
    x = Jet.coordinates(np.arange(12.0).reshape(3, 4), np.eye(12), 0.1).map("tanh")
    with pytest.raises(UsageError, match="shapes"):
        x[None, 1:2]


def _affine(rate):
    matrix, drive = np.diag([rate, rate / 2]), np.array([1.0, 1.0])
    return lambda h: h.affine(matrix, drive)


def test_a_map_that_contracts_everywhere_has_finitely_many_balls():
    step = _affine(0.5)
    ball = contract(step, step, np.array([2.0, 4 / 3]))
    funnel = Funnel.around(step, ball)
    assert len(funnel.slopes) == MOST
    assert funnel.bits_for([1e30] * 99, growth=-5.0) >= 128  # balls that shrink need no fewer bits


def test_coordinates_that_overflow_are_refused():
    matrix = np.array([[0.5, 6e153], [0.0, 0.5]])
    with pytest.raises(NotCertified, match="coordinates"):
        contract(lambda h: h.affine(matrix), lambda h: h.affine(matrix), np.zeros(2))


def test_the_sensitivity_of_an_unbounded_derivative_is_not_bounded():
    image = Jet.coordinates(np.zeros((1, 2)), np.ones((2, 4)), 0.1)
    broken = Jet(image.values, image.gradient, np.full((1, 2), np.nan), radius=0.1)
    assert sensitivity_bounds(broken, 2).least == 0
    assert sensitivity_bounds(broken, 2).largest == np.inf
