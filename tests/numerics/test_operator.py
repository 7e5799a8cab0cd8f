"""Matrix-free eigenvalues, singular values, resolvents, sensitivities and exponents against dense twins."""

import numpy as np
import pytest
from scipy.linalg import block_diag

from numerics import FunctionLoop, LoopError, numeric
from numerics.eigenvalues import leading_eigenvalues
from numerics.lyapunov import lyapunov
from numerics.operator import Linearisation
from numerics.sensitivity import adjoint_sensitivity, sensitivity
from numerics.singular import kreiss_lower, largest_singular_value, resolvent_norm, solve, transient_growth
from theory.errors import UsageError


def rotation(r, angle=1.0):
    return r * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def ginibre(n, radius, seed=0):
    return radius * np.random.default_rng(seed).standard_normal((n, n)) / np.sqrt(n)


def linear(m, kind="own", k=None):
    k = np.eye(len(m)) if k is None else k
    loop = FunctionLoop(lambda h, e: m @ h + k @ e, lambda e: np.zeros(len(m)), (lambda h, e, v: m @ v) if kind != "difference" else None)
    if kind == "vjp":
        loop.vjp = lambda h, e, u: m.T @ u
        loop.input_vjp = lambda h, e, w: k.T @ w
    return loop


def at(m, kind="own", k=None, e=None):
    e = np.ones(len(m) if k is None else k.shape[1]) if e is None else e
    h = np.linalg.solve(np.eye(len(m)) - m, (np.eye(len(m)) if k is None else k) @ e)
    return Linearisation(linear(m, kind, k), h, e)


CASES = {
    "ginibre": ginibre(150, 0.8),
    "rotation-blocks": block_diag(*(rotation(r, 1 + i) for i, r in enumerate(np.linspace(0.3, 0.9, 30)))),
    "complex-pairs-same-modulus": block_diag(*(rotation(0.9, a) for a in (0.5, 1.1, 2.3)), 0.3 * np.eye(40)),
    "non-normal": np.diag(np.linspace(0.1, 0.9, 12)) + np.diag(np.full(11, 2.0), 1),
    "near-degenerate": np.diag(np.concatenate(([0.95, -0.9499, 0.9498], np.linspace(0, 0.8, 57)))),
    "symmetric": (ginibre(100, 0.5) + ginibre(100, 0.5).T) / 2,
    "zero": np.zeros((20, 20)),
    "one-by-one": np.array([[-0.7]]),
}


@pytest.mark.parametrize("kind", ["own", "difference", "vjp"])
@pytest.mark.parametrize("name", CASES)
def test_against_dense_twins(name, kind):
    m = CASES[name]
    n = len(m)
    j = at(m, kind)
    k = min(4, n)
    found = leading_eigenvalues(j, k, budget=n + 5)
    moduli = np.sort(np.abs(np.linalg.eigvals(m)))[::-1]
    assert found.converged or name == "zero"
    np.testing.assert_allclose(np.abs(found.values), moduli[: len(found.values)], atol=1e-6)
    assert abs(largest_singular_value(j).value - np.linalg.norm(m, 2)) < 1e-6
    exact = np.linalg.norm(np.linalg.inv(np.eye(n) - m), 2)
    if (name, kind) == ("non-normal", "difference"):  # condition 1e9 times the noise of differences: an error, no number
        with pytest.raises(LoopError, match="GMRES"):
            resolvent_norm(j, tol=1e-6)
        return
    resolvent = resolvent_norm(j, tol=1e-6)
    noisy = kind == "difference" and resolvent.residual > 1e-8  # it says so
    assert noisy or resolvent.value == pytest.approx(exact, rel=1e-6)
    growth = transient_growth(j, 6)
    norms = [np.linalg.norm(np.linalg.matrix_power(m, t), 2) for t in range(7)]
    np.testing.assert_allclose(growth.norms, norms, rtol=1e-6, atol=1e-6)
    assert growth.at == int(np.argmax(norms))


