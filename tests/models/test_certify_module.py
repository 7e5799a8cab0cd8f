"""Certificates of loops of a user's own: the four parts, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_certificates import X, trained
from torch import nn

from loopstab import TorchLoop, certify_module
from loopstab.models.certificates.certify_loop import certify_loop
from loopstab.numerics.enclosures.contraction import NotCertified
from loopstab.support.errors import LoopstabError, UsageError

DOUBLE = torch.float64


class Equilibrium(nn.Module):
    """A deep equilibrium layer: LayerNorm(h + W_2 relu(W_1 h) + U x)."""

    def __init__(self, width=6, inputs=2):
        super().__init__()
        self.up, self.down = nn.Linear(width, 8), nn.Linear(8, width)
        self.norm, self.recall = nn.LayerNorm(width), nn.Linear(inputs, width)

    def forward(self, h, x):
        """The next state."""
        return self.norm(h + 0.3 * self.down(torch.relu(self.up(h))) + self.recall(x))


class PostNorm(nn.Module):
    """A block of torch's own layers with recall."""

    def __init__(self, width=6):
        super().__init__()
        self.block = nn.TransformerEncoderLayer(width, 2, 8, batch_first=True)
        self.state, self.recall = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, h, e):
        """The next state."""
        return self.block(0.5 * self.state(h) + self.recall(e))


def made(kind, *shape):
    """A random module, an initial state and an input."""
    torch.manual_seed(0)
    module = kind().double().eval()
    return module, torch.zeros(1, 3, 6, dtype=DOUBLE), torch.randn(*shape, dtype=DOUBLE)


@pytest.mark.parametrize(
    ("kind", "shape", "rank"), [(Equilibrium, (1, 3, 2), 6), (PostNorm, (1, 3, 6), 12)]
)
def test_all_four_parts_of_a_module_are_proved(kind, shape, rank):
    step, h, e = made(kind, *shape)
    torch.manual_seed(1)
    readout = nn.Linear(6, 3).double().eval()
    found = certify_module(step, h, e, readout)
    assert found.complete, found.unproved
    assert (found.loop, found.shape, found.dependence.rank) == (kind.__name__, (1, 3, 6), rank)
    with torch.no_grad():  # the float orbit does what was proved
        states = [h]
        for _ in range(300):
            states.append(step(states[-1], e))
        limit = states[-1]
        for t in range(found.answer.settled, 300):
            assert tuple(readout(states[t])[0].argmax(-1).tolist()) == found.answer.classes[0]
        far = [float((h - limit).norm()) for h in states]
    first = next(t for t, size in enumerate(far) if size <= found.attraction.radius / 2)
    for t in range(first, 300):
        bound = found.attraction.condition * found.attraction.rate ** (t - first) * far[first]
        assert far[t] <= bound + 1e-14
    jacobians = torch.autograd.functional.jacobian(step, (limit, e))
    j, k = (m.reshape(18, -1).numpy() for m in jacobians)
    sizes = np.linalg.svd(np.linalg.solve(np.eye(18) - j, k), compute_uv=False)
    assert found.dependence.least <= sizes[rank - 1] <= found.dependence.least * 1.01
    assert sizes[0] <= found.dependence.largest <= sizes[0] * 1.01


def test_without_a_readout_convergence_is_proved():
    step, h, e = made(Equilibrium, 1, 3, 2)
    found = certify_module(step, h, e)
    assert found.complete
    assert found.answer.classes == ()
    assert "there is no readout" in found.sentences()[2]
    assert found.to_json()["shape"] == (1, 3, 6)


def test_a_loop_without_recall_forgets_nothing_but_its_input():
    def step(h, e):
        return 0.5 * torch.tanh(h) + 0 * e.sum(-1, keepdim=True) * 0

    def alone(h, e):
        return 0.5 * torch.cos(h)

    given = torch.full((3,), 0.2, dtype=DOUBLE)
    found = certify_module(alone, given, given)
    assert found.complete
    assert found.dependence.constant_bits > 0
    found = certify_module(step, given, given)  # e enters, with the factor 0
    assert found.dependence.rank == 0
    assert found.dependence.largest < 1e-9


def test_a_cycle_of_a_function_is_proved():
    zero = torch.zeros(2, dtype=DOUBLE)
    found = certify_module(lambda h, e: -2 * torch.tanh(h) + e, zero + 0.5, zero + 0.01)
    assert found.complete, found.unproved
    assert found.attraction.period == 2


def test_the_network_of_the_project_has_the_same_certificate():
    loop = trained(scale=4.0)
    by_hand, _ = certify_loop(loop, X)
    with torch.no_grad():
        e = loop.model.encode(torch.from_numpy(X)[None])
    model = loop.model.requires_grad_(False)
    traced = certify_module(model.step, e, e, model.head)
    assert traced.complete
    assert traced.answer.classes == by_hand.answer.classes
    assert traced.answer.settled == by_hand.answer.settled
    assert traced.attraction.rate == pytest.approx(by_hand.attraction.rate, rel=1e-3)
    assert traced.dependence.rank == by_hand.dependence.rank
    assert traced.dependence.least == pytest.approx(by_hand.dependence.least, rel=1e-3)


class Remembers(nn.Module):
    """A module with a memory that torch does not see."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, h, e):
        """Another function at every call."""
        self.calls += 1
        return 0.1 * self.calls * h + e


ONE = torch.ones(2, dtype=DOUBLE)


@pytest.mark.parametrize(
    ("step", "h0", "e", "error", "words"),
    [
        (lambda h, e: h.sort().values, ONE, ONE, LoopstabError, "aten.sort"),
        (lambda h, e: 2 * h + e, ONE, ONE, NotCertified, "does not settle|not finite"),
        (lambda h, e: torch.cat([h, e]), ONE, ONE, LoopstabError, "shape .4,. for a state"),
        (lambda h, e: h + e, ONE.float(), ONE, UsageError, "h0 is in float32"),
        (lambda h, e: h + e, ONE, ONE.long(), UsageError, "e is in int64"),
        (lambda h, e: h + e, ONE * torch.nan, ONE, UsageError, "finite numbers"),
        (lambda h, e: h + e, ONE[0], ONE, UsageError, "at least one axis"),
        (Remembers().eval(), ONE, ONE, LoopstabError, "a memory between calls"),
    ],
)
def test_what_is_not_certified_is_refused(step, h0, e, error, words):
    with pytest.raises(error, match=words):
        certify_module(step, h0, e, loops=1500)


def test_a_readout_must_return_logits():
    def step(h, e):
        return 0.5 * torch.tanh(h) + e

    with pytest.raises(LoopstabError, match="logits"):
        certify_module(step, ONE, ONE, lambda h: h[:1])
    found = certify_module(step, ONE, ONE, lambda h: h)  # both logits are equal
    assert "margin" in found.unproved["answer"]
    assert not found.complete


def test_a_loop_keeps_its_step_on_tensors():
    def step(h, e):
        return h + e

    assert TorchLoop(step, torch.zeros_like).torch_step is step
