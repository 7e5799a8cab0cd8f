"""Prepared data: a table of puzzles in one file, split into levels, and tasks that draw batches of
it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor
from torch.nn import functional as F

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from ..network.choices import Augmentation, Positions
from .task import EVALUATION_SEED, Batch, Shape, Task, to_device

KEY = "loopstab-data"
"""Key of our JSON object among the metadata of a prepared file."""
LEVELS = ("train", "easy", "hard")
"""The splits of a table; a row holds the index of its own."""
LEFT_OUT = 3
"""The index of a row that belongs to none of them."""
MARK = 16
"""Added to a cell whose digit is a clue (sudoku) or whose square is part of the move (chess)."""
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.8, 0.95, 1.0)
"""The quantiles of the difficulty that a description lists."""
HELD_OUT = 0.2
"""Share of the easy rows that are held out."""


@dataclass(frozen=True, eq=False)
class Table:
    """Puzzles of one kind.

    Attributes:
        cells: (rows, cells), the content of each cell in the low four bits, and `MARK`.
        difficulty: (rows,), in the unit that `meta` names.
        split: (rows,), index into `LEVELS`.
        line: (rows,), where the puzzle stood in its source.
        view: (rows,), how a chess board was turned.
        meta: JSON object: `kind`, `unit`, and where the puzzles come from.
    """

    cells: NDArray[np.uint8]
    difficulty: NDArray[np.uint16]
    split: NDArray[np.uint8]
    line: NDArray[np.uint32]
    view: NDArray[np.uint8]
    meta: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        cells: NDArray,
        difficulty: NDArray,
        split: NDArray,
        line: NDArray,
        meta: dict[str, Any],
        view: NDArray | None = None,
    ) -> Table:
        """Make a table without the rows that are left out; `UsageError` when a level is empty."""
        for i, level in enumerate(LEVELS):
            if not (split == i).any():
                raise UsageError(
                    f"no rows are left for the level {level} (easy goes up to {meta['unit']}"
                    f" {meta['cut']}, hard lies above; {len(split)} rows in all): use more rows or"
                    " another split"
                )
        keep = split != LEFT_OUT

        def column(values: NDArray, dtype: Any) -> NDArray:
            return np.ascontiguousarray(values[keep], dtype=dtype)

        return cls(
            column(cells, np.uint8),
            column(difficulty, np.uint16),
            column(split, np.uint8),
            column(line, np.uint32),
            column(np.zeros(len(cells)) if view is None else view, np.uint8),
            {**meta, "left_out": int((~keep).sum()) + meta.get("left_out", 0)},
        )

    @property
    def kind(self) -> str:
        """What the puzzles are, such as sudoku, chess or endgames."""
        return self.meta["kind"]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the kind and of the columns that a model sees, without their source."""
        digest = hashlib.sha256(self.kind.encode())
        for a in (self.cells, self.difficulty, self.split, self.view):
            digest.update(f"{a.dtype.str}{a.shape}".encode())
            digest.update(a.tobytes())
        return digest.hexdigest()

    def rows(self, level: str) -> NDArray[np.int64]:
        """The indices of the rows of a level."""
        if level not in LEVELS:
            raise UsageError(f"no level {level!r}: use one of {', '.join(LEVELS)}")
        return np.flatnonzero(self.split == LEVELS.index(level))

    def describe(self) -> dict[str, Any]:
        """A JSON object: `meta`, and for each level its rows and quantiles of their difficulty."""
        names = [f"{100 * q:g}%" for q in QUANTILES]
        levels = {}
        for level in LEVELS:
            d = self.difficulty[self.rows(level)]
            levels[level] = {
                "rows": len(d),
                "quantiles": dict(zip(names, np.quantile(d, QUANTILES).tolist(), strict=True)),
            }
        return {
            **self.meta,
            "rows": len(self.cells),
            "levels": levels,
            "fingerprint": self.fingerprint,
        }

    def save(self, path: str | Path) -> Path:
        """Write a prepared file, whole or not at all."""
        columns = {
            name: getattr(self, name) for name in ("cells", "difficulty", "split", "line", "view")
        }
        return write_atomic(
            path,
            save(
                columns, metadata={KEY: json.dumps({**self.meta, "fingerprint": self.fingerprint})}
            ),
        )

    @classmethod
    def load(cls, path: str | Path) -> Table:
        """Read a prepared file; `UsageError` when there is none, `LoopstabError` when it is damaged
        or was altered.
        """
        path = Path(path)
        if not path.is_file():
            raise UsageError(
                f"no prepared data at {path}: make it with loopstab data prepare or loopstab data"
                " generate"
            )
        try:
            with safe_open(path, framework="np") as file:
                meta = json.loads((file.metadata() or {})[KEY])
                table = cls(
                    **{
                        name: file.get_tensor(name)
                        for name in ("cells", "difficulty", "split", "line", "view")
                    },
                    meta=meta,
                )
                same = meta.pop("fingerprint") == table.fingerprint
        except KeyError:
            raise LoopstabError(
                f"{path} is not prepared data of loopstab: its metadata has no {KEY!r}; prepare it"
                " again"
            ) from None
        except (SafetensorError, json.JSONDecodeError, OSError) as error:
            raise LoopstabError(
                f"prepared data {path} is corrupt or truncated ({error}): prepare it again"
            ) from None
        if not same:
            raise LoopstabError(
                f"prepared data {path} was altered: its content does not have the fingerprint that"
                " it states; prepare it again"
            )
        return table


