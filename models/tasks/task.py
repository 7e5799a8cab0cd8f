"""What a task is: it draws batches with exact targets, and says which options of a run it takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from ...support.errors import UsageError
from ..network.choices import Augmentation, Positions

EVALUATION_SEED = 10_000_019
"""Seed of the samples that are evaluated, far from the seeds of the first training steps."""


def to_device(tensor: Tensor, device: str) -> Tensor:
    """Copy the tensor to the device; to a GPU from pinned memory, without waiting for the copy."""
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@dataclass(frozen=True)
class Shape:
    """Sizes that a model for the task must have: input channels, output classes, and spatial axes
    (1: a sequence, 2: a square board).
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
        """The samples of that slice."""
        return Batch(self.x[part], self.target[part])


class Task(ABC):
    """A task with an easy split to train on and harder splits to test on.

    A subclass sets the attributes below, as class attributes or in its `__init__`, and defines
    `batch`; every other method has a default. To make the task available by name, add one line to
    `loopstab.models.tasks.registry.TASKS`: `loopstab train --task`, plans and the zoo then take it.

    Attributes:
        name: the name in the registry; it is recorded with every run.
        shape: sizes that a model for the task must have.
        difficulty: the unit in which the levels are ordered (bits, solver guesses, rating).
        levels: names of the splits in order of difficulty, the training split first.
        held_out: the levels of which no sample is trained on, the easiest first.
        lengths: whether the levels are numbers of cells, written in digits. Such a task is
            constructed with the option `bits`, its greatest training length, and trained by the
            curriculum of lengths; any other task is constructed without arguments.
        default_window: side of the attention neighbourhood where a run asks for none; None for full
            attention.
        augmentations: the random symmetries that training samples can be drawn with.
        needs_file: whether the task can only be made from a prepared data file.
    """

    name: str
    shape: Shape
    difficulty: str
    levels: tuple[str, ...]
    held_out: tuple[str, ...]
    lengths: ClassVar[bool] = False
    default_window: ClassVar[int | None] = None
    augmentations: ClassVar[tuple[Augmentation, ...]] = (Augmentation.NONE,)
    needs_file: ClassVar[bool] = False
    bits: int

    @classmethod
    def make(
        cls, bits: int = 32, data: str | Path | None = None, positions: str = Positions.NONE
    ) -> Self:
        """Make the task from the options of a run.

        Args:
            bits: greatest training length, for a task of lengths.
            data: prepared data file, for a task that reads one.
            positions: what the input says about the place of a cell, for a task on a board.

        Raises:
            UsageError: the task does not take an option that was given.
        """
        if data is not None:
            raise UsageError(f"the samples of {cls.name} are generated: leave --data out")
        if positions != Positions.NONE:
            raise UsageError(
                f"{cls.name} is not a task on a board, whose places an input could name: leave"
                " --positions out"
            )
        return cls(bits) if cls.lengths else cls()  # type: ignore[call-arg]

    @abstractmethod
    def batch(
        self, size: int, level: str, generator: torch.Generator, device: str = "cpu"
    ) -> Batch:
        """Draw `size` samples of a level with the generator alone: equal generators, equal
        batches.
        """

    def training_batch(
        self,
        size: int,
        level: str,
        generator: torch.Generator,
        device: str = "cpu",
        augment: str = Augmentation.NONE,
    ) -> Batch:
        """Draw a batch for a training step, with random symmetries where `augment` names them."""
        self.check_augmentation(augment)
        return self.batch(size, level, generator, device)

    def evaluation(
        self, size: int, level: str, apart: int = 0, device: str = "cpu"
    ) -> tuple[Batch, Batch | None]:
        """At most `size` samples of a level, always the same ones, and at most `apart` others (None
        for 0).
        """
        generator = torch.Generator().manual_seed(EVALUATION_SEED)
        both = self.batch(size + apart, level, generator, device)
        return both.of(slice(size)), both.of(slice(size, None)) if apart else None

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Training loss of logits (samples, cells, classes), a scalar: the mean cross-entropy."""
        return F.cross_entropy(logits.flatten(0, -2), target.flatten())

    def correct(self, logits: Tensor, target: Tensor) -> Tensor:
        """Whether every cell of a sample is right, (samples,) bool."""
        return (logits.argmax(-1) == target).all(-1)

    def fingerprint(self) -> str:
        """Text that fixes the data: a run is resumed and measured only on data of the same
        fingerprint. By default the name, with the training length of a task of lengths.
        """
        return f"{self.name}-{self.bits}" if self.lengths else self.name

    @classmethod
    def recorded_bits(cls, fingerprint: str) -> int:
        """The training length that a fingerprint ends with; 0 where there is none."""
        digits = fingerprint.rpartition("-")[2]
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0

    def level_to_measure(self, reached: str) -> str:
        """The level on which to measure a loop whose training reached that level: the same one, or
        the easiest held-out one where training has seen the samples of that one.
        """
        seen = reached in self.levels and reached not in self.held_out
        return self.held_out[0] if seen else reached

    def check_augmentation(self, augment: str) -> None:
        """Raise `UsageError` unless the task has that random symmetry."""
        if augment in self.augmentations:
            return
        if len(self.augmentations) > 1:
            raise UsageError(
                f"{self.name} has no symmetry {augment!r}: use one of"
                f" {', '.join(self.augmentations)}"
            )
        raise UsageError(
            f"{self.name} has no symmetries to train with: leave --augment out, not {augment}"
        )
