"""N6: the edge of the spectrum of P A, piece by piece against random matrices.

Also why the proof may not treat the projector P as independent of A.
"""

import cmath
import math
import random

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from loopstab import formula
from loopstab.theory.mean_field import linear_edge
from loopstab.theory.mean_field.falsifiers.linear_law import SCALE, LinearLimit
from loopstab.theory.mean_field.falsifiers.nonlinear_law import OddPolynomial


def ginibre(rng, d):
    return rng.standard_normal((d, d)) / math.sqrt(d)


def fixed_point(matrix, e, beta):
    """w and h of the fixed point of the largest s at a = 0, by bisection in w."""
    d = len(e)

    def point(w):
        return beta * np.linalg.solve(w * np.eye(d) - matrix, e)

    low, high = 1.05 * np.abs(np.linalg.eigvals(matrix)).max(), 20.0
    for _ in range(60):
        middle = (low + high) / 2
        longer = np.sum(point(middle) ** 2) > d
        low, high = (middle, high) if longer else (low, middle)
    return low, point(low)


def test_a_perturbation_that_depends_on_the_matrix_can_empty_the_disc():
    """A rank-one E(A), |E|_2 < sqrt(d), sends the eigenvalues of smallest modulus to 0.

    So the circular law holds for perturbations of rank one that are independent of A, not for all.
    The loop's P A is such a perturbation, -h h^T A/|h|^2, and depends on A.
    """
    d, quarter = 64, 16
    rng = np.random.default_rng(0)
    matrix = ginibre(rng, d)
    values, left = np.linalg.eig(matrix.T)
    chosen = np.argsort(np.abs(values))[:quarter]
    if abs(values[chosen].imag.sum()) > 1e-9:  # keep conjugate pairs together
        chosen = np.argsort(np.abs(values))[: quarter + 1]
    roots, rows = values[chosen], left[:, chosen].T
    # on these left eigenvectors y A = l y; E = u k y adds (y u) k, and the k that makes every
    # eigenvalue 0 solves det(m - diag(l) - b k) = m^n, b = y u (Ackermann's formula, diagonal)
    u = rows.conj().sum(0).real
    u /= np.linalg.norm(u)
    b = rows @ u
    others = [np.prod(roots[i] - np.delete(roots, i)) for i in range(len(roots))]
    gain = -(roots ** len(roots)) / np.array(others) / b
    change = np.outer(u, (gain @ rows).real)
    assert np.abs((gain @ rows).imag).max() < 1e-6 * np.abs(gain @ rows).max()
    assert np.linalg.matrix_rank(change) == 1
    assert np.linalg.norm(change, 2) < math.sqrt(d)
    # the restriction to that left-invariant subspace is nilpotent: its traces vanish
    block = np.diag(roots) + np.outer(b, gain)
    traces = [np.trace(np.linalg.matrix_power(block, k)) for k in (1, 2, 3, 4)]
    assert np.abs(traces).max() < 1e-6
    small = np.abs(np.linalg.eigvals(matrix + change)) < 0.25
    assert small.sum() >= quarter > 3 * (np.abs(values) < 0.25).sum() / 2


@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_the_projected_matrix_reaches_the_edge(beta):
    """Means of eight draws: the largest real part of an eigenvalue of P A grows towards sigma."""
    reached = []
    for d in (50, 400):
        rng, found = np.random.default_rng(1), []
        for _ in range(8):
            matrix, e = ginibre(rng, d), rng.standard_normal(d)
            _, h = fixed_point(matrix, e * math.sqrt(d) / np.linalg.norm(e), beta)
            projected = matrix - np.outer(h, h @ matrix) / (h @ h)
            found.append(np.linalg.eigvals(projected).real.max())
        reached.append(float(np.mean(found)))
    assert abs(reached[1] - 1) < 0.06
    assert abs(reached[1] - 1) < abs(reached[0] - 1) + 0.02


def test_the_quadratic_form_is_not_exponentially_small():
    """(1/d) log|(1/d) h^T (mu - A)^{-1} h| at points inside of the disc."""
    rng, d = np.random.default_rng(2), 300
    matrix, e = ginibre(rng, d), rng.standard_normal(d)
    _, h = fixed_point(matrix, e * math.sqrt(d) / np.linalg.norm(e), 1.0)
    for mu in (0.5 + 0.3j, 0.8 + 0.1j, -0.2 + 0.7j):
        form = h @ np.linalg.solve(mu * np.eye(d) - matrix, h) / d
        assert abs(math.log(abs(form))) / d < 0.02
        # step gap_of_potentials: what the potential of P A would have to lose instead
        t = abs(mu) ** 2
        assert (t - 1 - math.log(t)) / 2 > 0.02


