"""Closed-form counts of parameters and flops against the tensors themselves and torch's flop
counter.
"""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from loopstab.models.network.flops import flops
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.theory.architecture import Architecture

CASES = [(1, None, 1, 9), (1, 5, 1, 9), (1, 5, 1, 40), (2, None, 1, 9), (2, 3, 2, 9)]


def counted(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


@pytest.mark.parametrize(("axes", "window", "blocks", "cells"), CASES)
@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_counts(architecture, axes, window, blocks, cells):
    config = ModelConfig(
        architecture,
        channels=3,
        classes=5,
        width=16,
        heads=2,
        hidden=3,
        axes=axes,
        window=window,
        blocks=blocks,
    )
    model = LoopedTransformer(config)
    assert model.parameter_count() == sum(p.numel() for p in model.parameters())
    x, tokens, f = torch.randn(2, cells, 3), 2 * cells, model.flops(cells)
    assert f == flops(config, cells)
    e = model.encode(x).detach()
    for folded in (False, True):
        context = model.prepare(e, folded)
        saved = f.mix if folded else 0
        assert (
            counted(lambda c=context: model.advance(e, c))
            == tokens * (f.iteration - saved) + 2 * f.filling
        )
    assert counted(lambda: model.head(e)) == tokens * f.head
    assert counted(lambda: model(x, 1)) == f.forward(tokens, 1) + 2 * f.filling
    assert (
        counted(lambda: model(x, 4)) == f.forward(tokens, 4, folded=f.mix > 0) + 2 * 4 * f.filling
    )


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_training_counts(architecture, folded):
    """Three forward passes; the encoder's input needs no gradient, and with n = 0 every loop's
    input does.
    """
    model = LoopedTransformer(
        ModelConfig(architecture, channels=3, classes=5, width=16, heads=2, window=None)
    )
    x, f = torch.randn(2, 6, 3), model.flops(6)

    def work():
        e = model.encode(x)
        h, context = model.initial(e), model.prepare(e, folded)
        for _ in range(3):
            h = model.advance(h, context)
        model.head(h).sum().backward()

    assert counted(work) == f.training(12, 0, 3, folded and f.mix > 0) - 12 * 2 * 3 * 16


def test_of_a_window_only_the_products_within_it_are_work():
    """A score and a value of width 16 each: 2 * 2 * 16 per neighbour; 40 cells are 2 runs of 20
    with 24 keys.
    """
    five, seven = (flops(ModelConfig(width=16, heads=2, window=w), 40) for w in (5, 7))
    assert seven.iteration - five.iteration == 2 * 64
    assert five.filling == 64 * (2 * 20 * 24 - 40 * 5)
