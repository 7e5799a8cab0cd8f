"""A trained block on the map of N6: exact where the law holds, and against differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from loopstab.models.measure.mean_field import effective, effective_block
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.support.errors import UsageError
from loopstab.theory.architecture import Architecture


def normalised(z: np.ndarray) -> np.ndarray:
    return z / np.sqrt(np.mean(z**2))


def gaussian_loop(a: float, sigma: float, beta: float, width: int = 600):
    """The loop of N6 at its fixed point: J_z, DN(z), z and h."""
    rng = np.random.default_rng(3)
    jz = a * np.eye(width) + sigma * rng.normal(size=(width, width)) / width**0.5
    e = normalised(rng.normal(size=width))
    h = e
    for _ in range(400):
        z = jz @ h + beta * e
        h = normalised(z)
    derivative = (np.eye(width) - np.outer(h, h) / width) / np.sqrt(np.mean(z**2))
    return jz, derivative, z, h


@pytest.mark.parametrize("a", [0.0, 1.0])
def test_gaussian_loop_lies_on_the_law(a: float):
    found = effective(*gaussian_loop(a, 0.7, 1.5), tokens=1)
    assert found.a == pytest.approx(a, abs=0.01)
    assert found.sigma == pytest.approx(0.7, rel=0.01)
    assert found.beta == pytest.approx(1.5, rel=1e-9)
    assert found.radius == pytest.approx(1, rel=0.06)
    assert found.rank == pytest.approx(0.5, rel=0.05)
    assert found.coupling == 0
    for rho in (found.rho, found.rotated, found.plain):
        assert rho == pytest.approx(found.law, rel=0.06)


def test_low_rank_and_aligned_directions_break_the_law_and_a_rotation_mends_it():
    jz, _, _, h = gaussian_loop(0.0, 0.0, 1.0)
    width = len(h)
    v = np.linalg.qr(np.random.default_rng(1).normal(size=(width, 5)))[0]
    jz = 3 * v @ v.T  # symmetric: it writes where it reads
    e = normalised(np.random.default_rng(2).normal(size=width))
    e -= v @ (v.T @ e)  # no part of the input lies there
    z = 6 * e
    h = normalised(z)
    derivative = (np.eye(width) - np.outer(h, h) / width) / np.sqrt(np.mean(z**2))
    found = effective(jz, derivative, z, h, tokens=1)
    assert found.radius > 5
    assert found.rank == pytest.approx(5 / width, rel=0.2)
    assert found.rho == pytest.approx(3 / np.sqrt(np.mean(z**2)), rel=0.01)
    assert found.rotated < found.rho / 4
    assert found.law < found.rho / 4


def test_against_differences():
    model = LoopedTransformer(ModelConfig(width=8, heads=2)).double()
    h = e = np.random.default_rng(0).normal(size=(1, 3, 8))
    block = model.blocks[-1]

    def before_norm(x: np.ndarray) -> np.ndarray:
        seen = []
        hook = block.mlp.outer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        with torch.no_grad():
            model.step(torch.from_numpy(x), torch.from_numpy(e))
        hook.remove()
        return seen[0].numpy().ravel()

    basis = np.eye(24).reshape(24, 1, 3, 8)
    jz = np.stack(
        [(before_norm(h + 1e-6 * v) - before_norm(h - 1e-6 * v)) / 2e-6 for v in basis], axis=1
    )
    found = effective_block(model, h, e)
    a = np.trace(jz) / 24
    assert found.a == pytest.approx(a, rel=1e-6)
    assert found.sigma == pytest.approx(np.linalg.norm(jz - a * np.eye(24)) / 24**0.5, rel=1e-6)
    assert found.stretch == pytest.approx(np.linalg.norm(before_norm(h)) / np.linalg.norm(h))
    assert 0 < found.coupling < 1
    step = model.step(torch.from_numpy(h), torch.from_numpy(e))
    assert torch.equal(step, model.step(torch.from_numpy(h), torch.from_numpy(e)))


def test_a_loop_without_outer_norm_is_refused():
    config = ModelConfig(Architecture.parse("internal/peri"), width=8, heads=2)
    model = LoopedTransformer(config).double()
    with pytest.raises(UsageError, match="no outer norm"):
        effective_block(model, np.ones((1, 3, 8)), np.ones((1, 3, 8)))
