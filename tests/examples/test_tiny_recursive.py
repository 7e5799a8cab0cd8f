"""A tiny recursive model: a named tuple or a dict of answer and latent as the state."""

import pytest
import torch

from loopstab import TorchLoop, diagnose

PAGE = "tiny_recursive"


def test_the_radius_is_that_of_the_dense_jacobian(page, dense):
    state = torch.stack(page.found.state)
    rho = dense(lambda s: torch.stack(page.recursion(page.State(*s), page.x)), state).abs().max()
    assert page.found.rho.value == pytest.approx(rho.item(), rel=1e-9)
    assert page.found.confirmed == "spectrum: rho < 1"
    assert isinstance(page.found.state, page.State)


def test_a_dict_is_the_same_state(page):
    def step(state, x):
        return page.recursion(page.State(**state), x)._asdict()

    found = diagnose(TorchLoop(step, lambda x: page.start(x)._asdict()), page.x)
    assert found.rho.value == pytest.approx(page.found.rho.value, rel=1e-9)
    torch.testing.assert_close(found.state["y"], page.found.state.y, rtol=0, atol=1e-12)


def test_a_step_of_three_recursions_contracts_by_the_third_power(page):
    def deep(state, x):
        for _ in range(3):
            state = page.recursion(state, x)
        return state

    found = diagnose(TorchLoop(deep, page.start), page.x)
    assert found.rho.value == pytest.approx(page.found.rho.value**3, rel=1e-9)
