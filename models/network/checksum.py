"""Checksums of checkpoint files: of the contents, in the file itself, or of the file, in a list.

A checksum proves that nothing was damaged by accident, on a disk or on the way. It does not prove
who wrote the file: whoever alters one can make a new checksum.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

SUMS = "SHA256SUMS"
"""Name of a list of files of its folder and their SHA-256, as `sha256sum` writes it."""
LONGEST = 1_000_000
"""Most bytes of such a list."""


class Values(NamedTuple):
    """A tensor as it stands in a file.

    Attributes:
        dtype: the name of the dtype in the safetensors format, such as F32.
        shape: its sizes.
        data: its numbers, row by row, the lowest byte of each first.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Any


def checksum(meta: Mapping[str, Any], tensors: Iterable[tuple[str, Values]]) -> str:
    """The SHA-256 of metadata and of names, dtypes, shapes and bytes of all tensors.

    Args:
        meta: a JSON object.
        tensors: the tensors with their names, in any order.

    Returns:
        64 hexadecimal digits.

    Example:
        >>> a, b = Values("F32", (2,), bytes(8)), Values("F32", (1, 2), bytes(8))
        >>> one = checksum({"x": 1, "y": 2}, [("a", a), ("b", b)])
        >>> one == checksum({"y": 2, "x": 1}, [("b", b), ("a", a)])
        True
        >>> one == checksum({"x": 1, "y": 2}, [("a", b), ("b", a)])
        False
    """
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for name, values in sorted(tensors, key=lambda item: item[0]):
        digest.update(json.dumps([name, values.dtype, list(values.shape)]).encode())
        digest.update(values.data)
    return digest.hexdigest()


def is_listed(path: Path) -> bool | None:
    """Whether the file is what `SHA256SUMS` in its folder says; None where that does not name it.

    A file is read once per process, unless it changes.

    Raises:
        OSError: one of the files cannot be read.
        ValueError: the list is not one.
    """
    wanted = _sums(path.parent).get(path.name)
    if wanted is None:
        return None
    stat = path.stat()
    return _sum_of(path, stat.st_size, stat.st_mtime_ns) == wanted


def _sums(folder: Path) -> dict[str, str]:
    file = folder / SUMS
    if not file.is_file():
        return {}
    with open(file, "rb") as stream:
        raw = stream.read(LONGEST + 1)
    lines = raw.decode(errors="replace").splitlines()
    entries = [re.fullmatch(r"([0-9a-f]{64}) [ *]([^/]+)", line) for line in lines]
    if len(raw) > LONGEST or not all(entries):
        raise ValueError(f"{file} is not a list of SHA-256 and file names")
    return {entry[2]: entry[1] for entry in entries if entry}


@cache
def _sum_of(path: Path, size: int, changed: int) -> str:
    """The SHA-256 of a file; size and time of change are part of the key of the cache."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