def cut_at(difficulty: NDArray, share: float) -> int:
    """The greatest difficulty of easy rows: their share is as near to `share` as ties allow, and is
    not 1.
    """
    if not 0 < share < 1:
        raise UsageError(f"the share of easy rows must lie between 0 and 1, not {share}")
    values, counts = np.unique(difficulty, return_counts=True)
    if len(values) < 2:
        raise UsageError(
            f"all {len(difficulty)} rows have the same difficulty: they cannot be split into easy"
            " and hard"
        )
    return int(values[np.abs(np.cumsum(counts)[:-1] / len(difficulty) - share).argmin()])


def split_levels(
    hard: NDArray[np.bool_], groups: NDArray, seed: int, held_out: float = HELD_OUT
) -> NDArray[np.uint8]:
    """Split rows into levels so that no group has rows in train and in another level.

    Groups with a hard row give their easy rows to the level easy, which random groups then fill up
    to the share `held_out` of all easy rows. Where groups with a hard row have more than half of
    the easy rows (4x4 grids form two groups), the held-out groups are drawn at random instead, with
    at least one that has hard rows, and the hard rows of the other groups are left out.

    Args:
        hard: (rows,), whether a row is hard.
        groups: (rows,), the group of each row.
        seed: seed of the order in which groups are held out.
        held_out: share of the easy rows to hold out.

    Returns:
        (rows,), index into `LEVELS`, or `LEFT_OUT`.
    """
    _, group = np.unique(groups, return_inverse=True)
    group = group.reshape(-1)
    easy = np.bincount(group, weights=~hard)
    has_hard = np.bincount(group, weights=hard) > 0
    test = has_hard.copy()
    if easy[test].sum() > 0.5 * easy.sum():
        test[:] = False
    order = np.random.default_rng(seed).permutation(len(easy))
    order = order[~test[order]]
    room = held_out * easy.sum() - easy[test].sum()
    test[order[np.cumsum(easy[order]) <= room]] = True
    if has_hard.any() and not (test & has_hard).any():
        test[np.where(has_hard, easy, np.inf).argmin()] = True
    side = test[group]
    return np.select(
        [~side & ~hard, side & ~hard, side & hard], [0, 1, 2], default=LEFT_OUT
    ).astype(np.uint8)


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
        self.table, self.shape = table, self.shape_of(table)
        self.difficulty: str = table.meta["unit"]
        self._rows = {level: torch.from_numpy(table.rows(level)) for level in LEVELS}
        self._cells = torch.from_numpy(table.cells)
        self._places = torch.zeros(table.cells.shape[1], 0)

    @staticmethod
    def shape_of(table: Table) -> Shape:
        """Sizes that a model for the table must have, where the input does not say positions."""
        raise NotImplementedError

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

    def _batch(self, cells: Tensor) -> Batch:
        """Inputs and targets of these cells, without positions."""
        raise NotImplementedError
