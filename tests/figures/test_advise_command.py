"""`loopstab advise` on files of users and on checkpoints."""

import json

import pytest

FLIP = """import numpy as np
e = np.array([[0.1, 0.2], [0.3, 0.1], [0.0, 0.5]])
initial = np.zeros_like
def step(h, e):
    return e - 1.2 * np.tanh(h)
"""


@pytest.fixture
def write(tmp_path):
    def written(text):
        file = tmp_path / "mine.py"
        file.write_text(text)
        return file

    return written


def test_rows_of_the_file_are_inputs(called, write):
    file = write(FLIP + "def readout(h):\n    return h > 0\n")
    found = json.loads(called("advise", file, "--inputs", "2", "--loops", "200", "--json"))
    assert found["before"]["counts"] == {"2-cycle": 2}
    first = found["rows"][0]
    assert (first["name"], first["claim"], first["rank"]) == ("damp", "S1", 1)
    assert first["verdict"] == "2 of 2 inputs settle instead of 0"
    assert first["unchanged"] is not None
    text = called("advise", file, "--inputs", "2", "--loops", "200")
    assert "2 of 2 inputs do not settle" in text
    assert "S1: damping keeps the fixed points" in text


def test_without_inputs_the_whole_of_e_is_one_input(called, write):
    found = json.loads(called("advise", write(FLIP), "--loops", "200", "--json"))
    assert found["before"]["counts"] == {"2-cycle": 1}


def test_tensors_and_a_good_loop(called, write):
    file = write(
        "import torch\ne = torch.ones(2, 3).double()\ninitial = torch.zeros_like\n"
        "def step(h, e):\n    return 0.5 * torch.tanh(h) + e\n"
    )
    assert "nothing needs a change" in called("advise", file, "--inputs", "2")


def test_the_readout_of_a_step_on_tensors_gets_tensors(called, write):
    file = write(
        "import torch\ntorch.manual_seed(0)\nhead = torch.nn.Linear(3, 2).double()\n"
        "e = 0.3 * torch.randn(2, 3).double()\ninitial = torch.zeros_like\n"
        "def step(h, e):\n    return e - 1.2 * torch.tanh(h)\n"
        "def readout(h):\n    return head(h).argmax(-1)\n"
    )
    found = json.loads(called("advise", file, "--inputs", "2", "--loops", "200", "--json"))
    assert found["rows"][0]["unchanged"] in (0.0, 0.5, 1.0)


WRONG = {
    "too many rows": (FLIP, ("--inputs", "4"), "e has 3 rows"),
    "no rows": (FLIP + "e = None\n", ("--inputs", "1"), "no common first axis"),
    "no inputs": (FLIP, ("--inputs", "0"), "--inputs must be"),
    "few loops": (FLIP, ("--loops", "3"), "at least 16"),
    "a readout of floats": (FLIP + "readout = np.sin\n", (), "readout returned float64"),
    "a readout that is none": (FLIP + "readout = 3\n", (), "readout is int, not a function"),
    "data for a file": (FLIP, ("--data", "x"), "--data and --level are for checkpoints"),
    "a level for a file": (FLIP, ("--level", "hard"), "--data and --level are for checkpoints"),
    "a step that fails": (FLIP + "def step(h, e):\n    return h.no\n", (), "line 7"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_requests_are_one_line(name, called, write):
    text, options, said = WRONG[name]
    out = called("advise", write(text), *options, status=2)
    assert said in out
    assert len(out.strip().splitlines()) == 1


def test_a_checkpoint_with_its_accuracy(called):
    out = called(
        "advise",
        "prefix-sums-16-none-post-s1",
        "--inputs",
        "2",
        "--loops",
        "40",
        "--limit",
        "40",
        "--products",
        "20",
        "--json",
    )
    found = json.loads(out)
    assert found["before"]["right"] is not None
    assert {row["name"] for row in found["rows"] if row["tried"]} >= {"add recall", "fewer loops"}
    assert "no shipped checkpoint" in called("advise", "nothing", status=2)


def test_a_damaged_checkpoint_ends_with_status_one(called, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"{}")
    assert "corrupt or truncated" in called("advise", tmp_path / "model.safetensors", status=1)
