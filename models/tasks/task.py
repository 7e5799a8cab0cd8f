"""What training, evaluation and cross-validation need to know about a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

EVALUATION_SEED = 10_000_019
"""seed of the samples that are evaluated, far from those of training steps"""


def to_device(tensor: Tensor, device: str) -> Tensor:
    """The tensor on the device; a GPU copies it from pinned memory while the program goes on."""
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@dataclass(frozen=True)
class Shape:
    """Sizes that a model for the task must have: input channels, output classes, and spatial axes
    (1: sequence, 2: square board).
    """

    channels: int
    classes: int
    axes: int


@dataclass(frozen=True)
class Batch:
    """Inputs `x` (samples, cells, channels) of the default float dtype, and int64 targets (samples,
    cells) in 0..classes-1.
    """

    x: Tensor
    target: Tensor

    def of(self, part: slice) -> Batch:
        """Some of the samples."""
        return Batch(self.x[part], self.target[part])


@runtime_checkable
class Task(Protocol):
    """A task with an easy split to train on and harder splits to test on.

    `levels` names the splits in order of difficulty, the training split first; what a level means
    (bits, solver guesses, rating, distance to mate) is told by `difficulty`, the unit of the task's
    difficulty. `held_out` are the levels of which no sample is trained on, the easiest first.
    """

    name: str
    shape: Shape
    difficulty: str

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the splits: the training one, its held-out twin where there is one, and the
        harder ones.
        """
        ...

    @property
    def held_out(self) -> tuple[str, ...]:
        """Names of the splits that are evaluated: no sample of theirs is trained on."""
        ...

    def batch(
        self, size: int, level: str, generator: torch.Generator, device: str = "cpu"
    ) -> Batch:
        """Draw `size` samples of that level with the generator alone: equal generators, equal
        batches.
        """
        ...

    def training_batch(
        self,
        size: int,
        level: str,
        generator: torch.Generator,
        device: str = "cpu",
        augment: str = "none",
    ) -> Batch:
        """The same for a training step, with random symmetries; `UsageError` for those that the
        task does not have.
        """
        ...

    def evaluation(
        self, size: int, level: str, apart: int = 0, device: str = "cpu"
    ) -> tuple[Batch, Batch | None]:
        """At most `size` different samples of a level, always the same ones, and at most `apart`
        others (None for 0).
        """
        ...

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Scalar training loss of logits (samples, cells, classes)."""
        ...

    def correct(self, logits: Tensor, target: Tensor) -> Tensor:
        """Whether a sample as a whole is right, (samples,) bool."""
        ...

    def fingerprint(self) -> str:
        """Hash of everything that fixes the data (sizes, seeds, file contents): a run is resumed
        only on the same data.
        """
        ...
