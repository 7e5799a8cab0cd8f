"""Hypotheses of the claims, measured on loops for which the answer is known."""

import numpy as np
import pytest
import torch

from loopstab import Outcome, predict
from loopstab.models.loops.torch_loop import TorchLoop
from loopstab.models.measure.hypotheses import (
    escapes,
    full_rank,
    hull_distance,
    independent,
    measured_weights,
)
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.theory.architecture import Architecture


def model_of(architecture, **sizes):
    sizes = {"channels": 1, "classes": 2, "axes": 1, "width": 4, "heads": 2, **sizes}
    return LoopedTransformer(ModelConfig(Architecture.parse(architecture), **sizes)).double()


def flat(model, attention, mlp):
    """The same model with updates that are their output biases alone."""
    with torch.no_grad():
        block = model.blocks[0]
        for layer, bias in ((block.attention.update.o, attention), (block.mlp.update.down, mlp)):
            layer.weight.zero_()
            layer.bias.copy_(torch.tensor(bias).double())
    return model


X = torch.linspace(-1, 1, 6).double().view(2, 3, 1)


@pytest.mark.parametrize("recall", ["none", "internal"])
def test_a_constant_update_is_as_far_from_zero_as_it_is_long(recall):
    pre = flat(model_of(f"{recall}/pre"), [3.0, 0, 0, 0], [0, 4.0, 0, 0])
    assert hull_distance(pre, X) == pytest.approx(5 * 3**0.5)  # three tokens of length 5
    # after a norm both have length 2 = sqrt(4), at right angles
    peri = flat(model_of(f"{recall}/peri"), [3.0, 0, 0, 0], [0, 4.0, 0, 0])
    assert hull_distance(peri, X) == pytest.approx(8**0.5 * 3**0.5, rel=1e-5)
    prediction = predict(peri.config.architecture, measured_weights(peri, X, (), None))
    assert prediction.expected is Outcome.DRIFT


def test_the_bound_of_the_hull_is_below_every_sampled_update():
    model = model_of("none/pre", width=8)
    with torch.no_grad():
        for sub in (model.blocks[0].attention.update.o, model.blocks[0].mlp.update.down):
            sub.weight.mul_(0.01)
            sub.bias.copy_(torch.arange(8) + 1.0)
    bound = hull_distance(model, X)
    h = 10 * torch.randn(200, 3, 8, generator=torch.Generator().manual_seed(0)).double()
    e = model.encode(X[:1]).expand(200, 3, 8)
    values = (model.step(h, e) - h).flatten(1).detach()
    mean = float(values.mean(0).norm())  # in the hull
    assert 0.5 * mean < bound < mean


@pytest.mark.parametrize("architecture", ["none/pre", "internal/peri", "external/pre", "none/post"])
def test_no_distance_is_found_where_there_is_none_or_r3_says_nothing(architecture):
    assert hull_distance(model_of(architecture), X) is None
    assert hull_distance(flat(model_of("none/pre"), [1.0] * 4, [-1.0] * 4), X) is None


def escaping(scale, offset=0.0):
    """h' = 2 h + e + b + u with |u| <= 5, from h_0 = e."""
    model = flat(model_of("external/pre"), [3.0, 0, 0, 0], [0, 4.0, 0, 0])
    with torch.no_grad():
        model.w_x.weight.copy_(2 * torch.eye(4))
        model.w_e.weight.copy_(torch.eye(4))
        model.w_e.bias.fill_(offset)
        model.encoder.weight.fill_(scale)
        model.encoder.bias.fill_(-offset)
    return model


def test_a_start_beyond_the_escape_radius_diverges_and_one_at_the_fixed_point_does_not():
    far = escaping(1000.0)
    x = X[1:] + 1
    assert escapes(far, x) is True
    prediction = predict(far.config.architecture, measured_weights(far, x, (), None))
    assert prediction.expected is Outcome.EXPLOSION
    # e + b = 0 and h_0 = e = -u: this start is the fixed point h = 2 h + u
    still = escaping(0.0)
    with torch.no_grad():
        still.encoder.bias.copy_(torch.tensor([-3.0, -4.0, 0, 0]))
        still.w_e.weight.zero_()
    loop = TorchLoop.of(still)
    e = still.encode(x).detach().numpy()
    np.testing.assert_array_equal(loop.step(e, e), e)
    assert escapes(still, x) is False


@pytest.mark.parametrize("architecture", ["external/post", "internal/pre", "none/pre"])
def test_escape_is_no_question(architecture):
    assert escapes(model_of(architecture), X) is None


def test_escape_is_no_question_below_one():
    model = escaping(1.0)
    with torch.no_grad():
        model.w_x.weight.mul_(0.4)
    assert escapes(model, X) is None


def rank_by_differences(model, h, e):
    """The rank of the derivative of a step by the last linear map."""
    down = model.blocks[0].mlp.update.down
    given = [torch.from_numpy(z) for z in (h, e)]
    rows = []
    for i in range(h.size):
        grads = torch.autograd.grad(model.step(*given).flatten()[i], (down.weight, down.bias))
        rows.append(torch.cat([g.flatten() for g in grads]).numpy())
    return np.linalg.matrix_rank(np.array(rows), tol=1e-9)


@pytest.mark.parametrize("architecture", ["none/pre", "internal/post", "external/peri"])
def test_the_rank_of_the_last_map_against_the_derivative_itself(architecture):
    model = model_of(architecture)
    h = np.random.default_rng(0).standard_normal((1, 3, 4))
    e = model.encode(X[:1]).detach().numpy()
    assert rank_by_differences(model, h, e) == 12
    assert full_rank(model, [(h, e)]) is True
    h[0, 2], e[0, 2] = h[0, 1], e[0, 1]  # equal tokens, without positions
    model.blocks[0].attention.update.o.weight.data.zero_()
    assert rank_by_differences(model, h, e) == 8
    assert full_rank(model, [(h, e)]) is None


def test_rank_needs_gains_points_and_an_additive_residual():
    model, point = model_of("none/post"), (np.ones((1, 1, 4)), np.ones((1, 1, 4)))
    assert full_rank(model, [point]) is True
    assert full_rank(model, []) is None
    with torch.no_grad():
        model.blocks[0].mlp.outer.gain[0] = 0
    assert full_rank(model, [point]) is None
    assert full_rank(model_of("none/post/gru"), [point]) is None


def test_more_tokens_than_hidden_units_are_dependent():
    assert not independent(np.random.default_rng(0).standard_normal((6, 5)))
    assert independent(np.random.default_rng(0).standard_normal((5, 5)))
