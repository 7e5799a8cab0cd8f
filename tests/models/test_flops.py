"""Closed-form counts of parameters and flops against the tensors themselves and torch's flop counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from models.config import ModelConfig
from models.flops import flops
from models.transformer import LoopedTransformer
from theory.architecture import Architecture

CASES = [(1, None, 1), (1, 5, 1), (2, None, 1), (2, 3, 2)]


def counted(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


@pytest.mark.parametrize(("axes", "window", "blocks"), CASES)
@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_counts(architecture, axes, window, blocks):
    config = ModelConfig(architecture, channels=3, classes=5, width=16, heads=2, hidden=3, axes=axes, window=window, blocks=blocks)
    model = LoopedTransformer(config)
    assert model.parameter_count() == sum(p.numel() for p in model.parameters())
    x, cells = torch.randn(2, 9, 3), 9
    tokens, f = 2 * cells, model.flops(cells)
    assert f == flops(config, cells)
    e = model.encode(x).detach()
    for folded in (False, True):
        context = model.prepare(e, folded)
        saved = f.mix if context.folded else 0
        assert counted(lambda c=context: model.advance(e, c)) == tokens * (f.iteration - saved)
    assert counted(lambda: model.head(e)) == tokens * f.head
    assert counted(lambda: model(x, 1)) == f.forward(tokens, 1)
    assert counted(lambda: model(x, 4)) == f.forward(tokens, 4, folded=f.mix > 0)


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_training_counts(architecture, folded):
    """Three forward passes; the encoder's input needs no gradient, and with n = 0 every loop's input does."""
    model = LoopedTransformer(ModelConfig(architecture, channels=3, classes=5, width=16, heads=2, window=None))
    x, f = torch.randn(2, 6, 3), model.flops(6)

    def work():
        e = model.encode(x)
        h, context = model.initial(e), model.prepare(e, folded)
        for _ in range(3):
            h = model.advance(h, context)
        model.head(h).sum().backward()

    assert counted(work) == f.training(12, 0, 3, folded and f.mix > 0) - 12 * 2 * 3 * 16


def test_window_counts_what_torch_does_not():
    """5 neighbours, a score and a value each of width 16: 2 * 2 * 5 * 16; a wider window changes nothing else."""
    five, seven = (flops(ModelConfig(width=16, heads=2, window=w), 9) for w in (5, 7))
    assert (five.windowed, seven.windowed) == (320, 448)
    assert five.iteration == seven.iteration
