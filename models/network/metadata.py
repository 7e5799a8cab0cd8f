"""What a checkpoint file says of itself, read without torch and without any weight."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...support.errors import LoopstabError, UsageError
from ...support.safetensors_header import read_safetensors_header
from ...support.schema import ListOf, ObjectOf, SchemaError, Text, Whole, shown
from ...support.strict_json import parse_json
from .record_schema import META, lacking

KEY = "loopstab"
"""Key of our JSON object among the metadata of a safetensors file."""
DATA_KEY = "loopstab-data"
"""Key of the JSON object of prepared data."""
CHECKSUM = "checksum"
"""Key of the checksum in that object, where it stands last."""
LONGEST_HEADER = 100_000_000
"""Bytes; the limit that the safetensors library sets."""
BYTES = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2}
"""Names of the dtypes that we write, and the bytes of a number."""

TENSOR = ObjectOf(
    {
        "dtype": Text(names=BYTES),
        "shape": ListOf(Whole(1, 2**40), 8),
        "data_offsets": ListOf(Whole(0, 2**50), 2, 2),
    }
)


class Header(NamedTuple):
    """The header of a checkpoint file.

    Attributes:
        meta: the JSON object, without the checksum.
        shapes: the shape of every tensor.
        checksum: that of the contents; None where the file carries none.
    """

    meta: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    checksum: str | None


def read_header(path: str | Path) -> Header:
    """Read the header of a file that `Checkpoint.save` wrote; no tensor is read.

    Args:
        path: a .safetensors file.

    Raises:
        UsageError: there is no such file.
        LoopstabError: the file is damaged, shorter or longer than its header says, holds a JSON
            object that is not what it must be, or was not written by loopstab.
    """
    path = Path(path)
    require_file(path)
    try:
        with open(path, "rb") as file:
            tensors, others, size = read_safetensors_header(file, LONGEST_HEADER)
        text = others.get(KEY)
        if text is None:
            raise not_ours(path, others)
        shapes = _shapes(tensors, size)
        meta = parse_json(text)
        META.check(meta, "")
        checksum = meta.pop(CHECKSUM, None)
        if checksum is not None and text != metadata_text(meta, checksum):
            raise SchemaError("its metadata are not in the form in which they are written")
        _check_entries(meta, shapes)
    except (ValueError, OSError) as error:
        raise damaged(path, error) from None
    return Header(meta, shapes, checksum)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """The JSON object that `Checkpoint.save` wrote beside the tensors, as `read_header` reads it.

    Args:
        path: a .safetensors file.

    Raises:
        UsageError: there is no such file.
        LoopstabError: the file is damaged, or was not written by loopstab.
    """
    return read_header(path).meta


def metadata_text(meta: dict[str, Any], checksum: str) -> str:
    """The JSON object as it is written, with the checksum."""
    return json.dumps({**meta, CHECKSUM: checksum}, allow_nan=False)


def entries(file: Path) -> dict[str, dict[str, Any]]:
    """Name and metadata of every run in a shard; a checkpoint of one run is its own only entry,
    under the file's name.

    Raises:
        LoopstabError: the file is damaged, or one of the runs is not finished.
    """
    meta = read_metadata(file)
    found = meta.get("entries", {file.stem: meta})
    for name, one in found.items():
        finished_run(one, f"{file}, {shown(name)}" if "entries" in meta else file)
    return found


def recorded_run(meta: dict[str, Any], source: str | Path) -> dict[str, Any]:
    """The record of the run of a checkpoint; `LoopstabError` where it has none."""
    if "run" not in meta:
        raise LoopstabError(
            f"{source} holds no record of a run (run is missing): give the model.safetensors of a"
            " run"
        )
    return meta["run"]


def finished_run(meta: dict[str, Any], source: str | Path) -> dict[str, Any]:
    """The record of the finished run of a checkpoint; `LoopstabError` where it lacks a field."""
    run = recorded_run(meta, source)
    if (name := lacking(run)) is not None:
        raise LoopstabError(
            f"{source} holds no record of a finished run (run.{name} is missing): give the"
            " model.safetensors of a run that loopstab train has evaluated"
        )
    return run


def require_file(path: Path) -> None:
    """Raise `UsageError` unless there is a regular file at the path."""
    if not os.path.isfile(path):
        raise UsageError(
            f"no checkpoint at {path}: give the path of a .safetensors file written by loopstab"
            " train"
        )


def damaged(path: str | Path, error: object) -> LoopstabError:
    """The error to raise for a file that cannot be read."""
    reason = getattr(error, "strerror", None) or error
    return LoopstabError(
        f"checkpoint {path} is corrupt or truncated ({reason}): delete it, or restore it from a"
        " copy"
    )


def not_ours(path: Path, others: Mapping[str, str]) -> LoopstabError:
    """The error to raise for a safetensors file that has only other metadata than ours."""
    if DATA_KEY in others:
        return LoopstabError(
            f"{path} is prepared data of puzzles, not a checkpoint: give it with --data"
        )
    return LoopstabError(
        f"{path} is a safetensors file, but not one written by loopstab: its metadata has no"
        f" {KEY!r}"
    )


def _shapes(tensors: dict[str, Any], size: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors, whose data must fill the `size` bytes after the header."""
    shapes: dict[str, tuple[int, ...]] = {}
    spans: list[tuple[int, int, int, str]] = []
    for name, one in tensors.items():
        TENSOR.check(one, f"tensor {shown(name)}")
        shapes[name] = tuple(one["shape"])
        first, last = one["data_offsets"]
        spans.append((first, last, math.prod(shapes[name]) * BYTES[one["dtype"]], name))
    end = 0
    for first, last, wanted, name in sorted(spans):
        if first != end or last - first != wanted:
            raise ValueError(f"tensor {shown(name)} does not take the place of its numbers")
        end = last
    if end != size:
        raise ValueError(f"its tensors have {size} bytes, and its header tells of {end}")
    return shapes


def _check_entries(meta: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    """Every run of a shard has tensors, and every tensor a run."""
    if "entries" not in meta:
        return
    having, named = {name.partition("/")[0] for name in shapes}, set(meta["entries"])
    for name in sorted(having ^ named):
        what = "no tensors" if name in named else "tensors, and no metadata"
        raise SchemaError(f"entries: the run {shown(name)} has {what}")
