"""Strategies keep their property, and counterexamples shrink to readable arrays."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from loopstab.numerics.ensembles import departure
from loopstab.numerics.strategies import fractions as draws
from loopstab.numerics.strategies import matrix_strategies as matrices
from loopstab.support.errors import UsageError

QUICK = settings(max_examples=50, database=None, derandomize=True, deadline=None)
INSIDE = draws.fractions(0, 1, inside=True)


def of_size(strategy, low=1, high=4):
    return draws.sizes(low, high).flatmap(strategy)


@given(st.data())
@QUICK
def test_fractions_are_short_and_in_range(data):
    low = data.draw(st.sampled_from((-3, -0.3, 0, 0.5)))
    high = low + data.draw(st.sampled_from((0.0625, 0.2, 1, 2.5)))
    x = data.draw(draws.fractions(low, high))
    assert low <= x <= high
    assert 16 % Fraction(x).denominator == 0


@given(
    of_size(
        lambda d: st.tuples(
            draws.unimodulars(d), draws.orthogonals(d), draws.directions(d), draws.vectors(d)
        )
    )
)
@QUICK
def test_bases(case):
    (v, inverse), q, n, x = case
    assert np.array_equal(v @ inverse, np.eye(len(v)))
    assert np.array_equal(v, np.rint(v))
    assert np.abs(q @ q.T - np.eye(len(q))).max() < 1e-15
    assert np.linalg.norm(n) == pytest.approx(1, abs=1e-15)
    assert n.shape == x.shape


@given(st.integers(1, 5).flatmap(lambda d: st.tuples(draws.bulk(d, 1.5), draws.spectra(d, INSIDE))))
@QUICK
def test_spectra(case):
    within, below = case
    assert within.radius <= 1.5
    assert below.radius < 1
    assert within.size == below.size
    assert sorted(np.linalg.eigvals(within.form()).real) == pytest.approx(
        sorted(within.values().real)
    )


@given(
    of_size(
        lambda d: st.tuples(
            st.just(d),
            matrices.of_radius(d, draws.fractions(0.5, 0.5)),
            matrices.invertibles(d),
            matrices.symmetrics(d),
        )
    )
)
@QUICK
def test_matrices(case):
    size, m, full, symmetric = case
    # a multiple eigenvalue of order k is found to the k-th root of rounding
    assert np.abs(np.linalg.eigvals(m)).max() == pytest.approx(0.5, abs=1e-3)
    assert np.linalg.matrix_rank(full) == size
    assert np.array_equal(symmetric, symmetric.T)


@given(
    of_size(
        lambda d: st.tuples(
            st.just(d),
            st.integers(0, d).flatmap(lambda r: st.tuples(st.just(r), matrices.of_rank(d, r))),
            matrices.jordans(d, INSIDE),
        )
    )
)
@QUICK
def test_rank_and_jordan(case):
    size, (rank, low), jordan = case
    assert np.linalg.matrix_rank(low) == rank
    shift = jordan - np.trace(jordan) / size * np.eye(size)
    assert np.linalg.matrix_rank(shift) == size - 1
    assert not np.linalg.matrix_power(shift, size).any()


@given(
    of_size(lambda d: matrices.normals(draws.spectra(d, INSIDE))),
    st.integers(1, 2).flatmap(lambda k: matrices.rotation_blocks(k, draws.fractions(1, 1))),
)
@QUICK
def test_normal_and_rotation_blocks(normal, rotation):
    assert departure(normal) < 1e-14
    assert (np.abs(np.linalg.eigvals(normal)) < 1).all()
    values = np.linalg.eigvals(rotation)
    assert np.abs(values) == pytest.approx(np.ones(len(values)), abs=1e-6)
    assert np.abs(values.imag).min() > 0.3


@given(matrices.large(), draws.fractions(0.25, 2))
@settings(max_examples=10, database=None, derandomize=True, deadline=None)
def test_large(case, radius):
    m = matrices.of_seed(*case, radius, 2.0)
    assert m.shape == (case[0], case[0])
    assert departure(m) == pytest.approx(2, rel=1e-9)


def grows(case):
    m, x = case
    size = np.linalg.norm(x) * (1 + 1e-9)
    return np.linalg.norm(m @ x) > size or np.linalg.norm(m @ (m @ x)) > size


COUNTEREXAMPLES = {
    # false law, its cases, the refutation, and what the counterexample shrinks to
    "rho(M) < 1 shrinks every vector": (
        of_size(lambda d: st.tuples(matrices.of_radius(d, INSIDE), draws.vectors(d))),
        grows,
        lambda case: (
            len(case[0]) == 2 and np.abs(case[0]).max() <= 2 and np.abs(case[1]).max() <= 1
        ),
    ),
    "every matrix has a real eigenvalue": (
        of_size(matrices.general),
        lambda m: np.abs(np.linalg.eigvals(m).imag).min() > 1e-9,
        lambda m: np.array_equal(m, [[0, -1], [1, 0]]),
    ),
    "every matrix is normal": (
        of_size(matrices.general),
        lambda m: not np.array_equal(m @ m.T, m.T @ m),
        lambda m: len(m) == 2 and np.abs(m).max() <= 1 and np.count_nonzero(m) == 2,
    ),
    "every matrix is diagonalisable": (
        of_size(lambda d: matrices.jordans(d, draws.fractions(-1, 1))),
        lambda m: len(m) > 1,
        lambda m: np.array_equal(m, [[0, 1], [0, 0]]),
    ),
    "near critical is stable": (
        of_size(lambda d: matrices.near_critical(d, draws.fractions(-0.5, 0.5))),
        lambda m: np.abs(np.linalg.eigvals(m)).max() > 1 + 1e-9,
        lambda m: np.array_equal(m, [[1.5]]),
    ),
    "rank one is invertible": (
        of_size(lambda d: matrices.of_rank(d, 1)),
        lambda m: np.linalg.det(m) == 0,
        lambda m: np.array_equal(m, [[1, 0], [0, 0]]),
    ),
    "directions lie on an axis": (
        of_size(draws.directions),
        lambda n: np.count_nonzero(n) > 1,
        lambda n: np.abs(n[:2]) == pytest.approx([0.6, 0.8]) and len(n) == 2,
    ),
}


@pytest.mark.parametrize("law", COUNTEREXAMPLES)
def test_counterexamples_shrink(law):
    strategy, refuted, readable = COUNTEREXAMPLES[law]
    case = find(
        strategy, refuted, settings=settings(max_examples=200, database=None, derandomize=True)
    )
    assert readable(case), case


def test_bad_ranges_are_one_line():
    with pytest.raises(UsageError, match="wider range"):
        draws.fractions(0.01, 0.02)
    with pytest.raises(UsageError, match="leading pair"):
        find(draws.spectra(1, st.just(1.0), pair=True), lambda s: True, settings=QUICK)
