"""Prepared data: a table of puzzles, split into levels, in one compact file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from ...support.schema import SchemaError
from .cell_rules import MARK as MARK
from .cell_rules import first_wrong_row
from .table_file import COLUMNS, KEY, META, checksum, read_columns

LEVELS = ("train", "easy", "hard")
"""The splits of a table; a row holds the index of its own."""
LEFT_OUT = 3
"""The index of a row that belongs to none of them."""
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
            digest.update(np.ascontiguousarray(a).data)
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

    @property
    def columns(self) -> Mapping[str, NDArray]:
        """The columns by name."""
        return {name: getattr(self, name) for name in COLUMNS}

    def save(self, path: str | Path) -> Path:
        """Write a prepared file, whole or not at all; `UsageError` when `meta` could not be read
        again.
        """
        meta = {**self.meta, "fingerprint": self.fingerprint}
        meta["checksum"] = checksum(meta, self.line)
        text = json.dumps(meta)
        try:
            META.check(json.loads(text), "")
        except SchemaError as error:
            raise UsageError(f"such data cannot be saved: {error}") from None
        return write_atomic(path, save(dict(self.columns), metadata={KEY: text}))

    @classmethod
    def load(cls, path: str | Path) -> Table:
        """Read a prepared file.

        The file need not be trusted: names, types and sizes are checked before any column is read,
        then that the content has the fingerprint (and the checksum, which files of older versions
        lack) that the file states, and that every row is one that a maker of such puzzles can
        write (`first_wrong_row`). Memory beyond that of the table is bounded.

        Raises:
            UsageError: there is no such file.
            LoopstabError: it is damaged, was altered, or holds no such puzzles; the message names
                the column and the row, counted from 0.
        """
        path = Path(path)
        meta, columns = read_columns(path)
        stated = meta.pop("checksum", None)
        same = stated is None or stated == checksum(meta, columns["line"])
        fingerprint = meta.pop("fingerprint")
        table = cls(**columns, meta=meta)
        if fingerprint != table.fingerprint or not same:
            raise LoopstabError(
                f"prepared data {path} was altered: its content does not have the"
                f" {'checksum' if fingerprint == table.fingerprint else 'fingerprint'} that it"
                " states; prepare it again"
            )
        if wrong := first_wrong_row(table.kind, columns, meta["cut"]):
            column, row, problem = wrong
            raise LoopstabError(
                f"prepared data {path}, column {column}, row {row}: {problem}; prepare it again"
            )
        for i, level in enumerate(LEVELS):
            if not (table.split == i).any():
                raise LoopstabError(
                    f"prepared data {path}, column split: no row is in the level {level}; prepare"
                    " it again"
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
