"""Repeating a shipped run: equal bits for equal settings, part of the way, and wrong requests."""

from __future__ import annotations

import pytest
import torch

from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.network.checkpoint import Checkpoint, load_model
from loopstab.models.tasks.registry import recorded_task
from loopstab.models.training.train import Trainer
from loopstab.models.zoo import zoo
from loopstab.models.zoo.repetition import recorded_config, repeat
from loopstab.support.errors import UsageError

NAME = "sudoku-4x4-internal-post-s0"


@pytest.mark.parametrize("name", [n for n in zoo.names() if "w256" not in n])
def test_settings_are_those_of_the_record(name: str):
    config = zoo.describe(name)["run"]["config"]
    again = recorded_config(zoo.describe(name)["run"]).to_json()
    for key in ("model", "schedule"):
        assert config[key].items() <= again[key].items()
    plain = {key: value for key, value in config.items() if key not in ("model", "schedule")}
    assert plain.items() <= again.items()


def test_part_of_a_run_is_the_run_after_so_many_steps(tmp_path):
    path = repeat(NAME, tmp_path / "part", share=0.004)
    model, meta = load_model(path)
    assert meta["run"]["steps"] == 2  # 500 steps in all
    run = zoo.describe(NAME)["run"]
    whole = Trainer(recorded_config(run), recorded_task(run), tmp_path / "whole")
    whole.train_step()
    whole.train_step()
    for one, other in zip(model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert TrainedLoop.open(path).level == TrainedLoop.open(zoo.load(NAME)).level


def test_repeating_again_takes_no_further_step(tmp_path):
    first = Checkpoint.load(repeat(NAME, tmp_path, share=0.002))
    second = Checkpoint.load(repeat(NAME, tmp_path, share=0.002))
    for name, tensor in first.tensors.items():
        assert torch.equal(tensor, second.tensors[name])


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_share_must_be_one(share: float, tmp_path):
    with pytest.raises(UsageError, match="share"):
        repeat(NAME, tmp_path, share=share)


def test_unknown_name(tmp_path):
    with pytest.raises(UsageError, match="no shipped checkpoint"):
        repeat("nothing", tmp_path)
