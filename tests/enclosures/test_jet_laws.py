"""Laws of jets: any composition of operations contains the twin, also for hostile arguments."""

from __future__ import annotations

import flint
import numpy as np
import pytest
from dual import BITS, point_in_ball
from hypothesis import given, settings
from hypothesis import strategies as st
from test_jets import MASK, OFFSETS, _outside

from loopstab.numerics.enclosures.jet import Jet
from loopstab.numerics.enclosures.operations import layer_norm, rms_norm, softmax

SQUARE = np.random.default_rng(8).normal(size=(8, 4))[::2]  # strided
STEPS = {
    "affine": lambda x: x.affine(SQUARE, OFFSETS[1]),
    "transposed weight": lambda x: x.affine(SQUARE.T),
    "norm": lambda x: rms_norm(x, OFFSETS[0], 1e-12),
    "layer norm": lambda x: layer_norm(x, OFFSETS[0], OFFSETS[1], 1e-12),
    "attention": lambda x: softmax(x.inner(x.map("tanh"))).matmul(x),
    "window": lambda x: softmax(x.inner(x), MASK).matmul(x.map("sigmoid")),
    "gelu": lambda x: x.map("gelu"),
    "silu": lambda x: x.map("silu"),
    "relu": lambda x: x.map("relu"),
    "gate": lambda x: x * x.map("sigmoid"),
    "by rows": lambda x: x * x.square_sum().map("sigmoid"),
    "by a column": lambda x: x * OFFSETS[:, :1],
    "residual": lambda x: x + x.map("tanh"),
    "from a constant": lambda x: -x + OFFSETS,
    "over": lambda x: x.over(-7.0),
    "heads": lambda x: x.reshape(3, 2, 2).transpose(1, 0, 2).transpose(1, 0, 2).reshape(3, 4),
    "halves": lambda x: x.concatenate((x[..., 2:], -x[..., :2]), 1),
    "rows": lambda x: x.concatenate((x[1:], x[:1]), 0),
    "all rows": lambda x: x.transpose(1, 0).map("tanh").transpose(1, 0),
    "row by row": lambda x: x * x[1],
}


def faults(operation, center, directions, radius, points=4, seed=0):
    """Violated bounds, as in `test_jets`, where bounds may also be infinite."""
    with flint.ctx.workprec(BITS), np.errstate(invalid="ignore", over="ignore"):
        jet = operation(Jet.coordinates(center, directions, radius))
        bounds = jet.reach, jet.block
    rng, found = np.random.default_rng(seed), []
    for _ in range(points):
        point, v = point_in_ball(center, directions, radius, rng)
        with flint.ctx.workprec(BITS):
            found += _outside(jet, operation(point), v)
    return found, all(np.isfinite(bound).all() for bound in bounds)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=5),
    st.integers(0, 10**6),
    st.sampled_from([1e-170, 1e-8, 0.3, 3.0, 40.0]),
    st.sampled_from([0.0, 1e-160, 1e-9, 1e-2]),
    st.sampled_from([1, 5, 12]),
)
def test_compositions_contain_their_twin(names, seed, scale, radius, n):
    rng = np.random.default_rng(seed)
    center = scale * rng.normal(size=(4, 3)).T  # not contiguous
    directions = min(scale, 1.0) * rng.normal(size=(n, 12)).T

    def compose(x):
        for name in names:
            x = STEPS[name](x)
        return x

    assert faults(compose, center, directions, radius, seed=seed)[0] == []


@given(st.integers(0, 10**6), st.sampled_from([1e-9, 1e-3]))
@settings(max_examples=20, deadline=None)
def test_bounds_of_a_smaller_ball_are_smaller(seed, radius):
    center = np.random.default_rng(seed).normal(size=(3, 4))
    small, large = (
        STEPS["attention"](Jet.coordinates(center, np.eye(12), r)) for r in (radius / 10, radius)
    )
    assert (small.spread <= large.spread).all()
    assert (small.reach <= large.reach).all()


CENTER = np.random.default_rng(2).normal(size=(3, 4))
HOSTILE = {
    "huge gain": (CENTER, lambda x: rms_norm(x, 1e12 * OFFSETS[0], 1e-6)),
    "tiny gain": (CENTER, lambda x: rms_norm(x, 1e-200 * OFFSETS[0], 1e-6).map("gelu")),
    "near-zero tokens": (1e-7 * CENTER, lambda x: rms_norm(x, OFFSETS[0], 1e-12)),
    "zero tokens": (0 * CENTER, lambda x: rms_norm(x, OFFSETS[0], 1e-12)),
    "zero tokens, layer norm": (0 * CENTER, lambda x: layer_norm(x, OFFSETS[0], 0.0, 1e-12)),
    "scores of size 50": (CENTER, lambda x: softmax(x.inner(x) * 50.0).matmul(x)),
    "scores of size 1000": (CENTER, lambda x: softmax(x.inner(x) * 1000.0).matmul(x)),
    "masked scores of size 50": (CENTER, lambda x: softmax(x.inner(x) * 50.0, MASK).matmul(x)),
    "saturated GELU": (CENTER - 40, lambda x: x.map("gelu").map("exp")),
    "saturated gates": (CENTER * 400, lambda x: x.map("sigmoid") * x.map("tanh")),
    "underflow": (1e-170 * CENTER, lambda x: (x * x).affine(1e150 * SQUARE) + x),
    "overflow": (1e160 * CENTER, lambda x: (x * x).map("tanh") + x),
    "a kink": (0 * CENTER, lambda x: x.map("relu").affine(SQUARE)),
}


@pytest.mark.parametrize("n", [1, 12])
@pytest.mark.parametrize("radius", [0.0, 1e-9])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arguments_are_contained(name, radius, n):
    center, operation = HOSTILE[name]
    directions = np.random.default_rng(3).normal(size=(12, n)) / 4
    found, finite = faults(operation, center, directions, radius, points=40)
    assert found == []
    assert finite or name == "overflow"
