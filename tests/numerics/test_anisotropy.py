"""Nearest stable points: fast projection against the certified one, the law against Monte Carlo,
the published table cell by cell.
"""

import time
import warnings

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.optimize import minimize

from loopstab.numerics.anisotropy.nearest_points import descend, nearest_stable
from loopstab.numerics.anisotropy.ratio_distribution import (
    expectation,
    internal_median,
    ratio_distribution,
    ratio_probability,
)
from loopstab.numerics.anisotropy.table import (
    CUT,
    PUBLISHED,
    RECALLS,
    SCALES,
    anisotropy,
    statistics,
)
from loopstab.numerics.formulas import numeric
from loopstab.support.errors import UsageError
from loopstab.theory.architecture import Recall
from loopstab.theory.formulas import formula
from loopstab.theory.geometry.projection import nearest

INTERNAL, EXTERNAL, NONE = Recall.INTERNAL, Recall.EXTERNAL, Recall.NONE
FINITE = st.floats(-30, 30, allow_subnormal=False).filter(lambda v: v == 0 or abs(v) > 1e-6)

CASES = [  # recall, point, nearest point
    (INTERNAL, (3, 1), (3, 0)),
    (INTERNAL, (1, 3), (0, 3)),
    (INTERNAL, (-1, -3), (0, -3)),
    (INTERNAL, (1, -1), (1, -1)),
    (INTERNAL, (1.5, -1.5), (np.sqrt(2), -np.sqrt(2))),
    (INTERNAL, (0, 5), (0, 5)),
    (EXTERNAL, (1.5, 0.5), (1, 0)),
    (EXTERNAL, (-1.5, 0.5), (-1, 0)),
    (EXTERNAL, (1.5, -2.5), (1, -2)),
    (EXTERNAL, (0.5, 0.5), (0.5, 0.5)),
    (EXTERNAL, (2 + 0.25, 0.5 + 1 - 1), (2, -0.5)),  # t = 2, r = 1/2 of the normal coordinates
    (NONE, (3, 1), (3, 0)),
    (NONE, (3, -5), (3, -2)),
]


@pytest.mark.parametrize(("recall", "point", "wanted"), CASES)
def test_known_points(recall, point, wanted):
    x, y = nearest_stable(recall, *(np.array([float(v)]) for v in point))
    assert np.hypot(x - wanted[0], y - wanted[1]) < 1e-12


@pytest.mark.parametrize("recall", RECALLS)
@pytest.mark.parametrize("s", [0.7, 4.0])
def test_fast_projection_is_the_certified_one(recall, s):
    x, y = np.random.default_rng(7).normal(0, s, (150, 2)).T
    fast = nearest_stable(recall, x, y)
    for i in range(len(x)):
        exact = nearest(recall, x[i], y[i])
        assert len(exact.points) == 1
        a, b = exact.points[0]
        assert np.hypot(float(a) - fast[0][i], float(b) - fast[1][i]) < 1e-11


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RECALLS), FINITE, FINITE)
def test_law_of_projection(recall, x, y):
    """The distance is the certified one, also on the cut locus; projecting again changes
    nothing.
    """
    a, b = nearest_stable(recall, np.array([x]), np.array([y]))
    assert abs(float(np.hypot(a - x, b - y)[0]) - float(nearest(recall, x, y).distance)) < 1e-9
    again = nearest_stable(recall, a, b)
    assert np.hypot(again[0] - a, again[1] - b) < 1e-7


def test_ten_thousand_points_in_a_second():
    x, y = np.random.default_rng(0).normal(0, 4, (10_000, 2)).T
    start = time.process_time()
    nearest_stable(INTERNAL, x, y)
    nearest_stable(EXTERNAL, x, y)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("recall", RECALLS)
