"""A torch loop seen from NumPy: exact Jacobian products, and nothing of the user's changed."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from models.config import ModelConfig
from models.loop import TorchLoop
from models.transformer import LoopedTransformer
from numerics import LoopError, check_loop, spectral_radius
from theory.architecture import Architecture


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_products_equal_forward_mode_and_differences(architecture):
    model = LoopedTransformer(ModelConfig(architecture, width=16, heads=2)).double()
    loop = TorchLoop.of(model)
    h, e, v = drawn(3, 1, 7, 16)
    product = loop.linearize(h, e)(v)
    _, forward = torch.func.jvp(lambda s: model.step(s, torch.from_numpy(e)), (torch.from_numpy(h),), (torch.from_numpy(v),))
    difference = (loop.step(h + 1e-6 * v, e) - loop.step(h - 1e-6 * v, e)) / 2e-6
    np.testing.assert_allclose(product, forward.detach().numpy(), atol=1e-12, rtol=1e-12)
    np.testing.assert_allclose(product, difference, atol=1e-7, rtol=1e-6)
    np.testing.assert_array_equal(product, loop.jvp(h, e, v))


STEPS = {
    "constant": (lambda h, e: e * 2, 0.0),
    "linear": (lambda h, e: 3 * h + e, 3.0),
    "half in h": (lambda h, e: torch.cat((h[:1] * 0 + e[:1], -2 * h[1:]), 0), 2.0),
    "without grad": (lambda h, e: h.detach() + e, 0.0),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_that_hardly_depend_on_the_state(name):
    step, radius = STEPS[name]
    loop = TorchLoop(step, lambda e: e.clone())
    assert spectral_radius(loop, drawn(4), drawn(4, seed=1)).value == pytest.approx(radius, abs=1e-12)


def test_large_states_go_through_arnoldi_with_products_of_the_loop():
    angle, size = 0.3, 60
    block = 1.2 * torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    decay = torch.linspace(0.1, 0.9, size, dtype=torch.float64)

    def step(h, e):
        return torch.cat((block @ h[:2], decay * torch.tanh(h[2:])))

    found = spectral_radius(TorchLoop(step, lambda e: e.clone()), np.zeros(size + 2), np.zeros(size + 2))
    assert found.value == pytest.approx(1.2, abs=1e-10)
    assert found.derivative == "linearize"


def test_fused_attention_has_no_products_and_says_so():
    def step(h, e):
        return F.scaled_dot_product_attention(h[None], h[None], h[None])[0]

    with pytest.raises(LoopError, match="MATH"):
        TorchLoop(step, lambda e: e.clone()).jvp(*drawn(3, 1, 5, 8))


def test_the_module_is_left_alone():
    model = LoopedTransformer(ModelConfig(width=16, heads=2)).double()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    loop = TorchLoop.of(model)
    e = drawn(1, 5, 16)
    check_loop(loop, e)
    spectral_radius(loop, loop.initial(e), e)
    assert model.training
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name])
        assert p.grad is None
        assert p.requires_grad
