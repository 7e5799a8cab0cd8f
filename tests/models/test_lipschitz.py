"""Lipschitz bounds of trained loops, and the command that prints them."""

import json

import numpy as np
import pytest
import torch

from loopstab import FunctionLoop, UsageError
from loopstab.models.measure.lipschitz import largest_stretch, lipschitz_record
from loopstab.models.measure.network_bounds import block_weights, network_strength
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.zoo import zoo
from loopstab.numerics.spectra.linearisation import Linearisation
from loopstab.theory.architecture import Architecture


def test_bounds_of_a_checkpoint_and_its_threshold():
    record = lipschitz_record(zoo.load("internal-post"), name="x", loops=200, tau=(1.0, 1e4))
    assert record.settled
    assert record.dominates
    assert record.stretch <= record.point <= record.ball <= record.space
    assert 100 < record.tau_0 < 2000
    weak, strong = record.strengths
    assert weak.kappa > 1
    assert strong.stretch <= strong.kappa < 1
    assert strong.one_point


def test_json_has_no_infinite_number():
    record = lipschitz_record(zoo.load("external-post"), loops=2, tau=(1.0,))
    assert not record.settled
    assert (
        json.loads(json.dumps(record.to_json(), allow_nan=False))["strengths"][0]["kappa"] == "inf"
    )


@pytest.mark.parametrize("name", ["internal-peri", "none-post"])
def test_no_threshold_where_l2_says_nothing(name):
    record = lipschitz_record(zoo.load(name), loops=20, tau=(2.0,))
    assert record.tau_0 is None
    assert record.strengths == ()
    assert record.dominates


def test_the_stretch_of_a_known_matrix():
    # two tokens of width 1: the largest row sum of |J| is the norm
    j = np.array([[1.0, -2.0], [0.5, 0.25]])
    loop = FunctionLoop(lambda h, e: (j @ h.ravel()).reshape(h.shape) + e, np.copy)
    h = np.zeros((1, 2, 1))
    assert largest_stretch(Linearisation(loop, h, h), h.shape) == pytest.approx(3.0, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"radius": -1.0}, "radius"), ({"loops": 0}, "loops"), ({"tau": (0.0,)}, "strength")],
)
def test_bad_numbers_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        lipschitz_record(zoo.load("none-post"), **options)


def test_networks_without_bounds_are_refused():
    sizes = {"width": 8, "heads": 2}
    with pytest.raises(UsageError, match="one block"):
        block_weights(LoopedTransformer(ModelConfig(blocks=2, **sizes)))
    gated = ModelConfig(architecture=Architecture.parse("internal/post/gru"), **sizes)
    with pytest.raises(UsageError, match="residual add"):
        block_weights(LoopedTransformer(gated))
    peri = LoopedTransformer(
        ModelConfig(architecture=Architecture.parse("internal/peri"), **sizes)
    ).double()
    with pytest.raises(UsageError, match="post-norm"):
        network_strength(peri, block_weights(peri), torch.zeros(1, 5, 8, dtype=torch.float64))
