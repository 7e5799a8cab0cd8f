"""Modules of torch as enclosures: the values of torch, containment, and refusals by name."""

from __future__ import annotations

import flint
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dual import BITS, Dual, point_in_ball
from test_jets import _outside
from torch import nn

from loopstab.models.certificates.enclosed_network import EnclosedNetwork
from loopstab.models.certificates.module_enclosure import EnclosedModule
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.numerics.enclosures.ball_array import BallArray
from loopstab.numerics.enclosures.jet import Jet
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.theory.architecture import Architecture

DOUBLE = torch.float64
GENERATOR = torch.Generator().manual_seed(0)
CONSTANT = torch.randn(3, 4, generator=GENERATOR, dtype=DOUBLE)
SQUARE = torch.randn(4, 4, generator=GENERATOR, dtype=DOUBLE)
CAUSAL = torch.ones(3, 3).tril().bool()
PENALTY = torch.zeros(3, 3, dtype=DOUBLE).masked_fill(~CAUSAL, -torch.inf)


def module(made, seed=0):
    """The module with random weights in float64, for evaluation."""
    generator = torch.Generator().manual_seed(seed)
    made = made.double().eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator, dtype=DOUBLE) / 2)
    return made


def _in_place(x):
    y = x * 1
    y += x
    y[..., 0] = y[..., 1]
    return y


def _explicit_attention(x):
    q, k, v = x, x.tanh(), x.exp()
    return (q @ k.transpose(-1, -2) / 2).softmax(-1) @ v


def _attended(x, **options):
    return F.scaled_dot_product_attention(x, torch.tanh(x), x, **options)


def _banned(x):
    scores = (x @ x.mT).masked_fill(~CAUSAL, float("-inf"))
    return scores.softmax(-1) @ x


def _twice_banned(x):
    return torch.where(CAUSAL.mT, (x @ x.mT + PENALTY) + 0.1, 0.3).softmax(-1) @ x


