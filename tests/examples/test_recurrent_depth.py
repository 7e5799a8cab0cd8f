"""A recurrent-depth transformer: the loop that `recurrence` finds is the core."""

import pytest
import torch

from loopstab import TorchLoop, diagnose

PAGE = "recurrent_depth"


def test_the_core_contracts_at_the_rate_of_its_jacobian(page, dense):
    rho = dense(lambda s: page.model.core(s, page.e), page.found.state).abs().max()
    assert page.found.rho.value == pytest.approx(rho.item(), rel=1e-6)
    assert page.found.confirmed == "spectrum: rho < 1"
    assert page.ends.same
    assert page.ends.distance < 1e-9


def test_the_model_itself_forgets_its_random_start(page):
    with torch.no_grad():
        one, two = (page.model(page.tokens, loops=100) for _ in range(2))
    torch.testing.assert_close(one, two, rtol=0, atol=1e-9)


def test_wrapped_by_hand_it_ends_at_the_same_state(page):
    model = page.model
    e = model.prelude(model.embed(page.tokens))
    found = diagnose(TorchLoop(model.core, initial=torch.randn_like), e, spectrum=False)
    assert abs(found.state - page.found.state).max() < 1e-9
