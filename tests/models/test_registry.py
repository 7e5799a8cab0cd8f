"""Tasks by name: what an entry says holds, and adding a task takes one module and one line."""

import importlib.util
import json
import sys

import pytest
import torch

from loopstab.models.grid.plan import Plan
from loopstab.models.tasks import registry
from loopstab.models.tasks.registry import TASKS, make_task, recorded_task, task_class
from loopstab.models.tasks.table_task import TableTask
from loopstab.models.tasks.task import Task
from loopstab.models.zoo import zoo
from loopstab.paper_figures.cli import main
from loopstab.support.errors import UsageError

PARITY = '''
"""Parity: the input is n bits, the target of every cell whether the number of ones is odd."""

from __future__ import annotations

import torch

from .task import Batch, Shape, Task, to_device


class Parity(Task):
    """Parity of a bit string; a level is a length in bits."""

    name = "parity"
    shape = Shape(channels=1, classes=2, axes=1)
    difficulty = "bits"
    lengths = True
    default_window = 5

    def __init__(self, bits: int = 32):
        self.bits = bits
        self.levels = self.held_out = (str(bits), str(2 * bits))

    def batch(
        self, size: int, level: str, generator: torch.Generator, device: str = "cpu"
    ) -> Batch:
        """Draw `size` strings of int(level) bits."""
        bits = torch.randint(0, 2, (size, int(level)), generator=generator)
        target = (bits.sum(1, keepdim=True) % 2).expand_as(bits)
        x = (bits - 0.5)[..., None].to(torch.get_default_dtype())
        return Batch(to_device(x, device), to_device(target, device))
'''


@pytest.mark.parametrize("name", TASKS)
def test_a_class_has_the_name_of_its_entry(name):
    found = task_class(name)
    assert issubclass(found, Task)
    assert found.name == name
    assert found.needs_file == (name in ("sudoku", "chess"))
    assert issubclass(found, TableTask) == (name != "prefix-sums")


@pytest.mark.parametrize("name", ["prefix-sums", "sudoku-4x4", "krk"])
def test_a_recorded_task_is_made_again(name):
    task = make_task(name, bits=7)
    again = recorded_task({"task": name, "data": task.fingerprint()})
    assert again.fingerprint() == task.fingerprint()
    with pytest.raises(UsageError, match="was trained on"):
        recorded_task({"task": name, "data": "other-9"})


def test_the_level_to_measure_was_not_trained_on():
    board, lengths = make_task("krk"), make_task("prefix-sums", bits=8)
    assert [board.level_to_measure(level) for level in board.levels] == ["easy", "easy", "hard"]
    assert [lengths.level_to_measure(level) for level in ("8", "16", "5")] == ["8", "16", "5"]


def test_options_that_a_task_does_not_take(tmp_path):
    with pytest.raises(UsageError, match="leave --data out"):
        make_task("prefix-sums", data=tmp_path / "file")
    file = task_class("krk").embedded().save(tmp_path / "krk.safetensors")
    with pytest.raises(UsageError, match="endgames data, and the task sudoku needs sudoku data"):
        make_task("sudoku", data=file)


@pytest.fixture
def parity(monkeypatch, tmp_path):
    """The registry after one module and one line have been added."""
    file = tmp_path / "parity.py"
    file.write_text(PARITY)
    name = f"{registry.__package__}.parity"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    monkeypatch.setitem(TASKS, "parity", "parity:Parity")


def test_a_new_task_is_trained_planned_and_verified(parity, tmp_path, capsys):
    batch = make_task("parity", bits=4).batch(9, "4", torch.Generator().manual_seed(0))
    assert torch.equal((batch.x[..., 0] > 0).sum(1) % 2, batch.target[:, 0])
    size = "--width 16 --heads 2 --bits 4 --steps 3 --polish 2 --batch 4 --eval-size 8"
    with pytest.raises(SystemExit) as done:
        main(["train", "--task", "parity", *size.split(), "--out", str(tmp_path / "run"), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert done.value.code == 0
    assert result["task"] == "parity"
    assert result["data"] == "parity-4"
    assert list(result["accuracy"]) == ["4", "8"]
    assert zoo.verify(str(tmp_path / "run" / "model.safetensors")).agrees
    plan = tmp_path / "plan.toml"
    plan.write_text('[[runs]]\ntask = ["parity", "prefix-sums"]\nbits = 8\n')
    assert len(Plan.load(plan).check({})) == 2
    with pytest.raises(SystemExit) as wrong:
        main(["train", "--task", "parities", "--out", str(tmp_path / "other")])
    assert wrong.value.code == 2
    assert "chess, parity" in capsys.readouterr().err
