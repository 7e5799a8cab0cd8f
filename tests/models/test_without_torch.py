"""An installation without the extra `models`: records are read, and what needs torch says so."""

import json
import os
import subprocess
import sys

import pytest

from loopstab.models.network.metadata import read_metadata
from loopstab.models.zoo import zoo
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.support.safetensors_header import LENGTH_BYTES

ABSENT = """
import sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""
INSTALL = "No module named 'torch': pip install 'loopstab[models]'"


@pytest.fixture
def without_torch(tmp_path):
    """Run Python in an environment in which torch and safetensors are not installed."""
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "sitecustomize.py").write_text(ABSENT)
    path = os.pathsep.join([str(tmp_path / "absent"), os.environ.get("PYTHONPATH", "")])

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": path},
        )

    assert "No module named 'torch'" in run("-c", "import torch").stderr
    return run


def test_records_are_read(without_torch):
    code = """
import json, sys
from loopstab.models.zoo import zoo
names = zoo.names()
print(json.dumps({name: zoo.describe(name)["run"]["architecture"] for name in names}))
sys.exit(bool({"torch", "numpy"} & set(sys.modules)))
"""
    done = without_torch("-c", code)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == zoo.names()
    assert all(zoo.describe(name)["run"]["architecture"] == found[name] for name in found)


@pytest.mark.parametrize(
    "words", [("zoo", "list", "--json"), ("zoo", "show", "internal-post"), ("train", "--help")]
)
def test_commands_that_read_records(without_torch, words):
    done = without_torch("-m", "loopstab", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout


NEED_TORCH = [
    ("train", "--out", "OUT"),
    ("grid", "run", "--out", "OUT"),
    ("grid", "submit", "--out", "OUT", "--executor", "local"),
    ("grid", "pack", "--out", "OUT", "--to", "OUT"),
    ("zoo", "verify", "internal-post"),
    ("crossvalidate", "internal-post"),
    ("diagnose", "internal-post"),
    ("data", "generate", "endgames", "--out", "OUT/e.safetensors"),
    ("data", "describe", "OUT/e.safetensors"),
]


@pytest.mark.parametrize("words", NEED_TORCH, ids=" ".join)
def test_a_command_that_needs_torch_says_how_to_install_it(without_torch, words, tmp_path):
    words = [word.replace("OUT", str(tmp_path / "out")) for word in words]
    done = without_torch("-m", "loopstab", *words)
    assert done.returncode == 2
    missing = "safetensors" if words[0] == "data" else "torch"
    assert done.stderr == f"loopstab: error: {INSTALL.replace('torch', missing)}\n"


@pytest.mark.parametrize(
    "home",
    [
        "loopstab import TorchLoop",
        "loopstab import crossvalidate",
        "loopstab.models.training.train import Trainer",
        "loopstab.models.network.checkpoint import Checkpoint",
        "loopstab.models.grid.run_grid import run_grid",
    ],
)
def test_a_class_that_needs_torch_says_how_to_install_it(without_torch, home):
    code = f"""
from loopstab.support.errors import UsageError
try:
    from {home}
except UsageError as error:
    assert isinstance(error, ImportError)
    print(error)
"""
    done = without_torch("-c", code)
    assert done.stdout == f"{INSTALL}\n", done.stderr


SHIPPED = zoo.FOLDER / "internal-post.safetensors"


def test_metadata_is_that_of_the_library():
    from safetensors import safe_open

    for file in zoo.FOLDER.glob("*.safetensors"):
        with safe_open(file, framework="np") as opened:
            written = json.loads(opened.metadata()["loopstab"])
        written.pop("checksum", None)  # newer files have one, which is checked and not passed on
        assert read_metadata(file) == written


def altered(change):
    return change(bytearray(SHIPPED.read_bytes()))


DAMAGED = {
    "empty": lambda raw: b"",
    "cut in the length": lambda raw: raw[:4],
    "cut in the header": lambda raw: raw[:500],
    "cut in the weights": lambda raw: raw[:-1],
    "too long": lambda raw: raw + b"\0",
    "a header of no length": lambda raw: bytes(LENGTH_BYTES) + raw[LENGTH_BYTES:],
    "an endless header": lambda raw: b"\xff" * LENGTH_BYTES + raw[LENGTH_BYTES:],
    "not JSON": lambda raw: raw[:LENGTH_BYTES] + b"x" + raw[LENGTH_BYTES + 1 :],
    "text": lambda raw: b"not a checkpoint at all",
}


@pytest.mark.parametrize("change", DAMAGED.values(), ids=DAMAGED)
def test_damaged_files(tmp_path, change):
    from safetensors import SafetensorError, safe_open

    file = tmp_path / "x.safetensors"
    file.write_bytes(altered(change))
    with pytest.raises(LoopstabError, match="corrupt or truncated"):
        read_metadata(file)
    with pytest.raises(SafetensorError):
        safe_open(file, framework="np").__enter__()


def test_files_of_others(tmp_path):
    import numpy as np
    from safetensors.numpy import save_file

    for metadata in (None, {"other": "1"}):
        save_file({"w": np.zeros(3)}, tmp_path / "w.safetensors", metadata)
        with pytest.raises(LoopstabError, match="not one written by loopstab"):
            read_metadata(tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match="no checkpoint at"):
        read_metadata(tmp_path / "none.safetensors")
