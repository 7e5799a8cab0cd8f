"""A checkpoint as it is measured: its network in float64, its task, and a level of that task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...support.errors import LoopstabError, UsageError
from ...support.schema import SchemaError, shown
from ..loops.torch_loop import TorchLoop
from ..network.bounds import BITS
from ..network.checkpoint import Checkpoint, load_model
from ..network.metadata import recorded_run
from ..network.model_config import ModelConfig
from ..network.transformer import LoopedTransformer
from ..tasks.registry import recorded_task
from ..tasks.task import Task


@dataclass(frozen=True)
class TrainedLoop:
    """A trained network in float64 with what it was trained on.

    Attributes:
        model: the network, in evaluation mode.
        meta: the metadata of the checkpoint.
        task: the task of its training.
        level: the level whose samples are measured.
    """

    model: LoopedTransformer
    meta: dict[str, Any]
    task: Task
    level: str

    @classmethod
    def open(
        cls,
        source: str | Path | Checkpoint,
        data: str | Path | None = None,
        level: str | None = None,
    ) -> TrainedLoop:
        """Read a checkpoint and make its task.

        Args:
            source: a checkpoint, or the path of its .safetensors file.
            data: prepared data file of the task, where it needs one.
            level: the level to measure; by default the one that training reached, or the easiest
                held-out one where the samples of that one were trained on.

        Raises:
            UsageError: there is no such file, no such level, or `data` is missing or is not what
                the network was trained on.
            LoopstabError: the file is damaged, or does not say on what the network was trained.
        """
        where = "the checkpoint" if isinstance(source, Checkpoint) else source
        model, meta = load_model(source, torch.float64)
        run = recorded_run(meta, where)
        task = recorded_task(run, data)
        check_fit(model.config, task, where)
        level = level or task.level_to_measure(run["level_reached"])
        check_level(task, level)
        return cls(model, meta, task, level)

    def loop_and_input(self, seed: int, inputs: int = 1) -> tuple[TorchLoop, np.ndarray]:
        """The loop, and the embeddings of random samples, (inputs, cells, width)."""
        x = self.task.batch(inputs, self.level, torch.Generator().manual_seed(seed)).x.double()
        with torch.no_grad():
            return TorchLoop.of(self.model), self.model.encode(x).numpy()


def check_fit(config: ModelConfig, task: Task, where: str | Path) -> None:
    """Raise `LoopstabError` unless a network takes the input of the task and gives its output."""
    shape = task.shape
    has, wanted = ((one.channels, one.classes, one.axes) for one in (config, shape))
    if has != wanted:
        raise LoopstabError(
            f"the network in {where} has channels, classes and axes {has}, and its task {task.name}"
            f" needs {wanted}: the file was altered, restore it from a copy"
        )


def check_level(task: Task, level: str) -> None:
    """Raise `UsageError` unless the task has samples of that level."""
    if level in task.levels:
        return
    length = int(level) if level.isascii() and level.isdigit() and len(level) < 10 else 0
    try:
        if not task.lengths:
            raise SchemaError("no length")
        BITS.check(length, "level")
    except SchemaError:
        others = f", or a number of cells {BITS.span}" if task.lengths else ""
        raise UsageError(
            f"{task.name} has no level {shown(level)}: use one of {', '.join(task.levels)}{others}"
        ) from None
