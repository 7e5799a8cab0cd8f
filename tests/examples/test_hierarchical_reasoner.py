"""A two-level reasoner: a truncated gradient is found, and the map is measured all the same."""

import pytest
import torch

from loopstab import TorchLoop, diagnose, loop_report

PAGE = "hierarchical_reasoner"


def radius(page, dense, whole):
    state = torch.stack(page.twin.state)

    def flat(z):
        return torch.stack(page.step(tuple(z), page.x, whole=whole))

    return dense(flat, state).abs().max().item()


def test_the_contradiction_is_the_truncated_gradient(page, dense):
    truncated, twin = page.truncated, page.twin
    assert "is not the derivative of the map" in truncated.contradiction
    assert truncated.confirmed is None
    assert "one-step gradients" in truncated.action
    assert not loop_report(TorchLoop(page.step, page.start), page.x).passed
    assert not twin.contradiction
    assert twin.rho.value == pytest.approx(radius(page, dense, True), rel=1e-9)
    assert truncated.rho.value == pytest.approx(twin.rho.value, rel=1e-6)
    assert abs(radius(page, dense, False) - twin.rho.value) > 0.01
    for one, other in zip(truncated.state, twin.state, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


def test_two_slow_updates_to_a_step_leave_no_gradient(page):
    def step(state, x):
        with torch.no_grad():
            state = page.step(state, x)
        with torch.no_grad():
            z_h, z_l = state
            for _ in range(2):
                z_l = page.update(page.low, z_l, z_h, x)
        z_l = page.update(page.low, z_l, z_h, x)
        return page.update(page.high, z_h, z_l), z_l

    found = diagnose(TorchLoop(step, page.start), page.x)
    assert str(found.outcome) == "fixed-point"
    assert found.confirmed is None
    assert "gradient" in found.advice + found.contradiction
    assert found.rate == pytest.approx(page.twin.rate**2, rel=0.01)
