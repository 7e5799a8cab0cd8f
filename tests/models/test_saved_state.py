"""States and results of a run that are damaged, altered or forged."""

import json
import shutil

import pytest
import torch
from altered_checkpoint import DEEP, altered, setting, trainer, weight

from loopstab.models.network.checkpoint import Checkpoint
from loopstab.models.training.saved_state import STATE
from loopstab.models.training.train import MODEL, RESULT
from loopstab.support.errors import LoopstabError

STATES = {
    "step": (setting("step", 10**6), "step must be a whole number from 0 to 13"),
    "a step of text": (setting("step", "4"), "step must be a whole number"),
    "no step": (setting("step", None), "step is missing"),
    "bits": (setting("course", {"bits": 400, "polish_from": -1}), "course.bits must be"),
    "polish": (setting("course", {"bits": 4, "polish_from": 9}), "course.polish_from must be"),
    "course": (setting("course", {"bits": 4}), "course.polish_from is missing"),
    "parts": (setting("parts", 8), "8 parts"),
    "no parts": (setting("parts", 0), "parts must be a whole number from 1"),
    "more": (setting("more", 0), "'more' is unknown"),
    "history": (
        setting(
            "history", [{"step": 5, "level": "4", "loss": 0.0, "gradient": 0.0, "solved": 0.0}]
        ),
        "step 4, history up to 5",
    ),
    "lr": (setting("config.lr", 0.5), "lr 0.5 there, 0.001 asked"),
    "no config": (setting("config", []), "config must be an object"),
    "another weight": (weight("model.encoder.bias", torch.zeros(9)), "size mismatch"),
    "a tensor of nothing": (weight("what", torch.zeros(9)), "what"),
    "no such optimiser": (weight("optimizer.7.0.step", torch.zeros(())), "belongs to no weight"),
    "no such number": (weight("optimizer.0.-1.step", torch.zeros(())), "belongs to no weight"),
    "no such moment": (weight("optimizer.0.0.sum", torch.zeros(())), "belongs to no weight"),
    "a moment of another shape": (weight("optimizer.0.0.exp_avg", torch.zeros(3)), "no weight"),
    "a lost moment": (lambda c: c.tensors.pop("optimizer.0.0.exp_avg"), "lacks exp_avg"),
    "no number": (weight("optimizer.0.0.exp_avg", torch.full((8,), torch.nan)), "is not finite"),
}


@pytest.mark.parametrize(("change", "words"), STATES.values(), ids=STATES)
def test_states_that_are_forged(begun, tmp_path, change, words):
    altered(begun / STATE, tmp_path / STATE, change)
    with pytest.raises(LoopstabError) as error:
        trainer(tmp_path)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_a_damaged_state_and_one_that_is_whole(begun, run, tmp_path):
    raw = bytearray((begun / STATE).read_bytes())
    raw[-9] ^= 4
    (tmp_path / STATE).write_bytes(raw)
    with pytest.raises(LoopstabError, match="restore it from a copy"):
        trainer(tmp_path)
    shutil.copy(begun / STATE, tmp_path / STATE)
    trainer(tmp_path).run(progress=False)
    a, b = (Checkpoint.load(folder / MODEL).tensors for folder in (run, tmp_path))
    assert all(torch.equal(a[name], b[name]) for name in a)


RESULTS = {
    "empty": b"",
    "cut": b"{",
    "a list": b"[]",
    "not a record": b"{}",
    "deep": DEEP.encode(),
    "NaN": b'{"task": NaN}',
    "not UTF-8": b'{"task": "\xff"}',
}


@pytest.mark.parametrize("raw", RESULTS.values(), ids=RESULTS)
def test_results_that_are_damaged(run, tmp_path, raw):
    for name in (STATE, MODEL):
        shutil.copy(run / name, tmp_path / name)
    (tmp_path / RESULT).write_bytes(raw)
    with pytest.raises(LoopstabError, match=r"result\.json is damaged \(.*\): delete it") as error:
        trainer(tmp_path).run(progress=False)
    assert "\n" not in str(error.value)
    (tmp_path / RESULT).unlink()
    trainer(tmp_path).run(progress=False)
    again, before = (json.loads((folder / RESULT).read_text()) for folder in (tmp_path, run))
    assert again["accuracy"] == before["accuracy"]
