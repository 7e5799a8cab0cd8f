"""Jets contain what they must: random points of their balls, in 50-digit arithmetic."""

from __future__ import annotations

import os

import flint
import numpy as np
import pytest
import torch
from dual import BITS, Dual, point_in_ball
from flint import arb

from loopstab.models.certificates.enclosed_network import EnclosedNetwork
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.numerics.enclosures import jet as jet_module
from loopstab.numerics.enclosures import rounding
from loopstab.numerics.enclosures.ball_array import BallArray
from loopstab.numerics.enclosures.functions import FUNCTIONS
from loopstab.numerics.enclosures.jet import Jet
from loopstab.numerics.enclosures.operations import layer_norm, rms_norm, softmax
from loopstab.theory.architecture import Architecture

POINTS = int(os.environ.get("LOOPSTAB_POINTS", "110"))
"""Random points of each ball; LOOPSTAB_POINTS=10000 takes about ten minutes."""
RNG = np.random.default_rng(1)
WEIGHT, BIAS = RNG.normal(size=(5, 4)), RNG.normal(size=5)
OFFSETS = RNG.normal(size=(3, 4))
MASK = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1]], float)


def _positive(x):
    return x * x + 0.5


OPERATIONS = {
    "affine": lambda x: x.affine(WEIGHT, BIAS),
    "add": lambda x: x + x.map("tanh"),
    "add constant": lambda x: x + OFFSETS,
    "subtract": lambda x: x.map("exp") - x,
    "multiply": lambda x: x * x.map("sigmoid"),
    "multiply by rows": lambda x: x * x.sum(),
    "multiply by constants": lambda x: x * OFFSETS,
    "over": lambda x: x.over(3.0),
    "sum": lambda x: x.sum(),
    "square_sum": lambda x: x.square_sum(),
    "inner": lambda x: x.inner(x.map("tanh")),
    "matmul": lambda x: x.inner(x).matmul(x.map("gelu")),
    "reshape": lambda x: x.reshape(3, 2, 2).map("tanh").reshape(3, 4).affine(WEIGHT),
    "merge": lambda x: x.map("tanh").reshape(1, 12).affine(RNG_WIDE),
    "transpose": lambda x: x.reshape(3, 2, 2).transpose(1, 0, 2).map("tanh"),
    "transpose last": lambda x: x.map("tanh").transpose(1, 0).map("tanh"),
    "index": lambda x: x.map("tanh")[..., 1:3].affine(WEIGHT[:, :2]),
    "row": lambda x: x.map("tanh")[1],
    "concatenate": lambda x: x.concatenate((x.map("tanh"), x.map("exp")), 1),
    "stack": lambda x: x.concatenate((x.map("tanh"), x), 0),
    "rms_norm": lambda x: rms_norm(x, OFFSETS[0], 1e-6),
    "layer_norm": lambda x: layer_norm(x, OFFSETS[0], OFFSETS[1], 1e-6),
    "softmax": lambda x: softmax(x.inner(x)),
    "masked softmax": lambda x: softmax(x.inner(x), MASK),
    **{name: lambda x, name=name: x.map(name) for name in FUNCTIONS},
    "rsqrt": lambda x: _positive(x).map("rsqrt"),
    "sqrt": lambda x: _positive(x).map("sqrt"),
    "log": lambda x: _positive(x).map("log"),
    "reciprocal": lambda x: _positive(x).map("reciprocal"),
}
RNG_WIDE = RNG.normal(size=(3, 12))


def violations(operation, center, directions, radius, points, seed=0) -> list[str]:
    """Random points of the ball at which a bound of the jet of an operation is violated."""
    with flint.ctx.workprec(BITS), np.errstate(invalid="ignore"):  # an infinite bound bounds all
        jet = operation(Jet.coordinates(center, directions, radius))
    assert radius > 0.01 or np.isfinite(jet.reach).all()
    rng, faults = np.random.default_rng(seed), []
    for _ in range(points):
        point, v = point_in_ball(center, directions, radius, rng)
        with flint.ctx.workprec(BITS):
            true = operation(point)
            faults += _outside(jet, true, v)
    return faults


