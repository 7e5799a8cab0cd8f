"""Phase diagrams of a user's step: known laws, and slow twins."""

import functools

import numpy as np
import pytest
from step_laws import AXES, scalar, scalar_rho

from loopstab import FunctionLoop, StepLaw, UsageError, diagnose, phase_diagram
from loopstab.numerics.phase.laws.draw import random_draw


@pytest.mark.parametrize("vectorised", [False, True])
def test_a_scalar_law_meets_its_closed_form(vectorised):
    """The closed form takes numbers; the sensitivity is (dh/de)^2 = (b s/(1 - a s))^2."""
    law = StepLaw(scalar, e=1.0, rho=scalar_rho, vectorised=vectorised)
    found = phase_diagram(law, **{**AXES, "e": None})
    np.testing.assert_allclose(found.rho, found.rho_theory, atol=1e-9)
    a, b = found.values["a"], found.values["b"]
    np.testing.assert_allclose(found.rho_theory, [*map(scalar_rho, a, b)], rtol=1e-12)
    slope = found.rho / a
    np.testing.assert_allclose(found.sensitivity, (b * slope / (1 - a * slope)) ** 2, rtol=1e-5)
    assert set(found.outcome.tolist()) == {"fixed-point"}
    assert (found.contradicted == 0).all()
    assert found.mean_absolute_error < 1e-9


def damped(h, e, gain=2.0, alpha=1.0):
    """Mann's iteration of x -> e - gain x: rho = |1 - alpha (1 + gain)|."""
    return (1 - alpha) * h + alpha * (e - gain * h)


def test_damping_moves_the_border_and_not_the_fixed_point():
    """Outcomes on both sides of |1 - alpha (1 + gain)| = 1, where the orbit explodes."""
    found = phase_diagram(
        damped,
        x="gain:0.5:3.5",
        y="alpha:0.1:0.9",
        rho=lambda gain, alpha: abs(1 - alpha * (1 + gain)),
        settings={"width": 3},
        grid=(4, 6),
        jobs=1,
    )
    stable = found.rho_theory < 1
    assert 0 < stable.sum() < len(stable)
    assert (found.outcome[stable] == "fixed-point").all()
    assert (found.outcome[~stable] == "explosion").all()
    np.testing.assert_allclose(found.rho[stable], found.rho_theory[stable], atol=1e-7)
    assert np.isnan(found.rho[~stable]).all()
    assert (found.contradicted == 0).all()


def test_an_orbit_on_a_cycle_has_the_spectral_radius_of_the_point_that_it_circles():
    found = phase_diagram(
        lambda h, e, r=3.0, s=1.0: s * r * h * (1 - h),
        x="r:3.1:3.4",
        y="s:0.999:1.001",
        initial=0.3,
        e=0.0,
        grid=(2, 2),
        jobs=1,
    )
    r = found.values["r"] * found.values["s"]
    assert set(found.outcome.tolist()) == {"cycle"}
    np.testing.assert_allclose(found.rho, r - 2, atol=1e-6)
    assert np.isnan(found.iterations).all()


def test_loops_without_a_fixed_point_and_a_line_of_them():
    def step(h, speed=1.0, pull=0.0):
        return h + speed - pull * h

    drift = phase_diagram(step, x="speed:1:2", y="pull:-1e-9:1e-9", grid=(2, 2), jobs=1)
    assert set(drift.outcome.tolist()) <= {"drift", "growth"}
    assert np.isnan(drift.rho).all()
    still = phase_diagram(
        lambda h, e, a=1.0, b=1.0: h + 0 * a * b * e, x="a:1:2", y="b:1:2", grid=(2, 2), jobs=1
    )
    np.testing.assert_allclose(still.rho, 1, atol=1e-8)


