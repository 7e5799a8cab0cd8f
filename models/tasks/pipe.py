"""Puzzles that come through a pipe, such as `<(xzcat puzzles.csv.xz)` in a shell."""

from __future__ import annotations

import os
import select
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...support.errors import UsageError
from .text_lines import BLOCK, MOST_BYTES

PATIENCE = 60.0
"""Seconds without a byte after which nothing more is expected of a pipe."""


@contextmanager
def without_pipe(path: Path) -> Iterator[Path]:
    """The path itself, or where it is a pipe, a temporary file with all that came through it.

    A pipe can be read only once, and what is read is also hashed.

    Raises:
        UsageError: nothing comes through the pipe for `PATIENCE`, or more than `MOST_BYTES` come.
    """
    try:
        is_pipe = path.is_fifo()
    except OSError:  # whoever reads it says what is wrong
        is_pipe = False
    if not is_pipe:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="loopstab-") as folder:
        copy = Path(folder) / path.name
        try:
            _copy(path, copy)
        except OSError as error:
            raise UsageError(f"cannot copy the pipe {path}: {error.strerror or error}") from None
        yield copy


def _copy(path: Path, copy: Path) -> None:
    size = 0
    # without the flag, opening would wait for ever for somebody who writes
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb", buffering=0) as pipe, open(copy, "wb") as file:
        while select.select([pipe], [], [], PATIENCE)[0]:
            block = pipe.read(BLOCK)
            if not block:
                return
            size += len(block)
            if size > MOST_BYTES:
                raise UsageError(f"more than {MOST_BYTES >> 30} GiB come through the pipe {path}")
            file.write(block)
    raise UsageError(f"nothing came through the pipe {path} for {PATIENCE:g} s: give a file")
