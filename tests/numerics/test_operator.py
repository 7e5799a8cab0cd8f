"""Matrix-free norms, resolvents, sensitivities and growth against dense twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrix_loops import CASES, at, disguised, ginibre, linear, rotation

from loopstab import FunctionLoop, LoopError, Outcome, diagnose, numeric, profile, spectral_radius
from loopstab.numerics.spectra.linearisation import Linearisation
from loopstab.numerics.spectra.resolvent import Resolvent, kreiss_lower, resolvent_norm
from loopstab.numerics.spectra.sensitivity import adjoint_sensitivity, sensitivity, sensitivity_norm
from loopstab.numerics.spectra.singular import largest_singular_value, transient_growth

NORM_TWINS = {
    "largest singular value": (largest_singular_value, lambda m: np.linalg.norm(m, 2)),
    "resolvent norm": (
        lambda j: resolvent_norm(j, tol=1e-7),
        lambda m: np.linalg.norm(np.linalg.inv(np.eye(len(m)) - m), 2),
    ),
    "resolvent norm at 1.1i": (
        lambda j: resolvent_norm(j, 1.1j, tol=1e-7),
        lambda m: np.linalg.norm(np.linalg.inv(1.1j * np.eye(len(m)) - m), 2),
    ),
    "sensitivity norm": (
        sensitivity_norm,
        lambda m: np.linalg.norm(np.linalg.inv(np.eye(len(m)) - m), 2),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_norms_against_dense_twins(name):
    m = CASES[name]
    for measure, twin in NORM_TWINS.values():
        found = measure(at(m, "vjp"))
        assert found.value == pytest.approx(twin(m), rel=1e-6)
        assert found.converged
        assert found.residual < 1e-5
        assert found.products > 0 or not m.any()


@pytest.mark.parametrize(
    "name", ["non-normal", "non-normal, large", "rank one", "zero", "one by one"]
)
def test_norms_by_differences_are_right_or_say_so(name):
    m = CASES[name]
    j = at(m, "difference")
    assert j.derivative == "central difference"
    assert j.error < 1e-8
    for measure, twin in NORM_TWINS.values():
        try:
            found = measure(j)
        except LoopError:  # said, not hidden
            continue
        assert found.value == pytest.approx(twin(m), rel=1e-5) or found.residual > 1e-8


@pytest.mark.parametrize("kind", ["own", "difference", "vjp"])
@pytest.mark.parametrize("name", CASES)
def test_transient_growth_against_powers(name, kind):
    m = CASES[name]
    found = transient_growth(at(m, kind), 12, tol=1e-8)
    norms = np.array([np.linalg.norm(np.linalg.matrix_power(m, t), 2) for t in range(150)])
    np.testing.assert_allclose(found.norms, norms[: len(found.norms)], rtol=1e-6)
    assert found.at == int(np.argmax(found.norms))
    assert found.residual < 1e-6
    if found.settled:
        assert found.value == pytest.approx(norms.max(), rel=1e-6)
    else:
        assert len(found.norms) == 13


def test_growth_ends_with_its_budget_and_says_so():
    found = transient_growth(at(disguised(np.diag(np.ones(69), 1)), "vjp"), 60, budget=50)
    assert not found.settled
    assert 2 < len(found.norms) < 30


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0.1, 3))
@settings(max_examples=30, deadline=None)
def test_settled_growth_is_the_maximum_over_all_powers(seed, n, size):
    m = ginibre(n, size, seed)
    found = transient_growth(at(m), 8)
    powers = [np.linalg.norm(np.linalg.matrix_power(m, t), 2) for t in range(60)]
    assert found.value <= max(powers) * (1 + 1e-9)
    assert not found.settled or found.value == pytest.approx(max(powers), rel=1e-6)


@pytest.mark.parametrize("kind", ["own", "vjp", "difference"])
def test_sensitivity_and_its_adjoint(kind):
    m, k, rng = (
        ginibre(60, 0.7),
        np.random.default_rng(1).standard_normal((60, 9)),
        np.random.default_rng(2),
    )
    s = np.linalg.solve(np.eye(60) - m, k)
    j = at(m, kind, k)
    v, u = rng.standard_normal(9), rng.standard_normal(60)
    forward, backward = sensitivity(j, v), adjoint_sensitivity(j, u)
    np.testing.assert_allclose(forward.value, s @ v, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(backward.value, s.T @ u, rtol=1e-6, atol=1e-6)
    assert forward.value @ u == pytest.approx(v @ backward.value, rel=1e-6)
    assert sensitivity_norm(j).value == pytest.approx(np.linalg.norm(s, 2), rel=1e-6)
    assert max(forward.residual, backward.residual) < (1e-5 if kind == "difference" else 1e-9)
    assert forward.fixed_point < 1e-12


def test_sensitivity_says_how_far_the_state_is_from_fixed():
    m = ginibre(20, 0.5)
    assert (
        sensitivity(Linearisation(linear(m), np.ones(20), np.ones(20)), np.ones(20)).fixed_point
        > 0.1
    )


def kreiss_twin(m):
    """The supremum over a grid of z, by dense matrices."""
    z = [
        (1 + x) * np.exp(1j * a)
        for x in np.geomspace(1e-2, 10, 15)
        for a in np.linspace(0, np.pi, 15)
    ]
    return max(
        (abs(zi) - 1) / np.linalg.svd(zi * np.eye(len(m)) - m, compute_uv=False)[-1] for zi in z
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [2, 5, 100])
def test_kreiss_bound_is_below_the_powers_and_near_the_supremum(n, seed):
    m = np.triu(ginibre(n, 3 / np.sqrt(n), seed), 1) + np.diag(
        np.random.default_rng(seed).uniform(-0.9, 0.9, n)
    )
    found = kreiss_lower(at(m, "vjp"))
    exact = (abs(found.z) - 1) * np.linalg.norm(np.linalg.inv(found.z * np.eye(n) - m), 2)
    assert found.value == pytest.approx(exact, rel=1e-5)
    assert found.value <= max(
        np.linalg.norm(np.linalg.matrix_power(m, t), 2) for t in range(200)
    ) * (1 + 1e-9)
    assert found.value >= kreiss_twin(m) * (1 - 1e-3)


def test_kreiss_bound_sees_complex_pairs():
    """For [[r, c], [0, r]] times a rotation the worst z is complex: a real z does not find it."""
    pair = np.kron(np.array([[0.9, 5.0], [0, 0.9]]), rotation(1.0, 1.3))
    exact = float(numeric("kreiss_jordan")(0.9, 5.0))
    assert kreiss_lower(at(pair)).value == pytest.approx(exact, rel=1e-4)
    on_the_line = max(
        (r - 1) * resolvent_norm(at(pair), s * r, tol=1e-6).value
        for r in (1.003, 1.03, 1.1, 1.3, 2.0)
        for s in (1, -1)
    )
    assert on_the_line < 0.6 * exact
    growth = transient_growth(at(pair), 200)
    assert exact <= growth.value <= float(numeric("kreiss_upper")(4, exact))


def test_no_kreiss_constant_where_powers_grow():
    with pytest.raises(LoopError, match="infinite"):
        kreiss_lower(at(rotation(1.2)))


def test_resolvent_at_an_eigenvalue_is_an_error():
    for m in (np.diag([1.0, 0.5]), np.diag(np.concatenate(([1.0], np.linspace(0, 0.9, 99))))):
        j = Linearisation(linear(m), np.ones(len(m)), np.ones(len(m)))
        with pytest.raises(LoopError, match="eigenvalue"):
            Resolvent(j)(np.ones(len(m)))


@pytest.mark.parametrize(
    "measure", [largest_singular_value, transient_growth, resolvent_norm, sensitivity_norm]
)
def test_no_adjoint_beyond_the_dense_limit(measure):
    n = 2001
    loop = FunctionLoop(lambda h, e: 0.5 * h + e, lambda e: np.zeros(n), lambda h, e, v: 0.5 * v)
    with pytest.raises(LoopError, match="vjp"):
        measure(Linearisation(loop, np.zeros(n), np.zeros(n)))


def test_products_are_counted():
    j = at(ginibre(20, 0.5), "vjp")
    v = np.ones(20)
    j(v), j(v + 1j * v), j.adjoint(v), j.input_product(v), j.input_adjoint(v)
    assert j.products == 6
    j.dense(), j.dense()
    assert j.products == 26


def test_the_transposed_operator_where_only_the_adjoint_is_exact():
    m = ginibre(70, 0.8)
    j = Linearisation(
        FunctionLoop(lambda h, e: m @ h, lambda e: e, vjp=lambda h, e, u: m.T @ u),
        np.ones(70),
        np.ones(70),
    )
    assert j.error > 0
    t, v = j.transposed(), np.linspace(-1, 1, 70)
    assert (t.derivative, t.adjoint_of, t.error, t.products) == ("vjp", "columns", 0.0, 0)
    np.testing.assert_allclose(t(v), m.T @ v, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(t.adjoint(v), m @ v, rtol=1e-12, atol=1e-12)
    assert spectral_radius(t).value == pytest.approx(np.abs(np.linalg.eigvals(m)).max(), rel=1e-7)


def test_a_solve_that_does_not_converge_is_said_and_does_not_confirm():
    m = ginibre(100, 0.7)
    found = diagnose(linear(m), np.ones(100), products=8)
    assert found.outcome is Outcome.FIXED_POINT
    assert not found.rho.converged
    assert "did not converge" in found.advice
    assert found.confirmed == "perturbed restart returned"


def test_profile_measures_what_it_can_and_says_why_not():
    m = ginibre(70, 0.6)
    found = profile(
        linear(m, "vjp"), np.linalg.solve(np.eye(70) - m, np.ones(70)), np.ones(70), loops=60
    )
    assert not found.failed
    assert found.fixed_point < 1e-12
    measured = {name: f.value for name, f in found.found.items()}
    assert measured["spectral_radius"] == pytest.approx(
        np.abs(np.linalg.eigvals(m)).max(), rel=1e-6
    )
    assert measured["sensitivity_norm"] == pytest.approx(measured["resolvent_norm"], rel=1e-4)
    assert found.to_json()["measurements"]["lyapunov"]["residual"] >= 0
    assert any("spectral radius" in line and "residual" in line for line in found.lines())
    critical = profile(linear(np.diag([1.0, 0.5])), np.zeros(2), np.zeros(2), loops=10)
    assert set(critical.failed) == {"kreiss_lower", "resolvent_norm", "sensitivity_norm"}
    assert any("not measured" in line for line in critical.lines())
