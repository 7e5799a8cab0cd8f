"""Verdicts on torch loops whose gradient says less than their step does."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from loopstab import Outcome, TorchLoop, diagnose

torch.manual_seed(0)
LAYER = torch.nn.Linear(6, 6).double()
E = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 6)))


def plain(h, e):
    return torch.tanh(0.9 * LAYER(h) + e)


@torch.no_grad()
def without(h, e):
    return plain(h, e)


class Opaque(torch.autograd.Function):
    """A function whose backward pass is not written."""

    @staticmethod
    def forward(ctx, h):
        return torch.tanh(h)

    @staticmethod
    def backward(ctx, *gradients):
        raise NotImplementedError("no backward pass")


HIDDEN = {
    "no_grad": without,
    "detached": lambda h, e: plain(h.detach(), e),
    "through NumPy": lambda h, e: torch.from_numpy(np.tanh(plain(h, e).detach().numpy())),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_step_without_any_gradient_is_measured_by_differences_and_is_the_finding(name):
    found = diagnose(TorchLoop(HIDDEN[name], torch.zeros_like), E)
    assert found.outcome is Outcome.FIXED_POINT
    assert found.confirmed is None
    assert "the step loses the gradient by its state" in found.contradiction
    assert "whole graph" in found.action
    assert found.rho.derivative == "central difference"
    if name != "through NumPy":
        whole = diagnose(TorchLoop(plain, torch.zeros_like), E)
        assert not whole.contradiction
        assert found.rho.value == pytest.approx(whole.rho.value, rel=1e-6)


def test_a_step_that_cannot_be_differentiated_is_measured_by_differences_without_a_contradiction():
    found = diagnose(TorchLoop(lambda h, e: Opaque.apply(0.5 * h + e), torch.zeros_like), E)
    assert found.outcome is Outcome.FIXED_POINT
    assert not found.contradiction
    assert "differences of the step take the place of its derivative" in found.advice
    assert found.confirmed == "spectrum: rho < 1"


def test_a_step_with_parameters_and_attention_that_ignores_its_input_is_told_so():
    def step(h):
        q = LAYER(h)[None]
        return torch.tanh(0.5 * F.scaled_dot_product_attention(q, q, h[None])[0])

    found = diagnose(TorchLoop(step, lambda e: e), E)
    assert "input injection" in found.action


def test_a_slow_mode_that_the_orbit_hardly_excites_is_no_contradiction():
    gains = torch.tensor([0.9] * 5 + [0.9999]).double()
    start = torch.tensor([1.0] * 5 + [1e-9]).double()
    found = diagnose(TorchLoop(lambda h: gains * torch.sin(h), start), limit=2000)
    assert found.outcome is Outcome.FIXED_POINT
    assert not found.contradiction
    assert found.rho.value == pytest.approx(0.9999, abs=1e-6)
    assert found.confirmed == "spectrum: rho < 1"
