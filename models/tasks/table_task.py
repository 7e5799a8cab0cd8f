"""Tasks on a table of puzzles: they draw batches of its rows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from ...support.errors import UsageError
from ..network.choices import Augmentation, Positions
from .table import LEVELS, Table
from .task import EVALUATION_SEED, Batch, Shape, Task, to_device


class TableTask(Task):
    """A task on a table of puzzles; subclasses say how cells become inputs and targets.

    The levels are train; easy, held out from the same difficulties; and hard. `batch` draws rows
    with replacement; `take` and `count` walk a level in order, so that it can be evaluated whole.
    `locate` adds input channels that say where a cell is.

    Attributes:
        kind: the kind of the tables that the task reads (see `Table.kind`).
    """

    kind: ClassVar[str]
    levels = LEVELS
    held_out = LEVELS[1:]
    positions = Positions.NONE

    def __init__(self, table: Table):
        if table.kind != self.kind:
            raise UsageError(
                f"these are {table.kind} data, and the task {self.name} needs {self.kind} data:"
                " give another --data"
            )
        if problem := self.misfit(table):
            raise UsageError(f"{problem}: give another --data, or leave it out")
        self.table, self.shape = table, self.shape_of(table)
        self.difficulty: str = table.meta["unit"]
        self._rows = {level: torch.from_numpy(table.rows(level)) for level in LEVELS}
        self._cells = torch.from_numpy(table.cells)
        self._places = torch.zeros(table.cells.shape[1], 0)

    @classmethod
    def misfit(cls, table: Table) -> str | None:
        """Why a table of the right kind does not fit the task, or None."""
        return None

    @staticmethod
    @abstractmethod
    def shape_of(table: Table) -> Shape:
        """Sizes that a model for the table must have, where the input does not say positions."""

    @classmethod
    def make(
        cls, bits: int = 32, data: str | Path | None = None, positions: str = Positions.NONE
    ) -> Self:
        """The task on a prepared file, or on its embedded table; boards have no use for `bits`."""
        if data is not None:
            return cls.load(data).locate(positions)
        if cls.needs_file:
            raise UsageError(
                f"the task {cls.name} needs a data file: make one with loopstab data prepare and"
                " give it by --data"
            )
        return cls(cls.embedded()).locate(positions)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The task on a prepared file."""
        return cls(Table.load(path))

    @classmethod
    def embedded(cls) -> Table:
        """The table that needs no file, built once per process."""
        raise NotImplementedError(f"{cls.__name__} has no embedded table")

    def locate(self, positions: Positions | str) -> Self:
        """Let the input say where each cell is; returns the task itself. `UsageError` for an
        unknown name.
        """
        if positions not in list(Positions):
            raise UsageError(f"unknown positions {positions!r}: use one of {', '.join(Positions)}")
        self.positions, channels = Positions(positions), self.shape.channels - self._places.shape[1]
        cells = self.table.cells.shape[1]
        parts = {
            Positions.NONE: [],
            Positions.ONE_HOT: self.units(),
            Positions.LEARNT: [torch.arange(cells)],
        }[self.positions]
        self._places = torch.cat([torch.zeros(cells, 0), *(F.one_hot(part) for part in parts)], 1)
        self.shape = replace(self.shape, channels=channels + self._places.shape[1])
        return self

    def units(self) -> list[Tensor]:
        """The partitions of the cells that matter in the puzzle, each as (cells,) numbers: rows and
        columns.
        """
        cells = self.table.cells.shape[1]
        side = round(cells**0.5)
        return [torch.arange(cells) // side, torch.arange(cells) % side]

    def count(self, level: str) -> int:
        """The number of puzzles of a level."""
        return len(self._level(level))

    def take(self, level: str, start: int, stop: int) -> Batch:
        """The puzzles start..stop-1 of a level, in the order of the file."""
        return self._made(self._cells[self._level(level)[start:stop]])

    def batch(
        self, size: int, level: str, generator: torch.Generator, device: str = "cpu"
    ) -> Batch:
        """Draw `size` puzzles of a level, uniformly and with replacement."""
        return self._made(self._drawn(size, level, generator), device)

    def training_batch(
        self,
        size: int,
        level: str,
        generator: torch.Generator,
        device: str = "cpu",
        augment: str = Augmentation.NONE,
    ) -> Batch:
        """The same puzzles as `batch`, each turned by a random symmetry of its own."""
        self.check_augmentation(augment)
        cells = self._drawn(size, level, generator)
        return self._made(self.augmented(cells, augment, generator), device)

    def augmented(self, cells: Tensor, augment: str, _: torch.Generator) -> Tensor:
        """The cells (samples, cells) of a table after random symmetries; by default there are
        none.
        """
        return cells

    def evaluation(
        self, size: int, level: str, apart: int = 0, device: str = "cpu"
    ) -> tuple[Batch, Batch | None]:
        """Different puzzles of a level, always the same ones; at most a quarter of the level is set
        apart.
        """
        rows = self._level(level)
        generator = torch.Generator().manual_seed(EVALUATION_SEED + LEVELS.index(level))
        order = rows[torch.randperm(len(rows), generator=generator)]
        apart = min(apart, len(rows) // 4)
        first = self._made(self._cells[order[apart : apart + size]], device)
        return first, self._made(self._cells[order[:apart]], device) if apart else None

    def fingerprint(self) -> str:
        """The fingerprint of the table."""
        return self.table.fingerprint

    def _level(self, level: str) -> Tensor:
        if level not in self._rows:
            raise UsageError(f"no level {level!r} in {self.name}: use one of {', '.join(LEVELS)}")
        return self._rows[level]

    def _drawn(self, size: int, level: str, generator: torch.Generator) -> Tensor:
        if size < 1:
            raise UsageError(f"a batch needs at least one puzzle, not {size}")
        rows = self._level(level)
        return self._cells[rows[torch.randint(len(rows), (size,), generator=generator)]]

    def _made(self, cells: Tensor, device: str = "cpu") -> Batch:
        """The batch of these cells, made on the device: one byte per cell is copied there."""
        batch = self._batch(to_device(cells, device))
        if self.positions is Positions.NONE:
            return batch
        if self._places.device != batch.x.device:
            self._places = self._places.to(batch.x.device)
        places = self._places.to(batch.x.dtype).expand(len(batch.x), -1, -1)
        return Batch(torch.cat((batch.x, places), -1), batch.target)

    @abstractmethod
    def _batch(self, cells: Tensor) -> Batch:
        """Inputs and targets of these cells, without positions."""