def _outside(jet: Jet, true: Dual, v: BallArray) -> list[str]:
    """Which bounds the true value and derivative violate, certainly."""
    off = (true.value - BallArray.exact(jet.mid)).balls.ravel()
    slope = jet.gradient.reshape(-1, jet.gradient.shape[-1])
    expected = v.reshape(1, -1).affine(slope).reshape(*jet.shape)
    error = (true.tangent - expected).balls
    squares = (BallArray(error) * BallArray(error)).sum().balls
    found = []
    for name, sizes, bounds in (
        ("reach", [abs(x) for x in off], jet.reach),
        ("spread", [abs(x) for x in error.ravel()], jet.spread),
        ("block", [x.sqrt() for x in squares.ravel()], jet.block),
    ):
        bounds = np.broadcast_to(bounds, jet.shape if name != "block" else jet.shape[:-1])
        pairs = zip(sizes, bounds.ravel().tolist(), strict=True)
        found += [name for size, bound in pairs if size > arb(bound)]
    return found


@pytest.mark.parametrize("radius", [0.0, 1e-6, 0.1], ids=["point", "small", "large"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_contains_random_points(name, radius):
    center = np.random.default_rng(2).normal(size=(3, 4))
    directions = np.random.default_rng(3).normal(size=(12, 6)) / 4
    assert violations(OPERATIONS[name], center, directions, radius, POINTS) == []


@pytest.mark.parametrize(
    "name",
    [
        "external/post",
        "internal/peri",
        "external/sandwich",
        "none/pre",
        "internal/post/gru",
        "external/pre/scaled",
        "external/pre/decay",
    ],
)
@pytest.mark.parametrize("window", [None, 3], ids=["full", "window"])
def test_a_network_contains_random_points(name, window):
    config = ModelConfig(
        architecture=Architecture.parse(name), width=4, heads=2, hidden=2, window=window
    )
    model = LoopedTransformer(config, seed=4).double()
    network = EnclosedNetwork(model, 3)
    e = np.random.default_rng(5).normal(size=(3, 4))

    def step(h):
        zero = h * 0.0
        return network.head(network.step(h, zero + e))

    directions = np.random.default_rng(6).normal(size=(12, 12)) / 4
    for radius in (0.0, 1e-3):
        assert violations(step, e, directions, radius, POINTS // 2, seed=7) == []


def test_an_enclosed_network_is_the_network():
    for arch in Architecture.all():
        for window in (None, 3):
            config = ModelConfig(architecture=arch, width=8, heads=2, window=window, blocks=2)
            model = LoopedTransformer(config, seed=1).double()
            network = EnclosedNetwork(model, 5)
            x = torch.randn(
                1, 5, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(3)
            )
            with torch.no_grad():
                e = model.encode(x)
                h = model.step(model.step(e, e), e)
                logits = model.head(h)[0].numpy()
            with flint.ctx.workprec(BITS):
                made = network.encode(Jet.constant(x[0].numpy()))
                state = network.step(network.step(made, made), made)
                found = network.head(state).mid
            assert found == pytest.approx(logits, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("broken", ["unit", "gamma"])
def test_missing_rounding_is_noticed(broken, monkeypatch):
    if broken == "unit":
        for module in (jet_module, rounding):
            monkeypatch.setattr(module, "UNIT", 0.0)
        monkeypatch.setattr(rounding, "TINY", 0.0)
        names = ["multiply", "tanh", "over"]
    else:
        monkeypatch.setattr(jet_module, "gamma", lambda _: 0.0)
        monkeypatch.setattr(jet_module, "up", lambda x, _=0: x)
        names = ["affine", "square_sum"]
    center = np.random.default_rng(2).normal(size=(3, 4))
    directions = np.random.default_rng(3).normal(size=(12, 6)) / 4
    for name in names:
        assert violations(OPERATIONS[name], center, directions, 0.0, 20), name


def test_a_wrong_derivative_is_noticed(monkeypatch):
    wrong = FUNCTIONS["gelu"]
    monkeypatch.setitem(
        FUNCTIONS, "gelu", type(wrong)(wrong.value, lambda x: wrong.slope(x) * (1 - arb("1e-12")))
    )
    center = np.random.default_rng(2).normal(size=(3, 4))
    jet = Jet.coordinates(center, np.eye(12), 1e-6).map("gelu")
    monkeypatch.undo()
    point, v = point_in_ball(center, np.eye(12), 1e-9, np.random.default_rng(0))
    tight = Jet(jet.values, jet.gradient, 0 * jet.spread + 1e-14, radius=1e-9)
    with flint.ctx.workprec(BITS):
        assert _outside(tight, point.map("gelu"), v)
