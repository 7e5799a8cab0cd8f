"""The header of a safetensors file, read without the safetensors library and without a tensor."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, NamedTuple

from .strict_json import parse_json

LENGTH_BYTES = 8
"""The file begins with the length of its JSON header, in that many bytes, the lowest first."""
METADATA = "__metadata__"


class SafetensorsHeader(NamedTuple):
    """What stands before the numbers of a file.

    Attributes:
        tensors: the entry of each tensor, which is not checked here.
        metadata: the metadata, texts by name; empty where there are none.
        size: the number of bytes that follow the header.
    """

    tensors: dict[str, Any]
    metadata: dict[str, str]
    size: int


def read_safetensors_header(file: BinaryIO, longest: int) -> SafetensorsHeader:
    """Read the header of an open file, and stand where the numbers begin.

    Args:
        file: the file, opened for reading bytes, at its beginning.
        longest: most bytes that the header may have.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not begin with such a header.

    Example:
        >>> import tempfile
        >>> from loopstab.support.safetensors_header import read_safetensors_header
        >>> with tempfile.TemporaryFile() as file:
        ...     file.write(bytes([2, 0, 0, 0, 0, 0, 0, 0]) + b"{}" + bytes(4))
        ...     file.seek(0)
        ...     read_safetensors_header(file, longest=100)
        14
        0
        SafetensorsHeader(tensors={}, metadata={}, size=4)
    """
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if not 2 <= length <= longest:
        raise ValueError("it does not begin with the header of a safetensors file")
    raw = file.read(length)
    if len(raw) < length:
        raise ValueError("its header is cut off")
    header = parse_json(raw)
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("the metadata of its header are not texts")
    return SafetensorsHeader(
        header, metadata, os.fstat(file.fileno()).st_size - LENGTH_BYTES - length
    )
