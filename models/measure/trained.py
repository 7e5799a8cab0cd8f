"""A checkpoint as it is measured: its network in float64, its task, and a level of that task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..loops.torch_loop import TorchLoop
from ..network.checkpoint import Checkpoint, load_model
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
        """
        model, meta = load_model(source, torch.float64)
        task = recorded_task(meta["run"], data)
        reached = str(meta["run"]["level_reached"])
        return cls(model, meta, task, level or task.level_to_measure(reached))

    def loop_and_input(self, seed: int, inputs: int = 1) -> tuple[TorchLoop, np.ndarray]:
        """The loop, and the embeddings of random samples, (inputs, cells, width)."""
        x = self.task.batch(inputs, self.level, torch.Generator().manual_seed(seed)).x.double()
        with torch.no_grad():
            return TorchLoop.of(self.model), self.model.encode(x).numpy()
