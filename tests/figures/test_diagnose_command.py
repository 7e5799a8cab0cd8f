"""`loopstab diagnose` on files of users: checks, batches, comparisons, tensors."""

import json

import pytest

NUMPY = "import numpy as np\ne = np.array([[1.0], [3.0]])\ninitial = np.zeros_like\n"
TORCH = "import torch\ne = torch.ones(2).double()\ninitial = torch.zeros_like\n"


@pytest.fixture
def write(tmp_path):
    def written(text, name="mine.py"):
        file = tmp_path / name
        file.write_text(text)
        return file

    return written


def test_every_check_has_a_line_and_a_failure_a_status(called, write):
    good = write(NUMPY + "def step(h, e):\n    return 0.5 * h + e\n")
    assert "derivative: passed" in called("diagnose", good, "--check")
    bad = write(NUMPY + "def step(h, e):\n    h[:] = 0.5 * h + e\n    return h\n")
    found = json.loads(called("diagnose", bad, "--check", "--json", status=1, shown="out"))
    assert not found["passed"]
    assert any("in place" in check["detail"] for check in found["checks"])


def test_rows_are_inputs_of_their_own(called, write):
    file = write(NUMPY + "def step(h, e):\n    return np.where(e < 2, 0.5, 2.0) * h + e\n")
    found = json.loads(called("diagnose", file, "--rows", "--json"))
    assert found["outcomes"] == {"fixed-point": 1, "explosion": 1}
    assert "mixed outcomes" in called("diagnose", file, "--rows")


def test_two_files_side_by_side(called, write):
    before = write(NUMPY + "def step(h, e):\n    return -1.5 * np.tanh(h) + e\n")
    after = write(NUMPY + "def step(h, e):\n    return h / 2 + e\n", "after.py")
    table = called("diagnose", before, "--compare", after)
    assert "cycle(2)" in table
    assert "fixed-point" in table
    found = json.loads(called("diagnose", before, "--compare", after, "--json"))
    assert found["after"]["confirmed"] == "spectrum: rho < 1"


STEPS = {
    "tensors": TORCH + "def step(h, e):\n    return 0.5 * torch.tanh(h) + e\n",
    "a pair": TORCH.replace("torch.zeros_like", "lambda e: (0 * e, 0 * e)")
    + "def step(s, e):\n    return 0.5 * s[1] + e, 0.4 * s[0]\n",
    "the time": NUMPY + "def step(h, e, t):\n    return 0.5 * h + e * 0.5**t\n",
    "no input": "import numpy as np\ninitial = np.ones(3)\ndef step(h):\n    return np.cos(h)\n",
    "a loop": "import numpy as np\nfrom loopstab import FunctionLoop\ne = np.ones(2)\n"
    "loop = FunctionLoop(lambda h, e: 0.5 * h + e, np.zeros_like)\n",
    "a detached state": TORCH + "def step(h, e):\n    return 0.9 * h.detach() - 0.5 * h + e\n",
}


@pytest.mark.parametrize("name", STEPS)
def test_loops_as_files_have_them(name, called, write):
    file = write(STEPS[name])
    if name == "no input":
        file.write_text(STEPS[name] + "e = None\n")
    found = json.loads(called("diagnose", file, "--json"))
    assert found["outcome"] == "fixed-point"
    assert bool(found["contradiction"]) == (name == "a detached state")
    assert found["action"]
    assert f"what to do: {found['action']}" in called("diagnose", file)


def test_a_step_that_raises_is_one_line_with_its_place(called, write):
    file = write(NUMPY + "def step(h, e):\n    return h.no_such_thing\n")
    said = called("diagnose", file, status=2)
    assert f"{file}, line 5" in said
    assert len(said.strip().splitlines()) == 1


def test_a_checkpoint_on_several_inputs(called):
    found = json.loads(
        called("diagnose", "prefix-sums-16-external-post-s1", "--inputs", "3", "--json")
    )
    assert sum(found["outcomes"].values()) == 3
    assert "--inputs is for checkpoints" in called("diagnose", "x.py", "--inputs", "2", status=2)
