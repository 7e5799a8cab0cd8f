"""Arrays from a .npz file that anyone may have written: sizes and types first, then the numbers."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...support.regular_file import read_regular
from ..arrays import Array

END = ".npy"


def read_npz(path: Path, kinds: Mapping[str, str], most: int) -> dict[str, Array]:
    """The arrays of a file, which must have exactly these names and no more than one axis.

    What the members of the archive say of their sizes, types and shapes is checked before any of
    them is unpacked, and no more is unpacked than they say. No pickle is loaded.

    Args:
        path: the file.
        kinds: the name of every array, and the NumPy kinds that its type may have, such as "f".
        most: bytes that the file, and all arrays together, may have.

    Raises:
        OSError: the file cannot be opened or read.
        ValueError: it is no such file; the message says why.
    """
    raw = io.BytesIO(read_regular(path, most))
    try:
        with zipfile.ZipFile(raw) as archive:
            members = archive.infolist()
            found = [member.filename.removesuffix(END) for member in members]
            if len(found) != len(kinds) or set(found) != set(kinds):
                raise ValueError(f"it does not hold the arrays {', '.join(kinds)}")
            if sum(member.file_size for member in members) > most:
                raise ValueError(f"its arrays have more than {most} bytes")
            return {
                name: _array(archive.read(member), name, kinds[name])
                for name, member in zip(found, members, strict=True)
            }
    except Exception as error:  # of zipfile, zlib or NumPy: all mean damage
        raise ValueError(str(error) or type(error).__name__) from None


def _array(data: bytes, name: str, kinds: str) -> Array:
    """The array of a .npy file."""
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError(f"{name} is not in version 1.0 of the format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in kinds or not dtype.itemsize or len(shape) > 1:
        raise ValueError(f"{name} is of another type or shape")
    if math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise ValueError(f"{name} does not have the size that it states")
    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
