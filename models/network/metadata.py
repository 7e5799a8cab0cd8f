"""What a checkpoint file says of itself, read without torch and without any weight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...support.errors import LoopstabError, UsageError

KEY = "loopstab"
"""Key of our JSON object among the metadata of a safetensors file."""
LENGTH_BYTES = 8
"""A safetensors file begins with the length of its JSON header, in that many bytes, the lowest
first.
"""
LONGEST_HEADER = 100_000_000
"""Bytes; the limit that the safetensors library sets."""


def read_metadata(path: str | Path) -> dict[str, Any]:
    """The JSON object that `Checkpoint.save` wrote beside the tensors.

    Args:
        path: a .safetensors file.

    Returns:
        The object; no tensor is read.

    Raises:
        UsageError: there is no such file.
        LoopstabError: the file is damaged, shorter or longer than its header says, or was not
            written by loopstab.
    """
    path = Path(path)
    require_file(path)
    try:
        header = _header(path)
        return json.loads(header["__metadata__"][KEY])
    except KeyError:
        raise not_ours(path) from None
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise damaged(path, error) from None


def entries(file: Path) -> dict[str, dict[str, Any]]:
    """Name and metadata of every run in a shard; a checkpoint of one run is its own only entry,
    under the file's name.
    """
    meta = read_metadata(file)
    return meta.get("entries", {file.stem: meta})


def require_file(path: Path) -> None:
    """Raise `UsageError` unless there is a file at the path."""
    if not path.is_file():
        raise UsageError(
            f"no checkpoint at {path}: give the path of a .safetensors file written by loopstab"
            " train"
        )


def damaged(path: Path, error: Exception) -> LoopstabError:
    """The error to raise for a file that cannot be read."""
    return LoopstabError(
        f"checkpoint {path} is corrupt or truncated ({error}): delete it, or restore it from a copy"
    )


def not_ours(path: Path) -> LoopstabError:
    """The error to raise for a safetensors file without our metadata."""
    return LoopstabError(
        f"{path} is a safetensors file, but not one written by loopstab: its metadata has no"
        f" {KEY!r}"
    )


def _header(path: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file whose length agrees with it; `ValueError` otherwise."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if not 0 < length <= LONGEST_HEADER:
            raise ValueError("it does not begin with a header")
        header = json.loads(file.read(length))
    ends = [one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"]
    expected, found = LENGTH_BYTES + length + max(ends, default=0), path.stat().st_size
    if found != expected:
        raise ValueError(f"it has {found} bytes, and its header tells of {expected}")
    return {"__metadata__": {}, **header}
