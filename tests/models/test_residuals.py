"""The residuals `scaled` and `decay` in the network: formulas, counts, a training step, limits."""

import numpy as np
import pytest
import torch

from loopstab.models.certificates.certify_loop import certify_loop
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.models.training.run_spec import RunSpec
from loopstab.theory.architecture import Architecture


def model_of(text, **options):
    config = ModelConfig(Architecture.parse(text), width=16, heads=2, **options)
    return LoopedTransformer(config, 3).double()


def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 1, 5, 16, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("text", ["internal/pre", "external/post", "none/peri"])
def test_a_strength_near_one_leaves_the_update_and_near_zero_the_state(text):
    model = model_of(f"{text}/scaled")
    h, e = pair()
    with torch.no_grad():
        for sub in (model.blocks[0].attention, model.blocks[0].mlp):
            sub.strength.fill_(-40.0)
        stream = model.w_x(h) + model.w_e(e) if "external" in text else h
        for sub in (model.blocks[0].attention, model.blocks[0].mlp):
            stream = sub.outer(stream) if sub.norms_sum else stream
        assert torch.allclose(model.step(h, e), stream, atol=1e-12)


@pytest.mark.parametrize("text", ["internal/pre", "external/pre", "none/peri", "external/post"])
def test_a_stream_that_decays_is_the_plain_loop_on_the_decayed_state(text):
    plain, model = model_of(text), model_of(f"{text}/decay")
    weights = {k: v for k, v in plain.state_dict().items() if k in model.state_dict()}
    assert sorted(model.load_state_dict(weights, strict=False).missing_keys) == ["decay"]
    h, e = pair()
    with torch.no_grad():
        model.decay.copy_(torch.linspace(-2, 2, 16))
        shrunk = torch.sigmoid(model.decay) * h
        if plain.w_x is not None and "external" in text:
            assert model.w_x is None
            plain.w_x.weight.copy_(torch.eye(16))  # z = A h + W_e e + b
        assert torch.allclose(model.step(h, e), plain.step(shrunk, e), atol=1e-12)


def test_where_the_state_stays():
    for text in ("internal/pre/scaled", "none/peri/scaled", "external/pre/decay", "none/pre/decay"):
        model = model_of(text)
        h, e = pair()
        with torch.no_grad():
            h = 1e4 * h
            for _ in range(60):
                h = model.step(h, e)
        assert h.abs().max() < 100, text


@pytest.mark.parametrize("residual", ["scaled", "decay"])
def test_the_learnt_numbers_get_gradients(residual):
    model = model_of(f"external/pre/{residual}", blocks=2)
    model(torch.randn(2, 5, 1, dtype=torch.float64), loops=3).sum().backward()
    named = {k: p for k, p in model.named_parameters() if k.split(".")[-1] in ("strength", "decay")}
    assert len(named) == (4 if residual == "scaled" else 1)
    assert all(p.grad.abs().max() > 0 for p in named.values())


def test_names_of_old_runs_are_unchanged():
    known = {"internal/post": "1d79575eb703", "external/pre/gru": "b97b51bbfd9a"}
    for architecture, name in known.items():
        assert RunSpec(task="prefix-sums", architecture=architecture).id("data") == name
    old = ModelConfig(Architecture.parse("internal/post")).to_json()
    assert set(old) == {
        *("architecture", "channels", "classes", "width", "heads", "hidden", "blocks", "axes"),
        *("window", "qk_norm", "rope_base", "eps"),
    }


@pytest.mark.parametrize(
    ("text", "rank"),
    [("external/pre/scaled", 24), ("external/post/decay", 21), ("none/pre/decay", 0)],
)
def test_a_certificate(text, rank):
    config = ModelConfig(Architecture.parse(text), width=8, heads=2)
    model = LoopedTransformer(config, seed=0).double().eval()
    trained = TrainedLoop(model, {}, PrefixSums(16), "16")
    certificate, _ = certify_loop(trained, np.array([[0.0], [1.0], [1.0]]))
    assert certificate.attraction.rate < 1
    assert certificate.dependence.rank == rank  # d - 1 per token under outer norm
    assert certificate.answer.margin > 0
