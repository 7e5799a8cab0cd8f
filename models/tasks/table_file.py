"""Reading a file of prepared data: nothing is made of it before it is known to be what it says."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...support.errors import LoopstabError, UsageError
from ...support.safetensors_header import read_safetensors_header
from ...support.schema import (
    Anything,
    ListOf,
    MapOf,
    Maybe,
    ObjectOf,
    SchemaError,
    Text,
    Whole,
    shown,
)
from ...support.strict_json import parse_json
from ..network.metadata import DATA_KEY
from ..network.metadata import KEY as CHECKPOINT_KEY
from .cell_rules import CELLS

KEY = DATA_KEY
"""Key of our JSON object among the metadata of a prepared file."""
COLUMNS = {
    "cells": ("U8", "|u1"),
    "difficulty": ("U16", "<u2"),
    "split": ("U8", "|u1"),
    "line": ("U32", "<u4"),
    "view": ("U8", "|u1"),
}
"""The columns of a table, with their types in safetensors and in NumPy."""
MOST_ROWS = 50_000_000
"""Rows of the largest table: ten times the largest published one."""
LONGEST_HEADER = 1 << 25
"""Bytes; a reason for a malformed row could once be as long as its line, 1 MiB."""
COUNT = Whole(0, 2**63 - 1)


def _cut_and_report(meta: Mapping[str, Any]) -> str | None:
    cut = meta["cut"]
    whole = Whole(0, 2**16 - 1)
    (MapOf(whole, 2) if isinstance(cut, dict) else whole).check(cut, "cut")
    if meta["kind"] == "endgames" and not isinstance(cut, dict):
        return "cut must be an object with a number for each endgame"
    if isinstance(cut, dict) and not {*cut} <= {"KQK", "KRK"}:
        return "cut has the name of an unknown endgame"
    if "malformed" in meta and not {"rows_checked", "malformed_lines"} <= {*meta}:
        return "malformed comes without rows_checked and malformed_lines"
    for i, entry in enumerate(meta.get("malformed_lines", ())):
        if not isinstance(entry, list) or len(entry) != 2:
            return f"malformed_lines[{i}] must be a line and a reason"
        COUNT.check(entry[0], f"malformed_lines[{i}][0]")
        Text(1 << 21).check(entry[1], f"malformed_lines[{i}][1]")
    return None


META = ObjectOf(
    {
        "kind": Text(names=tuple(CELLS)),
        "source": Text(2000),
        "seed": Whole(0, 2**128 - 1),
        "unit": Text(100),
        "cut": Anything(),
        "left_out": COUNT,
        "fingerprint": Text(64),
    },
    optional={
        "checksum": Text(64),
        "sha256": Text(64),
        "rows_checked": COUNT,
        "malformed": COUNT,
        "malformed_lines": ListOf(Anything(), 20),
        "sampled": Maybe(COUNT),
        "hard_rating": COUNT,
        "positions": COUNT,
        "disjoint": Text(names=("symmetry", "relabelling")),
        "grids": COUNT,
        "solver": ObjectOf(
            {
                **dict.fromkeys(("unique", "several", "none", "undecided"), COUNT),
                "gives": ObjectOf({}, dict.fromkeys(("answer", "difficulty"), Text(200))),
            }
        ),
    },
    also=_cut_and_report,
)
"""What the makers of tables write beside the columns."""
_ENTRY = ObjectOf(
    {
        "dtype": Text(20),
        "shape": ListOf(Whole(0, 2**40), 2, 1),
        "data_offsets": ListOf(Whole(0, 2**60), 2, 2),
    }
)


def checksum(meta: Mapping[str, Any], line: NDArray) -> str:
    """SHA-256 of the metadata and the lines.

    The metadata hold the fingerprint, which stands for all other columns, so that no bit of a table
    changes without this.
    """
    content = {name: value for name, value in meta.items() if name != "checksum"}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(line, "<u4").data)
    return digest.hexdigest()


def read_columns(path: Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """The metadata and the columns of a prepared file, of which each is read once.

    Names, types and sizes are checked before the first column is read; what the columns hold is
    not checked here.

    Raises:
        UsageError: there is no such file, or it is no regular one.
        LoopstabError: it is damaged, or is no prepared data.
    """
    with _opened(path) as file:
        try:
            header, metadata, size = read_safetensors_header(file, LONGEST_HEADER)
            if KEY not in metadata:
                raise LoopstabError(_what_else(path, metadata))
            meta = parse_json(metadata[KEY])
            META.check(meta, "")
            shapes = _shapes(header, meta["kind"], size)
            columns = {}
            for name, entry in sorted(header.items(), key=_begin):
                columns[name] = np.empty(shapes[name], COLUMNS[name][1])
                if file.readinto(memoryview(columns[name]).cast("B")) < columns[name].nbytes:
                    raise ValueError(f"it ends within the column {name} {entry['data_offsets']}")
        except SchemaError as error:
            raise LoopstabError(
                f"prepared data {path} has metadata that loopstab does not write ({error}):"
                " prepare it again"
            ) from None
        except (ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise LoopstabError(
                f"prepared data {path} is corrupt or truncated ({reason}): prepare it again"
            ) from None
    return meta, columns


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        # a pipe would block without the flag, which a regular file does not know
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
        raise UsageError(
            f"no prepared data at {path}: make it with loopstab data prepare or loopstab data"
            " generate"
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError(
            f"{path} is a folder, a pipe or a device, and no prepared data: give a file written by"
            " loopstab data prepare or loopstab data generate"
        )
    with open(descriptor, "rb") as file:
        yield file


def _what_else(path: Path, metadata: Mapping[str, str]) -> str:
    if CHECKPOINT_KEY in metadata:
        return (
            f"{path} is a checkpoint of loopstab, not prepared data: give the file that loopstab"
            " data prepare or loopstab data generate has written"
        )
    return f"{path} is not prepared data of loopstab: its metadata has no {KEY!r}; prepare it again"


def _begin(column: tuple[str, Any]) -> int:
    return column[1]["data_offsets"][0]


def _shapes(header: Mapping[str, Any], kind: str, size: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the columns; `ValueError` unless they are those of a table of that kind and
    follow each other without a gap.
    """
    if set(header) != set(COLUMNS):
        names = ", ".join(sorted(map(shown, header))[:8])
        raise ValueError(f"it has the columns {names}, not {', '.join(COLUMNS)}")
    shapes = {}
    for name, entry in header.items():
        _ENTRY.check(entry, f"column {name}")
        if entry["dtype"] != COLUMNS[name][0]:
            raise ValueError(f"column {name} is of type {shown(entry['dtype'])}")
        shapes[name] = tuple(entry["shape"])
    rows = shapes["split"][0]
    if not 3 <= rows <= MOST_ROWS:
        raise ValueError(f"it has {rows} rows, and not 3 to {MOST_ROWS:,}")
    cells = shapes["cells"][-1]
    if cells not in CELLS[kind]:
        sizes = " or ".join(map(str, CELLS[kind]))
        raise ValueError(f"column cells has {cells} cells for each row, not {sizes} of {kind}")
    end = 0
    for name, entry in sorted(header.items(), key=_begin):
        if shapes[name] != ((rows, cells) if name == "cells" else (rows,)):
            raise ValueError(f"column {name} has not one entry for each of the {rows} rows")
        count = rows * (cells if name == "cells" else 1)
        start, stop = entry["data_offsets"]
        if start != end or stop != end + count * np.dtype(COLUMNS[name][1]).itemsize:
            raise ValueError(f"column {name} is not where it must be")
        end = stop
    if end != size:
        raise ValueError(f"its columns have {size} bytes, and its header tells of {end}")
    return shapes
