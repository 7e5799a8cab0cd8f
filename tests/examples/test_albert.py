"""The shared layer of ALBERT, applied for ever."""

import pytest
import torch

pytest.importorskip("transformers", reason="needs transformers: pip install 'loopstab[test]'")
from loopstab import TorchLoop, diagnose, recurrence

PAGE = "albert"


@pytest.fixture(scope="module")
def tokens():
    return torch.arange(6)[None]


def test_the_radius_is_that_of_the_dense_jacobian(page, dense):
    rho = dense(page.layer, page.first.state).abs().max().item()
    assert page.first.rho.value == pytest.approx(rho, rel=1e-6)
    assert page.first.confirmed == page.second.confirmed == "spectrum: rho < 1"


def test_the_encoder_is_the_loop_cut_off(page, tokens):
    e = page.model.embeddings(tokens)
    h = page.loop.initial(e)
    for _ in range(page.config.num_hidden_layers):
        h = page.loop.step(h, e)
    with torch.no_grad():
        wanted = page.model(tokens).last_hidden_state.numpy()
    assert abs(h - wanted).max() < 1e-12


def test_recurrence_finds_the_same_loop(page, tokens):
    loop, e = recurrence(page.model, "encoder.albert_layer_groups.0", tokens)
    state, embedded = loop.initial(e), page.model.embeddings(tokens)
    assert abs(state - page.loop.initial(embedded)).max() < 1e-12
    assert abs(loop.step(state, e) - page.loop.step(state, embedded)).max() < 1e-12


def test_input_injection_keeps_the_sentences_apart(page, tokens):
    loop = TorchLoop(lambda h, e: page.layer(h + e), initial=torch.zeros_like)
    ends = [
        diagnose(loop, page.model.encoder.embedding_hidden_mapping_in(page.model.embeddings(t)))
        for t in (tokens, tokens + 10)
    ]
    assert [str(end.outcome) for end in ends] == ["fixed-point"] * 2
    assert abs(ends[0].state - ends[1].state).max() > 0.1
