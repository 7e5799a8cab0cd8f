"""Spectral radii and leading eigenvalues against known answers and dense twins.

Some of the spectra defeat the usual power iteration.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_loops import MeanFieldLoop, linear_loop
from scipy.linalg import block_diag

from loopstab import (
    FunctionLoop,
    Linearisation,
    LoopError,
    leading_eigenvalues,
    numeric,
    spectral_radius,
)
from loopstab.support.errors import UsageError
from loopstab.theory.architecture import Architecture


def rotation(r, angle=1.0):
    return r * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def ginibre(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, n)) / np.sqrt(n)


def orthogonal(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def disguised(m, seed=0):
    """The same matrix in another orthonormal basis."""
    q = orthogonal(len(m), seed)
    return q @ m @ q.T


def skewed(m, condition, seed=0):
    """The same spectrum in a basis of the given condition."""
    n = len(m)
    basis = orthogonal(n, seed) * np.geomspace(1, condition, n) @ orthogonal(n, seed + 1)
    return np.linalg.solve(basis, m @ basis)


def blocks(radii, seed=0):
    """Rotation blocks with the given radii."""
    angles = np.random.default_rng(seed).uniform(0.1, 3, len(radii))
    return block_diag(*(rotation(r, a) for r, a in zip(radii, angles, strict=True)))


def at(m, own=True):
    loop = FunctionLoop(
        lambda h, e: m @ h + e, lambda e: e, (lambda h, e, v: m @ v) if own else None
    )
    return Linearisation(loop, np.ones(len(m)), np.ones(len(m)))


def power_iteration(m, steps=200):
    """The power iteration that code for deep-equilibrium models uses."""
    v = np.random.default_rng(0).standard_normal(len(m))
    for _ in range(steps):
        w = m @ v
        rho, v = abs(v @ w / (v @ v)), w / np.linalg.norm(w)
    return rho


# case: matrix, spectral radius where it is exact, what the power iteration says where that is wrong
CASES = {
    "rotation 0.95": (rotation(0.95), 0.95, 0.513287),
    "rotation 1.20": (rotation(1.20), 1.20, 0.648363),
    "rotation blocks": (blocks([1.05, *np.linspace(0.2, 1.0, 119)]), 1.05, 0.385945),
    "complex pairs of one modulus": (disguised(blocks([0.9] * 4 + [0.5] * 60)), 0.9, 0.668174),
    "skewed pairs": (skewed(blocks(np.linspace(0.1, 0.97, 100)), 100), 0.97, 0.798444),
    "non-normal": (
        disguised(np.diag(np.linspace(0.1, 0.9, 200)) + np.triu(ginibre(200) / 4, 1)),
        0.9,
        0.912266,
    ),
    "highly non-normal": (skewed(np.diag(np.linspace(-0.8, 0.9, 150)), 1e5), 0.9, None),
    "near-degenerate moduli": (
        disguised(np.diag(np.concatenate(([0.95, -0.9499, 0.9498], np.linspace(0, 0.8, 197))))),
        0.95,
        0.381499,
    ),
    "a rival inside a cluster": (
        disguised(np.diag([0.95, -0.9499, 0.9498, *np.linspace(0, 0.9, 197)]), 1),
        0.95,
        0.922067,
    ),
    "near-degenerate pairs": (
        disguised(blocks([0.95, 0.94995, 0.9499] + [0.7] * 80)),
        0.95,
        0.560066,
    ),
    "opposite signs": (
        disguised(np.diag(np.concatenate(([0.8, -0.8], np.linspace(-0.5, 0.5, 98))))),
        0.8,
        0.453484,
    ),
    "symmetric": ((ginibre(150) + ginibre(150).T) / 2, None, 1.221431),
    "normal": (disguised(blocks(np.linspace(0, 1.1, 70))), 1.1, 1.010223),
    "orthogonal": (orthogonal(90), 1.0, 0.076241),
    "ginibre": (ginibre(300), None, 0.996649),
    "rank one": (np.outer(np.ones(100), np.linspace(0, 0.01, 100)), 0.5, None),
    "identity": (0.7 * np.eye(80), 0.7, None),
    "zero": (np.zeros((80, 80)), 0.0, None),
    "one by one": (np.array([[-0.7]]), 0.7, None),
}


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_spectral_radius_against_the_dense_twin(name, own):
    m, exact, _ = CASES[name]
    found = spectral_radius(at(m, own))
    twin = np.abs(np.linalg.eigvals(m)).max()
    exact = twin if exact is None else exact
    assert found.derivative == ("jvp" if own else "central difference")
    assert abs(found.value - exact) <= 10 * found.error + 1e-9 * exact
    if (
        not own and found.error > 1e-6
    ):  # the noise of differences times the condition: said, not hidden
        assert found.condition > 100
        return
    assert found.converged
    assert found.value == pytest.approx(exact, rel=1e-6)
    assert found.residual <= 1e-7 * max(found.value, 1)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[2] is not None])
def test_the_usual_power_iteration_is_wrong(name):
    m, exact, wrong = CASES[name]
    assert power_iteration(m) == pytest.approx(wrong, abs=1e-6)
    assert abs(wrong - (exact or np.abs(np.linalg.eigvals(m)).max())) > 0.01


@pytest.mark.parametrize("name", CASES)
def test_leading_eigenvalues_against_the_dense_twin(name):
    m = CASES[name][0]
    k = min(4, len(m))
    found = leading_eigenvalues(at(m), k)
    values = np.linalg.eigvals(m)
    assert found.converged
    assert len(found.value) == len(found.residuals) == k
    np.testing.assert_allclose(
        np.abs(found.value), np.sort(np.abs(values))[::-1][:k], rtol=1e-6, atol=1e-9
    )
    for value in found.value:
        assert np.abs(values - value).min() < 1e-6


def jordan(n, value):
    return value * np.eye(n) + np.diag(np.ones(n - 1), 1)


DEFECTIVE = {
    "nilpotent": (np.diag(np.ones(29), 1), 0.0),
    "nilpotent, disguised": (disguised(np.diag(np.ones(29), 1)), 0.0),
    "nilpotent, large": (disguised(np.diag(np.ones(149), 1)), 0.0),
    "jordan block": (jordan(80, 0.8), 0.8),
    "jordan blocks of 2": (
        disguised(block_diag(*[jordan(2, 0.9)] * 2, np.diag(np.linspace(0, 0.8, 96)))),
        0.9,
    ),
    "jordan block of 3": (
        disguised(block_diag(jordan(3, 0.9), np.diag(np.linspace(0, 0.8, 97)))),
        0.9,
    ),
}


@pytest.mark.parametrize("name", DEFECTIVE)
def test_defective_matrices_are_right_to_the_error_stated(name):
    """Rounding moves the eigenvalue of a Jordan block of size n by eps^(1/n), in LAPACK too.

    The backward error is then small, and the stated error is not.
    """
    m, exact = DEFECTIVE[name]
    found = spectral_radius(at(m))
    assert found.residual < 1e-6
    assert abs(found.value - exact) <= 10 * found.error
    assert found.error < 1e-6 or found.condition > 1e3
    assert found.converged == (found.error <= 1e-3 * found.value)


def test_a_small_residual_alone_says_nothing_about_a_defective_eigenvalue():
    found = spectral_radius(at(DEFECTIVE["nilpotent, disguised"][0]))
    assert found.residual < 1e-12
    assert found.value > 0.1
    assert not found.converged


@pytest.mark.parametrize(
    "name",
    [
        "rotation blocks",
        "near-degenerate moduli",
        "near-degenerate pairs",
        "ginibre",
        "skewed pairs",
    ],
)
def test_restarts_in_a_small_space_find_the_same(name):
    m = CASES[name][0]
    small = leading_eigenvalues(at(m), 2, space=30 * len(m), budget=6000, tol=1e-7)
    whole = leading_eigenvalues(at(m), 2, tol=1e-7)
    assert small.converged
    assert small.products > 30
    np.testing.assert_allclose(np.abs(small.value), np.abs(whole.value), rtol=1e-6)


def test_a_restart_that_lapack_cannot_do_is_an_error(monkeypatch):
    def fails(*_, **__):
        raise np.linalg.LinAlgError("Leading eigenvalues do not satisfy sort condition.")

    monkeypatch.setattr("loopstab.numerics.spectra.eigenvalues.schur", fails)
    with pytest.raises(LoopError, match="another seed"):
        leading_eigenvalues(at(CASES["ginibre"][0]), 2, space=30 * 300)


def test_a_second_start_agrees_and_is_counted():
    j = at(CASES["near-degenerate pairs"][0])
    one, two = spectral_radius(j), spectral_radius(j, starts=2)
    assert one.spread is None
    assert two.spread < 1e-8
    assert two.products > 1.5 * one.products


@given(st.integers(0, 2**32 - 1), st.integers(66, 90), st.floats(0.1, 3), st.floats(1, 100))
@settings(max_examples=25, deadline=None)
def test_laws(seed, n, scale, condition):
    """rho(c M) = c rho(M), rho(M) <= norm(M), and similar matrices and transposes share rho."""
    m = ginibre(n, seed % 1000)
    rho = spectral_radius(at(m)).value
    assert spectral_radius(at(scale * m)).value == pytest.approx(scale * rho, rel=1e-7)
    assert spectral_radius(at(m.T)).value == pytest.approx(rho, rel=1e-6)
    assert spectral_radius(at(skewed(m, condition))).value == pytest.approx(rho, rel=1e-5)
    assert rho <= np.linalg.norm(m, 2) * (1 + 1e-9)


def test_budget_is_kept_and_an_unconverged_answer_says_so():
    j = at(ginibre(300))
    for found in (leading_eigenvalues(j, 6, budget=40), spectral_radius(j, budget=40)):
        assert found.products <= 40
        assert not found.converged
        assert found.residual > 1e-4
    assert leading_eigenvalues(j, 6, budget=40).residuals.max() > 1e-3


def test_float32_differences_say_how_noisy_they_are():
    m = ginibre(100).astype(np.float32)
    ones = np.ones(100, np.float32)
    loop = FunctionLoop(lambda h, e: (m @ h + e).astype(np.float32), lambda e: e)
    found = spectral_radius(Linearisation(loop, ones, ones))
    assert 1e-6 < found.derivative_error < 1e-2
    assert found.value == pytest.approx(
        np.abs(np.linalg.eigvals(m)).max(), rel=10 * found.derivative_error
    )


def test_float32_steps_that_compute_in_float64_when_asked_to_have_precise_differences():
    m, ones = ginibre(100).astype(np.float32), np.ones(100, np.float32)
    loop = FunctionLoop(lambda h, e: m @ h + e, lambda e: e)
    found = spectral_radius(loop, ones, ones)
    assert found.derivative_error < 1e-9
    assert found.converged
    assert found.value == pytest.approx(np.abs(np.linalg.eigvals(m.astype(float))).max(), rel=1e-9)


def test_bad_requests():
    j = at(np.array([[-0.7]]))
    for wrong in ({"k": 2}, {"k": 0}, {"k": 1, "budget": 4}):
        with pytest.raises(UsageError, match="budget"):
            leading_eigenvalues(j, **wrong)
    with pytest.raises(UsageError, match="start"):
        spectral_radius(j, starts=0)


def test_no_jacobian_where_the_step_is_not_finite():
    with pytest.raises(LoopError, match="domain"):
        Linearisation(FunctionLoop(lambda h, e: h * np.nan, lambda e: e), np.ones(3), np.ones(3))


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
@pytest.mark.parametrize("sub_blocks", [1, 2])
def test_linear_loops_have_exact_jacobians(architecture, sub_blocks):
    loop = linear_loop(architecture, 5, sub_blocks=sub_blocks, seed=1)
    rng = np.random.default_rng(2)
    h, e, v = rng.standard_normal((3, 5))
    difference = (loop.step(h + 1e-6 * v, e) - loop.step(h - 1e-6 * v, e)) / 2e-6
    np.testing.assert_allclose(loop.jvp(h, e, v), difference, rtol=2e-5, atol=1e-8)
    np.testing.assert_allclose(loop.jacobian(h, e) @ v, loop.jvp(h, e, v), atol=1e-12)


def test_linearised_external_recall_is_the_product_of_the_table():
    """Two sub-blocks with external recall: J = (I + A2)(I + A1) W_x up to the norms' Jacobians."""
    loop = linear_loop(Architecture("external", "post"), 4, seed=3)
    rng = np.random.default_rng(0)
    h, e = rng.standard_normal((2, 4))
    a1, a2 = loop.blocks
    z1 = (np.eye(4) + a1) @ (loop.w_x @ h + loop.w_e @ e + loop.b)
    z2 = (np.eye(4) + a2) @ loop.norm(z1)
    product = (
        loop.norm.jacobian(z2)
        @ (np.eye(4) + a2)
        @ loop.norm.jacobian(z1)
        @ (np.eye(4) + a1)
        @ loop.w_x
    )
    np.testing.assert_allclose(loop.jacobian(h, e), product, atol=1e-12)


