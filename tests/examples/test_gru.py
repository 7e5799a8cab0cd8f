"""Fixed points of a trained GRU: the memories and the saddles between them."""

import numpy as np
import pytest
import torch

from loopstab import TorchLoop, diagnose

PAGE = "gru"


def test_every_memory_is_stable_and_the_saddles_are_not(page, dense):
    for point in (*page.found.stable, *page.found.unstable):
        values = dense(lambda h: page.cell(page.silence, h), point.state).abs()
        assert point.rho.value == pytest.approx(values.max().item(), rel=1e-9)
        assert point.unstable == (values > 1).sum()
        assert np.abs(point.state).max() <= 1  # the cube that a GRU maps to itself


def test_the_indices_add_up_to_one(page, dense):
    """The Lefschetz number of a map of a cube to itself is 1."""
    signs = [
        torch.prod(1 - dense(lambda h: page.cell(page.silence, h), point.state)).real.sign()
        for point in (*page.found.stable, *page.found.unstable)
    ]
    assert sum(signs) == 1


def test_a_pulse_writes_a_bit_that_stays(page):
    for bits in ([1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]):
        with torch.no_grad():
            written = page.cell(torch.tensor([bits]), torch.zeros(1, 8))
        loop = TorchLoop(lambda h, e: page.cell(e, h), initial=written)
        found = diagnose(loop, page.silence)
        assert str(found.outcome) == "fixed-point"
        read = page.read(torch.tensor(found.state)).detach().round().ravel().tolist()
        assert read == bits
        assert min(np.abs(found.state - p.state).max() for p in page.found.stable) < 1e-9