@pytest.mark.parametrize("activation", ["linear", "tanh"])
def test_a_named_law_given_as_a_function_is_the_same(activation):
    """N(a h + sigma G phi(h) + beta e) step by step, by plain Newton, differences and LAPACK."""
    width, seed = 12, 5

    def step(h, e, weights, sigma=1.0, beta=1.0, residual=1.0):
        phi = h if activation == "linear" else np.tanh(h)
        z = residual * h + sigma * weights @ phi + beta * e
        return np.sqrt(width) * z / np.linalg.norm(z)

    draw = random_draw(width, (seed, 0))
    asked = {"x": "sigma:0.5:1.5", "y": "beta:2:6:log", "grid": (3, 3), "seed": seed, "jobs": 1}
    named = phase_diagram(activation, **asked, settings={"width": width})
    own = phase_diagram(
        step, **asked, e=lambda rng: draw.e, weights=lambda rng: draw.matrix, initial=draw.start
    )
    assert (named.outcome == own.outcome).all()
    np.testing.assert_allclose(own.rho, named.rho, atol=1e-6)
    np.testing.assert_allclose(own.iterations, named.iterations, atol=1)


def test_cells_are_those_of_diagnose():
    found = phase_diagram(scalar, **{**AXES, "grid": (2, 2)})
    for i in range(4):
        at = {name: float(found.values[name][i]) for name in "ab"}
        slow = diagnose(FunctionLoop(functools.partial(scalar, **at), np.copy), np.ones(1))
        assert str(slow.outcome) == found.outcome[i]
        assert slow.rho.value == pytest.approx(found.rho[i], abs=1e-7)


def test_draws_sizes_and_axes_of_values():
    def weights(rng, width=4):
        return rng.standard_normal((width, width)) / np.sqrt(width)

    def step(h, e, weights, sigma: float = 0.5, beta=1.0):
        return np.tanh(sigma * weights @ h + beta * e)

    asked = {"weights": weights, "x": ("sigma", [0.1, 0.2, 0.3]), "draws": 3, "jobs": 1}
    found = phase_diagram(step, y="width:2:6", grid=(2, 3), **asked)
    assert set(found.values["width"]) == {3.0, 5.0}
    assert found.measured == 18
    np.testing.assert_allclose(sorted(set(found.values["sigma"])), [0.1, 0.2, 0.3])
    again = phase_diagram(step, y="width:2:6", grid=(2, 3), **asked)
    np.testing.assert_array_equal(found.rho, again.rho)
    other = phase_diagram(step, y="width:2:6", grid=(2, 3), seed=1, **asked)
    assert (other.rho != found.rho).any()


def test_a_step_of_any_parameters():
    found = phase_diagram(
        lambda h, e, **p: p["a"] * h + p["c"] * e,
        x="a:0.1:0.9",
        y="b:0:1",
        settings={"c": 2.0},
        grid=(2, 2),
        jobs=1,
    )
    np.testing.assert_allclose(found.rho, found.values["a"], atol=1e-8)


def test_a_torch_step_has_exact_derivatives():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    block = torch.nn.Linear(3, 3).double()

    def step(h, e, gain=1.0, beta=1.0):
        return torch.tanh(gain * block(h) + beta * e)

    matrix, offset = (p.detach().numpy() for p in block.parameters())

    def twin(h, e, gain=1.0, beta=1.0):
        return np.tanh(gain * (matrix @ h + offset) + beta * e)

    asked = {"x": "gain:0.2:1", "y": "beta:0.5:2", "settings": {"width": 3}, "grid": (2, 2)}
    found, slow = (phase_diagram(f, **asked, jobs=1) for f in (step, twin))
    np.testing.assert_array_equal(found.outcome, slow.outcome)
    np.testing.assert_allclose(found.rho, slow.rho, atol=1e-8)
    np.testing.assert_allclose(found.sensitivity, slow.sensitivity, rtol=1e-6)
    assert StepLaw(step).backend == "sequential"
    with pytest.raises(UsageError, match="vectorised"):
        phase_diagram(StepLaw(step, vectorised=True), **asked, jobs=1)
