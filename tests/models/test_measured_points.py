"""Limits in float64: truncated gradients against unrolled loops, sensitivities against matrices."""

import numpy as np
import pytest
import torch

from loopstab.models.forecast.measured_gradients import (
    MOST,
    TruncationErrors,
    kreiss_at,
    truncation_errors,
)
from loopstab.models.forecast.measured_points import rate_at, sensitivity_at, settled_limits
from loopstab.models.measure.recall_record import jacobians
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.theory.architecture import Architecture

TASK = PrefixSums(4)
BATCH = TASK.batch(3, "4", torch.Generator().manual_seed(0))


def contracting(architecture):
    """A loop whose updates are small beside the recall, or that stands still without recall."""
    config = ModelConfig(Architecture.parse(architecture), width=8, heads=2, eps=1e-12)
    model = LoopedTransformer(config, 1).double().eval()
    with torch.no_grad():
        if model.w_x is not None:
            model.w_x.weight.mul_(0.3)
    return model


@pytest.fixture(scope="module", params=["external/post", "internal/post"])
def found(request):
    model = contracting(request.param)
    limits, tried = settled_limits(model, BATCH.x, [2, 0, 1], 1, 3000)
    assert tried == 1
    return model, limits[0]


def test_a_limit_is_a_fixed_point_of_its_input(found):
    model, limit = found
    e = model.encode(BATCH.x[2:].double()).detach().numpy()
    assert limit.input == 2
    assert np.array_equal(limit.e, e)
    with torch.no_grad():
        image = model.step(torch.from_numpy(limit.h), torch.from_numpy(e)).numpy()
    assert np.abs(image - limit.h).max() < 1e-10


def test_rate_against_the_matrix(found):
    model, limit = found
    j, _ = jacobians(model, limit.h[0], limit.e[0])
    rho = np.abs(np.linalg.eigvals(j)).max()
    at = rate_at(model, limit)
    assert at["rho"] == pytest.approx(rho, rel=1e-5)
    assert np.hypot(*at["eigenvalue"]) == pytest.approx(rho, rel=1e-5)
    bound = kreiss_at(model, limit)
    assert 0.99 <= bound <= np.linalg.cond(np.linalg.eig(j)[1])


@pytest.mark.parametrize("dense", [True, False])
def test_sensitivity_against_the_matrix(found, dense):
    model, limit = found
    j, k = jacobians(model, limit.h[0], limit.e[0])
    s = np.linalg.solve(np.eye(len(j)) - j, k)
    values = np.linalg.svd(s, compute_uv=False)
    at = sensitivity_at(model, limit, dense)
    along = np.linalg.norm(s @ limit.change.ravel()) / np.linalg.norm(limit.change)
    assert at["norm"] == pytest.approx(values[0], rel=1e-3)
    assert at["by_derivative"] == pytest.approx(along, rel=1e-6)
    assert at["by_differences"] == pytest.approx(along, rel=1e-2)
    if dense:
        # the outer norm leaves one direction of each of the 4 tokens out (N4)
        assert at["rank"] == 4 * 7
        assert at["smallest"] == pytest.approx(values[27], rel=1e-3)
    else:
        assert at["rank"] is at["smallest"] is None


def test_without_recall_nothing_depends_on_the_embedding_of_the_step():
    """A3, at a limit that attracts: by differences zero up to rounding."""
    model = contracting("none/post")
    with torch.no_grad():  # an update that is almost constant, and large, draws all states to it
        model.blocks[0].mlp.update.down.bias.copy_(torch.linspace(-20, 20, 8))
    limits, _ = settled_limits(model, BATCH.x, [0, 1], 2, 3000)
    assert len(limits) == 2
    for limit in limits:
        at = sensitivity_at(model, limit, True)
        assert at["norm"] == at["by_derivative"] == at["rank"] == 0
        assert at["by_differences"] < 1e-6


def test_gradients_against_unrolled_loops(found):
    """The gradient through the last k iterations, as autograd computes it."""
    model, limit = found
    x, target = BATCH.x[2:].double(), BATCH.target[2:]
    errors = truncation_errors(model, TASK, x, target, limit.h)
    names = [name for name, _ in model.named_parameters() if not name.startswith("head")]

    def unrolled(k):
        model.zero_grad()
        h, e = torch.from_numpy(limit.h), model.encode(x)
        for _ in range(k):
            h = model.step(h, e)
        TASK.loss(model.head(h), target).backward()
        parts = [dict(model.named_parameters())[name].grad for name in names]
        return torch.cat([g.flatten() for g in parts if g is not None])

    exact = unrolled(300)
    model.zero_grad(set_to_none=True)
    assert errors.norm == pytest.approx(float(exact.norm()), rel=1e-6)
    assert errors.errors[0] == 1
    for k in (1, 2, 5, 9):
        expected = float((unrolled(k) - exact).norm() / exact.norm())
        assert errors.errors[k] == pytest.approx(expected, rel=1e-4, abs=1e-9)
    model.zero_grad(set_to_none=True)


def test_parameters_are_left_as_they_were(found):
    model, limit = found
    model.requires_grad_(False)
    truncation_errors(model, TASK, BATCH.x[2:].double(), BATCH.target[2:], limit.h)
    assert not any(p.requires_grad for p in model.parameters())
    model.requires_grad_(True)


@pytest.mark.parametrize("factor", [0.3, 0.9, 0.99])
def test_the_law_of_errors_is_found(factor):
    k = np.arange(MOST + 1)
    early = 0.5 * 0.1**k  # a transient
    found = TruncationErrors(1.0, 0.0, 0.2 * factor**k + early).to_json()
    assert found["factor"] == pytest.approx(factor, rel=1e-3)
    assert found["constant"] == pytest.approx(0.2, rel=2e-2)
    assert found["errors"]["2"] == pytest.approx(0.2 * factor**2 + 0.005)


def test_too_few_errors_give_no_law():
    assert TruncationErrors(1.0, 0.0, np.array([1.0, 1e-3, 1e-9, 0, 0])).fit() is None
