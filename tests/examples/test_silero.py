"""The LSTM of Silero VAD, driven by a constant sound."""

from importlib.metadata import PackageNotFoundError, distribution

import pytest
import torch

from loopstab import newton

PAGE = "silero"

try:
    distribution("silero-vad")
except PackageNotFoundError:
    pytest.skip("needs silero-vad: pip install 'loopstab[silero]'", allow_module_level=True)


def test_the_fixed_point_is_that_of_newton_and_its_radius_that_of_the_jacobian(page, dense):
    e = page.features(torch.zeros(576))
    h = torch.zeros(1, 128)
    with torch.no_grad():
        for _ in range(3000):
            h = page.cell(e, h if isinstance(h, tuple) else (h, h))
    point = newton(page.loop, h, e)
    assert point.converged
    values = dense(lambda s: torch.stack(page.cell(e, tuple(s))), torch.stack(point.state)).abs()
    assert values.max().item() == pytest.approx(0.9991865, abs=1e-7)
    assert (values >= 0.99).sum() == 9
    assert page.speech(point.state[0]) == pytest.approx(0.0092, abs=1e-4)


def test_the_verdict_on_a_sound_is_that_of_the_dense_jacobian(page, dense):
    """The last sound of the page."""
    e = page.features(page.wave)
    point = newton(page.loop, page.found.state, e)
    values = dense(lambda s: torch.stack(page.cell(e, tuple(s))), torch.stack(point.state)).abs()
    assert point.converged
    assert page.found.rho.value == pytest.approx(values.max().item(), rel=1e-9)
    assert page.found.slow_modes == (values >= 0.99).sum()
