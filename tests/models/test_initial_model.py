"""The network with which a run began, against the trainer and against what training made of it."""

import pytest
import torch

from loopstab.models.network.checkpoint import load_model
from loopstab.models.network.initial_model import initial_model
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.models.training.train import Trainer
from loopstab.models.training.train_config import TrainConfig
from loopstab.models.zoo import zoo
from loopstab.theory.architecture import Architecture


def test_it_is_the_network_of_the_trainer(tmp_path):
    sizes = ModelConfig(Architecture.parse("external/peri"), width=8, heads=2)
    config = TrainConfig(sizes, seed=5)
    trainer = Trainer(config, PrefixSums(4, (1,)), tmp_path)
    model = initial_model({"config": config.to_json()})
    assert not model.training
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])


@pytest.mark.parametrize("name", ["prefix-sums-16-internal-post-s0", "kqk-none-peri-s0"])
def test_training_began_there(name):
    """Short training leaves every matrix near its start, and far from that of another seed."""
    trained, meta = load_model(zoo.load(name))
    right, wrong = initial_model(meta["run"]), initial_model(_with_seed(meta["run"], 1))
    for key, after in trained.named_parameters():
        if after.ndim == 2:
            first, other = right.get_parameter(key), wrong.get_parameter(key)
            assert torch.cosine_similarity(after.flatten(), first.flatten(), 0) > 0.5
            assert torch.cosine_similarity(after.flatten(), other.flatten(), 0) < 0.4


def test_weights_are_drawn_in_float32_whatever_the_default():
    run = zoo.describe("internal-post")["run"]
    single, double = initial_model(run), initial_model(run, torch.float64)
    for a, b in zip(single.parameters(), double.parameters(), strict=True):
        assert b.dtype == torch.float64
        assert torch.equal(a.double(), b)


def _with_seed(run, seed):
    return {**run, "config": {**run["config"], "seed": seed}}
