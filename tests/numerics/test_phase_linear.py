"""The linear law at one matrix, every fast routine against its slow obvious twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_loops import MeanFieldLoop

from loopstab.numerics.phase.laws import linear, secular
from loopstab.numerics.phase.laws.draw import EigenbasisResolvent, RandomDraw, random_draw
from loopstab.numerics.phase.laws.registry import law_named

T = np.geomspace(0.02, 20, 12)
ALPHA = np.array([0.0, 0.3, 1.0, 5.0] * 3)


def slow_scale(draw, t):
    """The largest real eigenvalue of [[G^T, I], [t^2/d e e^T, G]]; NaN if it is not positive."""
    below = t**2 / draw.width * np.outer(draw.e, draw.e)
    values = np.linalg.eigvals(
        np.block([[draw.matrix.T, np.eye(draw.width)], [below, draw.matrix]])
    )
    real = values[np.abs(values.imag) < 1e-7].real
    return max(real, default=-1) if max(real, default=-1) > 0 else np.nan


def slow_spectrum(matrix, h):
    values = np.linalg.eigvals(matrix - np.outer(h, h @ matrix) / (h @ h))
    return np.delete(values, np.argmin(np.abs(values)))


def farthest(r, h, alpha):
    return secular.farthest_roots(
        r.values, ((r.right.T @ h) * (r.left @ h))[:, None], np.array([alpha])
    )


def test_the_resolvent_is_a_solve():
    r, w = EigenbasisResolvent(random_draw(40, (1,)).matrix), np.array([1.5, 3.0])
    x = np.random.default_rng(0).standard_normal((40, 2))
    for k in range(2):
        shifted = w[k] * np.eye(40) - r.matrix
        np.testing.assert_allclose(
            r.apply(w, x)[:, k], np.linalg.solve(shifted, x[:, k]), atol=1e-11
        )
        np.testing.assert_allclose(
            r.adjoint(w, x)[:, k], np.linalg.solve(shifted.T, x[:, k]), atol=1e-11
        )
        np.testing.assert_allclose(
            r.frobenius2(w)[k], np.sum(np.linalg.inv(shifted) ** 2), rtol=1e-10
        )


@pytest.mark.parametrize("width", [2, 3, 10, 65, 128])
def test_fixed_point_radius_and_sensitivity_are_those_of_the_dense_loop(width):
    draw = random_draw(width, (7, width))
    found = linear.measure(draw, ALPHA, T)
    assert np.isfinite(found.rho).any()
    for k in np.flatnonzero(np.isfinite(found.rho)):
        loop, s = MeanFieldLoop(ALPHA[k], draw.matrix, T[k]), ALPHA[k] + found.w[k]
        h, jacobian = found.h[:, k], loop.jacobian(found.h[:, k], draw.e)
        np.testing.assert_allclose(loop.step(h, draw.e), h, atol=1e-9)
        assert found.rho[k] == pytest.approx(np.abs(np.linalg.eigvals(jacobian)).max(), abs=1e-8)
        across = np.eye(width) - np.outer(h, h) / width
        slow = np.linalg.solve(np.eye(width) - jacobian, T[k] / s * across)
        assert found.sensitivity[k] == pytest.approx(np.sum(slow**2) / width, rel=1e-6)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("width", [3, 40])
def test_the_scale_is_the_largest_real_root_of_the_block_matrix(width, seed):
    """Weak recall makes narrow resonances; small matrices often have no real eigenvalue above 0 to
    begin from.
    """
    draw, t = random_draw(width, (seed,)), np.array([0.02, 0.05, 0.3, 1.0, 40.0])
    np.testing.assert_allclose(
        linear.scales(draw, t), [slow_scale(draw, one) for one in t], atol=1e-6
    )


def test_no_fixed_point_with_positive_scale():
    """G = -I: (w + 1) h = t e has norm sqrt(d) only at w = t - 1."""
    e = np.sqrt(3) * np.array([1.0, 0, 0])
    found = linear.measure(RandomDraw(-np.eye(3), e, e), np.zeros(3), np.array([0.4, 0.9, 2.5]))
    np.testing.assert_array_equal(np.isnan(found.rho), [True, True, False])
    np.testing.assert_allclose([found.w[2], found.rho[2]], [1.5, 1 / 1.5], rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0, 5.0])
def test_the_farthest_root_is_the_farthest_eigenvalue_or_refused(alpha):
    refused = 0
    for seed in range(25):
        draw = random_draw(100, (seed,))
        h = np.random.default_rng(seed).standard_normal(100)
        r = draw.resolvent
        (root,) = farthest(r, h, alpha)
        refused += root is None
        if root is not None:
            assert abs(root + alpha) == pytest.approx(
                np.abs(slow_spectrum(draw.matrix, h) + alpha).max(), abs=1e-9
            )
    assert refused <= 5


@pytest.mark.parametrize("alpha", [0.0, 1.0, 5.0, 40.0])
def test_the_winding_counts_poles_less_roots_outside_a_circle(alpha):
    """By all eigenvalues; circles of all sizes in gaps between poles and roots, as `farthest_roots`
    chooses them.
    """
    draw = random_draw(80, (3,))
    r, h = draw.resolvent, np.random.default_rng(1).standard_normal(80)
    weights = (r.right.T @ h) * (r.left @ h)
    poles, roots = np.abs(r.values + alpha), np.abs(slow_spectrum(draw.matrix, h) + alpha)
    moduli = np.sort(np.concatenate((poles, roots, [0, alpha + 3])))
    wide = np.diff(moduli) > 0.01
    radius = (moduli[:-1] + np.diff(moduli) / 2)[wide]
    slow = [(poles > one).sum() - 1 - (roots > one).sum() for one in radius]
    many = len(radius)
    found = secular._windings(r.values, np.tile(weights, (many, 1)), np.full(many, alpha), radius)
    np.testing.assert_array_equal(found, slow)
    assert len(set(slow)) > 1


def test_a_missed_root_is_noticed(monkeypatch):
    """With so few candidates the farthest root is often among those not looked at; then there is no
    answer, never a wrong one.
    """
    monkeypatch.setattr(secular, "CANDIDATES", 2)
    refused = 0
    for seed in range(60):
        draw = random_draw(100, (seed,))
        r, h = draw.resolvent, random_draw(100, (seed, 1)).start * 5
        (root,) = farthest(r, h, 0.0)
        refused += root is None
        if root is not None:
            assert abs(root) == pytest.approx(np.abs(slow_spectrum(draw.matrix, h)).max(), abs=1e-9)
    assert refused > 0


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.integers(2, 30), st.integers(0, 10**6), st.floats(0, 10), st.floats(0.05, 20))
def test_a_residual_path_helps_exactly_as_the_lemma_says(width, seed, alpha, t):
    """M1: where the fixed point is stable at alpha = 0 it is at every alpha; fixed point and
    sensitivity do not depend on alpha.
    """
    draw = random_draw(width, (seed,))
    plain, helped = (linear.measure(draw, np.array([a]), np.array([t])) for a in (0.0, alpha))
    np.testing.assert_array_equal(plain.h, helped.h)
    np.testing.assert_array_equal(plain.sensitivity, helped.sensitivity)
    assert not (plain.rho[0] < 1) or helped.rho[0] < 1


@pytest.mark.parametrize(
    ("width", "outcome"), [(100, "cycle"), (200, "aperiodic")], ids=["negative", "complex pair"]
)
def test_weak_recall_is_decided_by_the_largest_eigenvalues(width, outcome):
    """Without a residual, N(G h + t e) with small t is close to power iteration.

    The eigenvalue of largest modulus decides: a cycle of two where it is negative, a rotation where
    it is one of a complex pair. 600 iterations leave too much of the transient to tell.
    """
    values = np.linalg.eigvals(random_draw(width, (0, 0)).matrix)
    top, *_, second = values[np.argsort(-np.abs(values))][: 2 if outcome == "cycle" else 3]
    assert (top.imag == 0 and top.real < 0) == (outcome == "cycle")
    assert np.abs(second / top) ** 600 > 1e-9
    found = law_named("linear").measure((0, 0), [(float(width), 1.0, 0.0, 0.05)])
    assert found.outcome.tolist() == [outcome]