def test_directions_against_a_wide_matrix():
    """(2/d) <v, S A^k v> in a matrix of width 1500 against the limits of step directions."""
    rng, d = np.random.default_rng(3), 1500
    matrix, v = ginibre(rng, d), rng.standard_normal(d)
    x, y, phi = 0.6, 0.3, 0.9
    shifted = matrix - x * np.eye(d)

    def n(vector):
        return shifted @ (shifted @ vector) + y**2 * vector

    def l_(vector):
        level = x * math.cos(phi) - y * math.sin(phi)
        return level * vector - math.cos(phi) * (matrix @ vector)

    names = (linear_edge.X, linear_edge.Y, linear_edge.COSINE, linear_edge.SINE, linear_edge.SCALE)
    values = dict(zip(names, (x, y, math.cos(phi), math.sin(phi), 1), strict=True))
    z = v
    for form in linear_edge._forms():
        found = (n(v) @ l_(z) + l_(v) @ n(z)) / d
        assert found == pytest.approx(float(form.subs(values)), abs=0.25)
        z = matrix @ z


@pytest.mark.parametrize("d", [3, 6])
def test_the_real_part_of_the_resolvent(d):
    """Steps real_part and congruence at one matrix."""
    rng = np.random.default_rng(d)
    matrix, phi, mu = ginibre(rng, d), 0.7, 0.4 + 0.5j
    eye = np.eye(d)
    resolvent = np.linalg.inv(mu * eye - matrix)
    real = (cmath.exp(-1j * phi) * (resolvent + resolvent.T)).real
    n = (matrix - mu.real * eye) @ (matrix - mu.real * eye) + mu.imag**2 * eye
    level = mu.real * math.cos(phi) - mu.imag * math.sin(phi)
    line = level * eye - math.cos(phi) * matrix
    assert np.allclose(n.T @ real @ n, n.T @ line + line.T @ n)


def test_the_small_ball_bound():
    """P(|g^T B g| <= t) <= t^2/(4 b^2): five equal real and five equal imaginary eigenvalues."""
    rng = random.Random(4)
    draws, t, b = 20_000, 0.8, 1 / math.sqrt(2)
    # B = diag(1, ..., 1, i, ..., i): Re(e^{-i phi} B) has five eigenvalues of modulus >= b
    hits = 0
    for _ in range(draws):
        parts = [sum(rng.gauss(0, 1) ** 2 for _ in range(5)) for _ in range(2)]
        hits += math.hypot(*parts) <= t
    assert hits / draws <= t**2 / (4 * b**2)


@given(
    a=st.fractions(0, 5, max_denominator=8),
    sigma=st.fractions(1, 5, max_denominator=8),
    beta=st.fractions(1, 5, max_denominator=8),
)
def test_the_limit_obeys_the_law_of_the_scale(a, sigma, beta):
    case = LinearLimit(*(sp.Rational(x.numerator, x.denominator) for x in (a, sigma, beta)))
    assert SCALE.broken(case) == ()
    assert SCALE.refute(case) is None


@pytest.mark.parametrize(
    ("coefficients", "v", "moment"),
    [
        ((2,), sp.Rational(1, 3), 4),
        ((0, 1), 1, 1),  # h = e = +-1
        ((0, 1), 0, 15),  # E g^6
        ((1, -1), 1, 0),
        ((1, -1), 0, 1 - 2 * 3 + 15),
    ],
)
def test_moments_of_odd_polynomials(coefficients, v, moment):
    assert OddPolynomial(coefficients, 1).moment(sp.sympify(v)) == moment


def test_shares_of_odd_polynomials():
    assert OddPolynomial((3,), 1).shares == 1
    assert OddPolynomial((1, -1), 1).shares == 2  # u = 1, and one below


def test_the_threshold_is_undefined_where_c_is_below_q():
    assert formula("mean_field_threshold")(1, 2, 1).is_real is False
    assert formula("mean_field_rho_nonlinear")(0, 1, sp.Rational(1, 100), 2, 1) < 1