def test_gru_keeps_states_in_the_cube():
    loop = linear_loop(Architecture("external", "pre", "gru"), 6, scale=3, recall=3, seed=0)
    h = np.full(6, 3.0)
    for _ in range(300):
        h = loop.step(h, np.ones(6))
    assert np.abs(h).max() < 1


def test_mean_field_loop_jacobian():
    rng = np.random.default_rng(0)
    loop = MeanFieldLoop(0.7, rng.standard_normal((6, 6)), 0.9)
    h, e, v = rng.standard_normal((3, 6))
    difference = (loop.step(h + 1e-6 * v, e) - loop.step(h - 1e-6 * v, e)) / 2e-6
    np.testing.assert_allclose(loop.jvp(h, e, v), difference, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(loop.jacobian(h, e) @ v, loop.jvp(h, e, v), atol=1e-13)


@pytest.mark.parametrize(
    ("name", "s", "value"),
    [
        ("internal_stable_probability", 1.0, 0.46909),
        ("external_stable_probability", 1.0, 0.67295),
        ("internal_stable_probability", 2.0, 0.29511),
        ("external_stable_probability", 2.0, 0.37141),
    ],
)
def test_stable_probability_against_sampling(name, s, value):
    x, y = s * np.random.default_rng(0).standard_normal((2, 400_000))
    jacobian = numeric(f"scalar_jacobian_{name.split('_')[0]}")(x, y)
    sampled = np.mean(np.abs(jacobian) < 1)
    assert numeric(name)(s) == pytest.approx(value, abs=1e-5)
    assert sampled == pytest.approx(value, abs=4 * 0.5 / np.sqrt(400_000))