def test_descent_is_what_scipy_finds(recall):
    """BFGS along the boundary curve from the draw's own x, and the nearer axis where that is better
    (internal).
    """
    x, y = np.random.default_rng(3).normal(0, 4, (120, 2)).T
    fast = descend(recall, x, y)
    product = -2.0 if recall is INTERNAL else 1.0
    different = 0
    for i in range(len(x)):
        u = y[i] + (recall is EXTERNAL)
        if x[i] * u >= -2 if recall is INTERNAL else abs(x[i] * u) <= 1:
            continue
        edge = product if recall is INTERNAL else np.sign(x[i] * u)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            t = minimize(
                lambda v, i=i, u=u, edge=edge: (v[0] - x[i]) ** 2 + (edge / v[0] - u) ** 2, [x[i]]
            ).x[0]
        found = (t, edge / t - (recall is EXTERNAL))
        axis = (x[i], 0) if abs(x[i]) > abs(y[i]) else (0, y[i])
        if recall is INTERNAL and np.hypot(t - x[i], edge / t - u) > min(abs(x[i]), abs(y[i])):
            found = axis
        different += np.hypot(found[0] - fast[0][i], found[1] - fast[1][i]) > 1e-3
    assert different <= 1  # a long first step may jump over the minimum


def published_cells(row):
    return [
        (
            c["statistic"],
            c["published"],
            c["exact"],
            c["descent"],
            c["law"],
            c["published_z"],
            c["exact_z"],
        )
        for c in row.cells()
    ]


@pytest.fixture(scope="module")
def table():
    return {(row.recall, row.scale): row for row in anisotropy()}


def same(a, b):
    return abs(a - b) < 5.001e-5  # the last printed digit


@pytest.mark.parametrize("recall", RECALLS)
@pytest.mark.parametrize("s", SCALES)
def test_every_published_cell(table, recall, s):
    """Draws of seed 0 reproduce the table: exactly projected up to s = 1 (0.5 externally), by the
    descent beyond; not all of s >= 2 internally.
    """
    row = table[recall, s]
    cells = published_cells(row)
    exact, found = (sum(same(c[1], c[k]) for c in cells) for k in (2, 3))
    wanted = {
        (INTERNAL, 0.1): (4, 4),
        (INTERNAL, 0.5): (4, 4),
        (INTERNAL, 1.0): (4, 4),
        (INTERNAL, 2.0): (1, 1),
        (INTERNAL, 4.0): (0, 1),
        (EXTERNAL, 0.1): (4, 4),
        (EXTERNAL, 0.5): (4, 4),
        (EXTERNAL, 1.0): (0, 4),
        (EXTERNAL, 2.0): (0, 4),
        (EXTERNAL, 4.0): (0, 0),
    }[recall, s]
    assert (exact, found) == wanted
    published = PUBLISHED[recall, s]
    if s <= 1:
        assert same(published.log_ratio_error, row.exact.log_ratio_error)
        assert same(published.balance_error, row.exact.balance_error)
    beyond = [c[0] for c in cells if abs(c[5]) > 3]
    if (recall, s) == (EXTERNAL, 4.0):
        assert len(beyond) == 4
    elif (recall, s) == (INTERNAL, 4.0):
        assert beyond == ["log_ratio_median", "balance_median"]
    else:
        assert not beyond
    assert all(abs(c[6]) < 4 for c in cells)


def test_offending_points(table):
    counts = {key: (row.stuck, row.stuck_on_axis) for key, row in table.items()}
    assert counts[EXTERNAL, 4.0] == (1085, 0)
    assert counts[EXTERNAL, 2.0] == (208, 0)
    assert counts[EXTERNAL, 1.0] == (7, 0)
    assert counts[INTERNAL, 4.0] == (270, 196)
    assert counts[INTERNAL, 2.0] == (17, 8)
    assert all(counts[r, s] == (0, 0) for r in RECALLS for s in (0.1, 0.5))
    assert {row.on_axis for (recall, _), row in table.items() if recall is INTERNAL} == {4954}
    for row in table.values():
        assert row.stable + row.on_axis + row.on_curve == row.draws


@pytest.mark.parametrize("recall", RECALLS)
@pytest.mark.parametrize("s", [0.3, 1.0, 3.0])
def test_law_against_monte_carlo(recall, s):
    n = 400_000
    x, y = np.random.default_rng(11).normal(0, s, (n, 2)).T
    found, exact = statistics(*nearest_stable(recall, x, y)), ratio_distribution(recall, s, CUT)
    assert abs(found.log_ratio - exact.log_ratio) < 4 * exact.log_ratio_spread / np.sqrt(n)
    assert abs(found.balance - exact.balance) < 4 * exact.balance_spread / np.sqrt(n)
    assert abs(found.log_ratio_error * np.sqrt(n) / exact.log_ratio_spread - 1) < 0.01
    assert abs(found.balance_error * np.sqrt(n) / exact.balance_spread - 1) < 0.01
    if recall is EXTERNAL:
        assert abs(
            found.log_ratio_median - exact.log_ratio_median
        ) < 4 * exact.log_ratio_median_spread / np.sqrt(n)
        assert abs(
            found.balance_median - exact.balance_median
        ) < 4 * exact.balance_median_spread / np.sqrt(n)
    else:
        assert exact.log_ratio_median is None
        assert exact.balance_median == 0


