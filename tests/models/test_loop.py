"""A torch loop seen from NumPy: exact products with J, J^T, K and K^T, and nothing of the user's
changed.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from loopstab import (
    Linearisation,
    LoopError,
    check_loop,
    lyapunov,
    sensitivity_norm,
    spectral_radius,
)
from loopstab.models.loops.torch_loop import TorchLoop
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.numerics.spectra.sensitivity import adjoint_sensitivity, sensitivity
from loopstab.theory.architecture import Architecture


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def dense(model, h, e):
    """J and K by torch, the slow twin."""
    tensors = torch.from_numpy(h), torch.from_numpy(e)
    jacobians = torch.autograd.functional.jacobian(model.step, tensors)
    return tuple(m.numpy().reshape(h.size, -1) for m in jacobians)


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_products_equal_the_dense_twins(architecture):
    model = LoopedTransformer(ModelConfig(architecture, width=8, heads=2)).double()
    loop = TorchLoop.of(model)
    h, e, v, u = drawn(4, 1, 5, 8)
    j, k = dense(model, h, e)
    record = loop.linearize(h, e)
    for found, twin in (
        (record(v), j @ v.ravel()),
        (record.adjoint(u), j.T @ u.ravel()),
        (record.input_product(v), k @ v.ravel()),
        (record.input_adjoint(u), k.T @ u.ravel()),
    ):
        assert found.shape == h.shape
        np.testing.assert_allclose(found.ravel(), twin, atol=1e-12, rtol=1e-12)
    difference = (loop.step(h + 1e-6 * v, e) - loop.step(h - 1e-6 * v, e)) / 2e-6
    np.testing.assert_allclose(record(v), difference, atol=1e-7, rtol=1e-6)
    for single, whole in (
        (loop.jvp, record),
        (loop.vjp, record.adjoint),
        (loop.input_jvp, record.input_product),
        (loop.input_vjp, record.input_adjoint),
    ):
        np.testing.assert_array_equal(single(h, e, v), whole(v))


def test_a_real_loop_against_dense_twins():
    model = LoopedTransformer(
        ModelConfig(Architecture.parse("internal/post"), width=16, heads=2)
    ).double()
    loop, e = TorchLoop.of(model), drawn(1, 8, 16)
    h = loop.initial(e)
    for _ in range(250):
        h = loop.step(h, e)
    at = Linearisation(loop, h, e)
    j, k = dense(model, h, e)
    s = np.linalg.solve(np.eye(h.size) - j, k)
    rho = spectral_radius(at)
    assert rho.derivative == "linearize"
    assert rho.value == pytest.approx(np.abs(np.linalg.eigvals(j)).max(), rel=1e-6)
    assert at.drift < 1e-10
    np.testing.assert_allclose(
        sensitivity(at, e).value.ravel(), s @ e.ravel(), rtol=1e-6, atol=1e-8
    )
    np.testing.assert_allclose(
        adjoint_sensitivity(at, h).value.ravel(), s.T @ h.ravel(), rtol=1e-6, atol=1e-8
    )
    assert sensitivity_norm(at).value == pytest.approx(np.linalg.norm(s, 2), rel=1e-6)
    v, logs = np.linalg.qr(np.random.default_rng(0).standard_normal((h.size, 1)))[0], []
    for _ in range(30):
        v = j @ v
        logs.append(np.log(np.linalg.norm(v)))
        v /= np.linalg.norm(v)
    assert lyapunov(loop, h, e, loops=20, skip=20).value == pytest.approx(
        np.mean(logs[10:]), rel=1e-8
    )


STEPS = {
    "constant": (lambda h, e: e * 2, 0.0),
    "constant without gradient": (lambda h, e: torch.ones_like(h).detach(), 0.0),
    "linear": (lambda h, e: 3 * h + e, 3.0),
    "identity": (lambda h, e: h, 1.0),
    "times zero": (lambda h, e: 0 * h + e, 0.0),
    "in place": (lambda h, e: h.mul_(0.5), 0.5),
    "half in h": (lambda h, e: torch.cat((h[:1] * 0 + e[:1], -2 * h[1:]), 0), 2.0),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_that_hardly_depend_on_the_state(name):
    step, radius = STEPS[name]
    j = Linearisation(TorchLoop(step, lambda e: e.clone()), drawn(4), drawn(4, seed=1))
    assert spectral_radius(j).value == pytest.approx(radius, abs=1e-12)
    assert spectral_radius(j.transposed()).value == pytest.approx(radius, abs=1e-12)


@torch.no_grad()
def without_gradient(h, e):
    return h + e


BAD = {
    "detached": (lambda h, e: h.detach() + e, "loses the gradient by its state"),
    "no grad": (without_gradient, "loses the gradient"),
    "through numpy": (
        lambda h, e: torch.from_numpy(np.tanh(h.detach().numpy())),
        "loses the gradient",
    ),
    "two values": (lambda h, e: (h, e), "every part of the state"),
    "other dtype": (lambda h, e: h @ torch.eye(4), "double"),
    "random": (lambda h, e: h + torch.rand(4), "differ"),
    "bfloat16": (lambda h, e: h.bfloat16(), "bfloat16"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_steps_are_errors_not_numbers(name):
    step, words = BAD[name]
    with pytest.raises(LoopError, match=words):
        spectral_radius(
            Linearisation(TorchLoop(step, lambda e: e.clone()), drawn(4), drawn(4, seed=1))
        )


def test_large_states_go_through_arnoldi_with_products_of_the_loop():
    angle, size = 0.3, 100
    block = 1.2 * torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    decay = torch.linspace(0.1, 0.9, size, dtype=torch.float64)

    def step(h, e):
        return torch.cat((block @ h[:2], decay * torch.tanh(h[2:])))

    found = spectral_radius(
        Linearisation(TorchLoop(step, lambda e: e.clone()), np.zeros(size + 2), np.zeros(size + 2))
    )
    assert found.value == pytest.approx(1.2, abs=1e-10)
    assert found.products < size


def attend(h, e):
    return F.scaled_dot_product_attention(h[None] + e, h[None], h[None])[0]


def test_fused_attention_is_replaced_by_its_formula():
    loop, (h, e, u) = TorchLoop(attend, lambda e: e.clone()), drawn(3, 1, 5, 8)
    check_loop(loop, e)
    j = Linearisation(loop, h, e)
    assert j.derivative == "linearize"
    tensors = torch.from_numpy(h), torch.from_numpy(e)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        jacobians = torch.autograd.functional.jacobian(attend, tensors)
    matrix, k = (m.numpy().reshape(h.size, -1) for m in jacobians)
    np.testing.assert_allclose(j(u), matrix @ u.ravel(), atol=1e-12)
    np.testing.assert_allclose(j.adjoint(u), matrix.T @ u.ravel(), atol=1e-12)
    np.testing.assert_allclose(j.input_product(u), k @ u.ravel(), atol=1e-12)
    np.testing.assert_allclose(j.input_adjoint(h), k.T @ h.ravel(), atol=1e-12)


@pytest.mark.parametrize("mode", [True, False])
def test_the_module_is_left_alone(mode):
    model = LoopedTransformer(ModelConfig(width=16, heads=2)).double().train(mode)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    next(model.parameters()).grad = torch.ones_like(next(model.parameters()))
    loop = TorchLoop.of(model)
    e = drawn(1, 5, 16)
    h = loop.initial(e)
    check_loop(loop, e)
    j = Linearisation(loop, h, e)
    for product in (j, j.adjoint, j.input_product, j.input_adjoint):
        product(h)
    np.testing.assert_array_equal(e, drawn(1, 5, 16))
    assert model.training is mode
    assert torch.is_grad_enabled()
    for i, (name, p) in enumerate(model.named_parameters()):
        assert torch.equal(p, before[name])
        assert (p.grad is None) if i else torch.equal(p.grad, torch.ones_like(p))
        assert p.requires_grad