@pytest.mark.parametrize("kind", ["own", "vjp"])
def test_sensitivity_and_its_adjoint(kind):
    m, k, rng = ginibre(60, 0.7), np.random.default_rng(1).standard_normal((60, 9)), np.random.default_rng(2)
    s = np.linalg.solve(np.eye(60) - m, k)
    j = at(m, kind, k)
    v, u = rng.standard_normal(9), rng.standard_normal(60)
    forward, backward = sensitivity(j, v), adjoint_sensitivity(j, u)
    np.testing.assert_allclose(forward.value, s @ v, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(backward.value, s.T @ u, rtol=1e-6, atol=1e-6)
    assert forward.value @ u == pytest.approx(v @ backward.value, rel=1e-6)
    assert max(forward.residual, backward.residual) < 1e-9
    assert forward.fixed_point < 1e-12


def test_sensitivity_says_how_far_the_state_is_from_fixed():
    m = ginibre(20, 0.5)
    assert sensitivity(Linearisation(linear(m), np.ones(20), np.ones(20)), np.ones(20)).fixed_point > 0.1


def test_kreiss_constant_of_a_jordan_block_and_of_the_theory():
    r, c = 0.9, 5.0
    j = at(np.array([[r, c], [0, r]]))
    kreiss, growth = kreiss_lower(j), transient_growth(j, 100).value
    assert 0.8 * float(numeric("kreiss_jordan")(r, c)) < kreiss <= float(numeric("kreiss_jordan")(r, c)) * (1 + 1e-9)
    assert kreiss <= growth <= float(numeric("kreiss_upper")(2, numeric("kreiss_jordan")(r, c)))


def test_resolvent_at_an_eigenvalue_is_an_error():
    with pytest.raises(LoopError, match="eigenvalue"):
        solve(Linearisation(linear(np.diag([1.0, 0.5])), np.ones(2), np.ones(2)), np.ones(2))


def test_no_adjoint_beyond_the_dense_limit():
    n = 2001
    loop = FunctionLoop(lambda h, e: 0.5 * h, lambda e: np.zeros(n), lambda h, e, v: 0.5 * v)
    with pytest.raises(LoopError, match="vjp"):
        largest_singular_value(Linearisation(loop, np.zeros(n), np.zeros(1)))


def test_budget_is_kept_and_an_unconverged_answer_says_so():
    j = at(ginibre(300, 0.9))
    found = leading_eigenvalues(j, 6, budget=40)
    assert found.products <= 40
    assert not found.converged
    assert found.residuals.max() > 1e-4


def test_lyapunov_exponents():
    henon = FunctionLoop(lambda h, e: np.array([1 - 1.4 * h[0] ** 2 + h[1], 0.3 * h[0]]), lambda e: np.zeros(2),
                         lambda h, e, v: np.array([-2.8 * h[0] * v[0] + v[1], 0.3 * v[0]]))  # fmt: skip
    found = lyapunov(henon, np.zeros(2), np.zeros(1), 2, loops=4000)
    assert found.exponents.sum() == pytest.approx(np.log(0.3), abs=1e-10)  # the determinant is -0.3 everywhere
    assert found.exponents[0] == pytest.approx(0.419, abs=0.03)
    m = block_diag(rotation(0.9), [[0.5]])
    exact = lyapunov(linear(m), np.ones(3), np.zeros(3), 3, loops=500)
    np.testing.assert_allclose(exact.exponents, np.log([0.9, 0.9, 0.5]), atol=1e-2)
    chebyshev = FunctionLoop(lambda h, e: np.cos(3 * np.arccos(np.clip(h, -1, 1))), lambda e: e)
    assert lyapunov(chebyshev, np.array([0.3]), np.zeros(1), loops=2000).exponents[0] == pytest.approx(np.log(3), abs=0.05)


def test_bad_requests():
    j = at(CASES["one-by-one"])
    with pytest.raises(UsageError, match="budget"):
        leading_eigenvalues(j, 2)
    with pytest.raises(UsageError, match="10 loops"):
        lyapunov(j.loop, j.h, j.e, loops=3)
