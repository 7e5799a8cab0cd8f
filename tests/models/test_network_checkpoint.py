"""Checkpoints of a network: written whole or not at all, and read back to the same bits."""

import errno
import os

import pytest
import torch

from loopstab.models.network.checkpoint import Checkpoint, load_model, save_model
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.support.errors import LoopstabError, UsageError


@pytest.fixture
def saved(tmp_path):
    model = LoopedTransformer(ModelConfig(width=16, heads=2))
    return model, save_model(tmp_path / "m.safetensors", model, {"note": 1})


def test_checkpoint_round_trip(saved):
    model, path = saved
    back, meta = load_model(path)
    assert meta["note"] == 1
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), back.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("keep", [0, 5, 100, 5000])
def test_truncated_checkpoint(saved, keep):
    path = saved[1]
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(LoopstabError, match="corrupt or truncated"):
        load_model(path)


def test_other_files(tmp_path, saved):
    with pytest.raises(UsageError, match="no checkpoint"):
        load_model(tmp_path / "absent.safetensors")
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(LoopstabError, match="not one written by loopstab"):
        load_model(tmp_path / "foreign.safetensors")
    whole = Checkpoint.load(saved[1])
    Checkpoint({k: v for k, v in whole.tensors.items() if "encoder" not in k}, whole.meta).save(
        tmp_path / "cut.safetensors"
    )
    with pytest.raises(LoopstabError, match="altered"):
        load_model(tmp_path / "cut.safetensors")


@pytest.mark.parametrize(
    "change", [{"window": "5"}, {"qk_norm": "x"}, {"architecture": 3}, {"width": 15}, {"depth": 2}]
)
def test_altered_configuration(saved, change):
    whole = Checkpoint.load(saved[1])
    Checkpoint(whole.tensors, {**whole.meta, "model": {**whole.meta["model"], **change}}).save(
        saved[1]
    )
    with pytest.raises(LoopstabError) as error:
        load_model(saved[1])
    assert "\n" not in str(error.value)


def test_full_disk_leaves_the_old_file(saved, monkeypatch):
    model, path = saved
    old = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LoopstabError, match="No space left"):
        save_model(path, model, {"note": 2})
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]
