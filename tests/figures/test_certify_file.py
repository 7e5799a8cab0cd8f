"""The command loopstab certify, on a Python file."""

import json

LOOP = """
import torch
from torch import nn
torch.manual_seed(0)
layer = nn.Linear(3, 3).double().eval()
readout = nn.Linear(3, 2).double().eval()
def step(h, e):
    return {step}
def initial(e):
    return torch.zeros_like(e)
e = torch.ones(2, 3, dtype=torch.float64)
"""
WRAPPED = """
import torch, numpy as np
from loopstab import TorchLoop
loop = TorchLoop(lambda h, e: 0.5 * torch.tanh(h) + e, torch.zeros_like)
step, initial, e = loop.step, loop.initial, np.ones(3)
"""


def test_a_file_is_certified(called, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(LOOP.format(step="torch.tanh(0.5 * layer(h) + e)"))
    found = json.loads(called("certify", file, "--json"))
    assert found["complete"]
    assert (found["loop"], found["shape"], len(found["answer"]["classes"][0])) == (
        "step",
        [2, 3],
        2,
    )
    text = called("certify", file)
    assert "mine.py (step, a state of 2 x 3 numbers)" in text
    assert "for any number of iterations" in " ".join(text.split())


def test_a_torch_loop_can_be_diagnosed_and_certified(called, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(WRAPPED)
    assert json.loads(called("certify", file, "--json"))["complete"]
    assert "fixed-point" in called("diagnose", file)


def test_what_a_file_does_wrong_is_said(called, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(LOOP.format(step="h.sort(-1).values + e"))
    said = called("certify", file, status=1)
    assert f"{file}, line 8 (return h.sort(-1).values + e)" in " ".join(said.split())
    assert "aten.sort.default" in said
    file.write_text(LOOP.format(step="h + e"))
    refused = json.loads(called("certify", file, "--loops", "9", "--json", status=1, shown="out"))
    assert "does not settle" in refused["refused"]
    assert "are for checkpoints" in called("certify", file, "--input", "2", status=2)
    file.write_text("e = 1")
    assert "defines no step, initial" in called("certify", file, status=2)
    assert "no Python file" in called("certify", tmp_path / "none.py", status=2)


def test_the_certificate_of_a_file_is_proved_again(called, tmp_path):
    file, out = tmp_path / "mine.py", tmp_path / "mine.safetensors"
    file.write_text(LOOP.format(step="torch.tanh(0.5 * layer(h) + e)"))
    made = json.loads(called("certify", file, "--out", out, "--json"))
    again = json.loads(called("certify", file, "--verify", out, "--json"))
    assert again["verified"]
    assert again["attraction"] == made["attraction"]
    assert "from mine.py and the file alone" in " ".join(
        called("certify", file, "--verify", out).split()
    )
    assert "not a certificate of this kind" in called("certify", "--verify", out, status=1)
    file.write_text(LOOP.format(step="torch.tanh(0.6 * layer(h) + e)"))
    assert "not proved again" in called("certify", file, "--verify", out, status=1, shown="out")
    altered = out.read_bytes().replace(b"step", b"stop")
    out.write_bytes(altered)
    said = " ".join(called("certify", file, "--verify", out, status=1).split())
    assert "do not agree with its checksum" in said


def test_without_a_readout_the_certificate_is_proved_again(called, tmp_path):
    file, out = tmp_path / "mine.py", tmp_path / "mine.safetensors"
    file.write_text(WRAPPED)
    called("certify", file, "--out", out)
    assert json.loads(called("certify", file, "--verify", out, "--json"))["verified"]