@pytest.mark.parametrize("recall", RECALLS)
@pytest.mark.parametrize("s", [0.2, 1.0, 5.0])
def test_masses(recall, s):
    assert abs(ratio_probability(recall, s, 45.0) - (0.5 if recall is INTERNAL else 1.0)) < 1e-9


def test_inside_share_is_the_probability_of_the_stable_set():
    """The slope density integrates to P_ext; a two-dimensional integral of the Gaussian is the slow
    twin.
    """
    s = 1.3

    def bell(y, x):
        return np.exp(-(x * x + y * y) / (2 * s * s)) / (2 * np.pi * s * s)

    inside = (
        2
        * dblquad(
            bell,
            0,
            14,
            lambda x: max(-16, -1 / max(x, 1e-9) - 1),
            lambda x: min(16, 1 / max(x, 1e-9) - 1),
        )[0]
    )
    assert abs(inside - float(numeric("external_stable_probability")(s))) < 1e-7


@pytest.mark.parametrize("s", [0.5, 2.0])
def test_projected_density_against_its_integral(s):
    """Closed form against the quadrature along the normal, in 30 digits."""
    symbols = formula("projected_density").symbols
    density = sp.lambdify(symbols, formula("projected_density").expression, "mpmath")
    with mpmath.workdps(40):
        for t, w in ((0.7, 1), (1.9, 1), (1.3, -1), (2.5, 0)):
            t, scale = mpmath.mpf(t), mpmath.mpf(s)

            def along(r, t=t, w=w, scale=scale):
                bell = mpmath.exp(-((t + r / t) ** 2 + (1 / t + r * t - w) ** 2) / (2 * scale**2))
                return (t + t**-3 - 2 * r / t) * bell / (mpmath.pi * scale**2)

            assert (
                abs(density(scale, t, w, mpmath.mpf(1)) - mpmath.quad(along, [0, 0.5, 1]))
                < mpmath.mpf(10) ** -30
            )


def test_small_scale_limits():
    exact = ratio_distribution(INTERNAL, 0.05, CUT)
    assert abs(exact.balance - np.log(2) / np.pi) < 1e-9
    assert abs(expectation(INTERNAL, 0.05, lambda r: r) - 2 * float(mpmath.catalan) / np.pi) < 1e-9
    outer = ratio_distribution(EXTERNAL, 0.05, CUT)
    assert abs(outer.balance - 2 * np.log(2) / np.pi) < 1e-6
    assert abs(outer.log_ratio_median - np.log(1 + np.sqrt(2))) < 1e-6


def test_internal_median_measures_the_larger_half():
    medians = {}
    for seed in range(12):
        (row,) = [r for r in anisotropy(n=4001, seed=seed, scales=[1.0]) if r.recall is INTERNAL]
        medians.setdefault(row.on_axis > row.draws / 2, []).append(row.exact.log_ratio_median)
    assert min(medians[True]) > 12
    assert max(medians[False]) < 9
    assert internal_median(1.0, 100, 50) is None


BAD = [
    (lambda: anisotropy(n=1), "at least 2 draws"),
    (lambda: anisotropy(seed=-1), "seed from 0"),
    (lambda: anisotropy(scales=[0.0]), "between 0.05 and 10"),
    (lambda: anisotropy(scales=[]), "missing"),
    (lambda: nearest_stable(INTERNAL, np.array([np.nan]), np.array([1.0])), "finite"),
    (lambda: ratio_distribution(NONE, 1.0, CUT), "no anisotropy table"),
]


@pytest.mark.parametrize(("call", "words"), BAD, ids=[w for _, w in BAD])
def test_bad_input(call, words):
    with pytest.raises(UsageError, match=words):
        call()
