"""Files from outside, read only if they are plain files of a size that can be theirs."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_regular(path: str | Path, most: int, *, links: bool = True) -> bytes:
    """The bytes of a regular file.

    A pipe is not waited for, and a device is not read without end.

    Args:
        path: the file.
        most: bytes that it may have.
        links: whether a symbolic link is followed.

    Raises:
        OSError: the file cannot be opened or read.
        ValueError: it is a folder, a pipe or a device, or it has more bytes than `most`.

    Example:
        >>> try:
        ...     read_regular(".", 100)
        ... except ValueError as error:
        ...     print(error)
        it is not a regular file
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    if not links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    data = bytearray()
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a regular file")
        while part := os.read(descriptor, min(most + 1 - len(data), 1 << 20)):
            data += part
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise ValueError(f"it has more than {most} bytes")
    return bytes(data)