GRU, LSTM = module(nn.GRUCell(4, 4)), module(nn.LSTMCell(4, 4))
HEADS = module(nn.MultiheadAttention(4, 2, batch_first=True))
OPERATIONS = {
    "arithmetic": lambda x: (2 - x) * x + CONSTANT * x / 3 - x / CONSTANT - (1 + x),
    "division": lambda x: 1 / (x * x + 1) + x / (x.exp() + 1),
    "scaled sum": lambda x: torch.add(x, x.tanh(), alpha=0.3) - torch.sub(x, 1, alpha=0.1),
    "broadcast": lambda x: x.sum(-1, keepdim=True) * x + x[0] * x + x[:, :1] * x[:1],
    "powers": lambda x: x**2 + x.pow(3) + (x * x + 1).sqrt() + (x * x + 1) ** -0.5 + x.square(),
    "elementary": lambda x: x.exp() + x.sin() + x.cos() + torch.erf(x) + (x * x + 1).log(),
    "activations": lambda x: F.gelu(x) + F.gelu(x, approximate="tanh") + F.silu(x) + x.sigmoid(),
    "kinks": lambda x: x.abs() + F.relu(x) + F.leaky_relu(x, 0.1) + x.clamp(-0.5, 0.5),
    "hard": lambda x: F.hardtanh(x) + F.relu6(x) + torch.maximum(x, CONSTANT) + x.clamp(min=0.1),
    "minimum": lambda x: torch.minimum(x, x.tanh()) + torch.minimum(CONSTANT, x),
    "sums": lambda x: x.mean(0) + x.sum(0, keepdim=True) + x.mean((0, 1), keepdim=True),
    "spread": lambda x: x.var(-1, keepdim=True) + x.std(0) + x.norm(dim=-1, keepdim=True),
    "normalize": lambda x: F.normalize(x, dim=-1),
    "affine": lambda x: x @ SQUARE + SQUARE[:3, :3] @ x + F.linear(x, SQUARE, SQUARE[0]),
    "products": lambda x: x.mT.matmul(x) + torch.einsum("ij,ik->jk", x, x.tanh()),
    "batches": lambda x: (x.view(3, 1, 2, 2) @ x.view(1, 3, 2, 2)).sum(0),
    "vectors": lambda x: x @ x[0] + x[:, 0] @ x.mT[0:1].mT,
    "shapes": lambda x: (
        x.reshape(2, 6).t().unflatten(0, (3, 2)).flatten(1).view(3, 2, 2).permute(2, 0, 1)
    ),
    "pieces": lambda x: torch.cat([*x.chunk(2, -1)[::-1], x.split([1, 3], -1)[1], x[:, ::2]], -1),
    "stack": lambda x: torch.stack([x, x.tanh()], 1).squeeze() + torch.ones(3, 1, 1, dtype=DOUBLE),
    "moves": lambda x: (
        x.roll(1, -1) + x.flip(0) + x.expand(2, 3, 4)[1] + x[[2, 0, 1]] + F.pad(x[1:], (0, 0, 1, 0))
    ),
    "choices": lambda x: (
        torch.where(CONSTANT > 0, x, x.exp()) + x.masked_fill(CONSTANT > 0, 2.0) + x.triu()
    ),
    "elu": lambda x: F.elu(x, 0.5),
    "in place": _in_place,
    "constants": lambda x: (
        x * torch.arange(4) + torch.ones_like(x) + x * torch.cos(torch.arange(4.0))
    ),
    "softmax": lambda x: x.softmax(-1) + x.softmax(0) + F.softmax(x, dim=1),
    "attention": _explicit_attention,
    "fused attention": _attended,
    "fused, scaled": lambda x: _attended(x, scale=0.3),
    "fused, causal": lambda x: _attended(x, is_causal=True),
    "fused, mask": lambda x: _attended(x, attn_mask=CAUSAL),
    "fused, penalty": lambda x: _attended(x[None, None], attn_mask=PENALTY + 0.1)[0, 0],
    "banned pairs": _banned,
    "twice banned": _twice_banned,
    "rms_norm": lambda x: F.rms_norm(x, (4,), CONSTANT[0], 1e-6) + F.rms_norm(x, (4,)),
    "layer_norm": lambda x: (
        F.layer_norm(x, (4,), CONSTANT[0], CONSTANT[1]) + F.layer_norm(x, (3, 4))
    ),
    "linear": module(
        nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Dropout(0.5), nn.Linear(5, 4, bias=False))
    ),
    "norms": module(
        nn.Sequential(nn.RMSNorm(4), nn.Tanh(), nn.LayerNorm(4), nn.SiLU(), nn.Sigmoid())
    ),
    "gru": lambda x: GRU(x, x.tanh()),
    "lstm": lambda x: torch.cat(LSTM(x, (x.tanh(), x)), -1),
    "torch's attention": lambda x: HEADS(x[None], x[None], x[None])[0],
    "torch's block": module(nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)),
    "torch's norm-first block": module(
        nn.TransformerEncoderLayer(4, 2, 6, activation="gelu", norm_first=True)
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_that_of_torch_and_contains_random_points(name):
    function = OPERATIONS[name]
    center = torch.randn(3, 4, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    with torch.no_grad():
        expected = function(center).numpy()
    enclosed = EnclosedModule.of(function, center)
    with flint.ctx.workprec(BITS):
        assert enclosed(BallArray.exact(center.numpy())).mid == pytest.approx(
            expected, rel=1e-12, abs=1e-12
        )
    directions = np.random.default_rng(3).normal(size=(12, 6)) / 4
    for radius in (0.0, 1e-3):
        with flint.ctx.workprec(BITS):
            jet = enclosed(Jet.coordinates(center.numpy(), directions, radius))
            assert jet.mid == pytest.approx(expected, rel=1e-12, abs=1e-12)
            assert np.isfinite(jet.reach).all()
        rng = np.random.default_rng(0)
        for _ in range(20):
            point, v = point_in_ball(center.numpy(), directions, radius, rng)
            with flint.ctx.workprec(BITS):
                assert _outside(jet, enclosed(point), v) == []
    assert isinstance(point, Dual)


@pytest.mark.parametrize(
    ("architecture", "window"),
    [
        ("external/post", None),
        ("internal/peri", 3),
        ("none/sandwich", None),
        ("internal/post/gru", None),
    ],
)
def test_the_network_of_the_project_is_enclosed_as_by_hand(architecture, window):
    config = ModelConfig(
        architecture=Architecture.parse(architecture), width=4, heads=2, hidden=2, window=window
    )
    model = LoopedTransformer(config, seed=4).double().eval()
    e = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(2), dtype=DOUBLE)
    traced, written = EnclosedModule.of(model.step, e, e), EnclosedNetwork(model, 3)
    directions = np.random.default_rng(6).normal(size=(12, 12)) / 4
    for radius in (0.0, 1e-3):
        with flint.ctx.workprec(BITS):
            given = e[0].numpy()
            one = traced(Jet.coordinates(e.numpy(), directions, radius), Jet.constant(e.numpy()))[0]
            two = written.step(Jet.coordinates(given, directions, radius), Jet.constant(given))
        assert one.mid == pytest.approx(two.mid, rel=1e-12, abs=1e-12)
        assert one.gradient == pytest.approx(
            two.gradient, rel=1e-12 + radius, abs=1e-12 + radius**2
        )
        assert one.reach == pytest.approx(two.reach, rel=0.2, abs=1e-12)


class Ordered(nn.Module):
    """A module that sorts."""

    def forward(self, x):
        """The entries in order."""
        return self.chosen(x)

    def chosen(self, x):
        """Not called forward, and yet the place is found."""
        return x.sort(-1).values


class Counting(nn.Module):
    """A module that counts its calls."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1, dtype=DOUBLE))

    def forward(self, x):
        """One more every time."""
        self.calls += 1
        return x * self.calls


def _branch(x):
    return x if x.sum() > 0 else -x


NARROW, TRAINED = nn.Linear(4, 4).eval(), nn.Sequential(nn.Dropout(0.5)).double()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            nn.Sequential(nn.Linear(4, 4), Ordered()).double().eval(),
            r"test_modules.py, line \d+ \(return x.sort\(-1\).values\), in the module 1 of class"
            r" Ordered: the operation aten.sort.default",
        ),
        (lambda x: x.cumsum(-1), r"test_modules.py, line \d+ .*aten.cumsum.default"),
        (lambda x: F.softplus(x), "aten.softplus.default"),
        (
            nn.Conv1d(3, 3, 1).double().eval(),
            "^code of torch, in the module itself of class Conv1d: the operation aten.convolution",
        ),
        (lambda x: torch.where(x > 0, x, -x), "aten.gt.Scalar is not among"),
        (lambda x: x * x.mean(), "aten.mean.default gives a single number: pass keepdim=True"),
        (lambda x: x**0.3, "has the exponent 0.3"),
        (lambda x: x.masked_fill(~CAUSAL[:, 2:], -torch.inf).exp(), "minus infinity, which only"),
        (lambda x: x.masked_fill(CAUSAL[:, :1], -torch.inf).softmax(-1) * x, "a row of minus"),
        (lambda x: x / torch.zeros(4, dtype=DOUBLE), "divides by zero"),
        (lambda x: x.float().double(), "changes to float32: stay in float64"),
        (lambda x: x + torch.rand(3, 4), "aten.rand.default draws random numbers"),
        (lambda x: (x, x), "must return one tensor"),
        (_branch, r"test_modules.py, line \d+ \(return x if x.sum.*depends on the values"),
        (Counting().eval(), "change neither its arguments nor its buffers"),
        (lambda x: torch.from_numpy(np.tanh(x.numpy())), "torch cannot export the step"),
        (NARROW, "the weight weight is in float32.*module.double"),
        (lambda x: NARROW(x), "the weight NARROW.weight is in float32"),
        (TRAINED, r"the module itself \(Sequential\) is in training mode: call module.eval"),
        (lambda x: TRAINED(x), r"the module TRAINED \(Sequential\) is in training mode"),
        (lambda x: F.dropout(x, 0.5), "aten.native_dropout.default is not among"),
    ],
)
def test_what_cannot_be_enclosed_is_refused_by_name_and_place(function, words, capfd):
    x = torch.ones(3, 4, dtype=DOUBLE)
    with pytest.raises(LoopstabError, match=words):
        EnclosedModule.of(function, x)(BallArray.exact(x.numpy()))
    assert capfd.readouterr() == ("", "")


def test_equal_arguments_are_two():
    x = torch.ones(3, 4, dtype=DOUBLE)
    made = EnclosedModule.of(lambda h, e: h - 2 * e, x, x)
    assert made.uses(0)
    assert made.uses(1)
    found = made(BallArray.exact(x.numpy()), BallArray.exact(3 * x.numpy()))
    assert found.mid == pytest.approx(-5 * x.numpy())


def test_what_depends_on_no_argument_is_constant():
    x = torch.ones(3, 4, dtype=DOUBLE)
    made = EnclosedModule.of(lambda h, e: torch.tanh(CONSTANT) + 0 * e, x, x)
    assert not made.uses(0)
    constant = EnclosedModule.of(lambda h: torch.tanh(CONSTANT), x)
    assert constant(BallArray.exact(x.numpy())).mid == pytest.approx(CONSTANT.tanh().numpy())


def test_constants_take_the_ball_of_what_they_meet():
    y = Jet.coordinates(np.array([[0.3, -1.0]]), np.eye(2), 0.05)
    fixed = Jet.constant(np.array([[1.0, 2.0]]))
    mixed = (fixed + y, fixed * y, fixed.inner(y), fixed.matmul(y.transpose(1, 0)))
    for jet in (*mixed, fixed.concatenate((fixed, y), 0)):
        assert jet.radius == 0.05
    assert (fixed + y).reach == pytest.approx(y.reach, rel=1e-9)
    with pytest.raises(UsageError, match="do not mix"):
        y + Jet.coordinates(np.zeros((1, 2)), np.eye(2), 0.1)
