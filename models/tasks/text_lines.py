"""The lines of a text file, plain or compressed, in bounded memory."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ...support.errors import LoopstabError, UsageError

BLOCK = 1 << 20
"""Bytes that are read at a time."""
LONGEST = 1 << 20
"""Bytes of the longest line that is read."""
MOST_LINES = 50_000_000
"""Lines of the longest file that is read; the largest published sets of puzzles have 10 million."""
MOST_BYTES = 16 << 30
"""Bytes of the longest file that is read, decompressed."""
ZSTANDARD_BLOCK = 1 << 8
"""Compressed bytes that are decoded at a time: 4 of them can stand for 128 KiB, so 8 MiB is the
most that can come of one block.
"""
ZSTANDARD_WINDOW = 1 << 27
"""Bytes of the largest window of a Zstandard file, which its decoder holds in memory: 128 MiB, what
the command zstd accepts without further options.
"""
UNREADABLE = {
    b"PK\x03\x04": "is a zip archive: unpack it, and give the file that was in it",
    b"\xfd7zXZ\x00": "is compressed with xz: decompress it, or use gzip, bzip2 or Zstandard",
    b"PAR1": "is a Parquet file: save its table as CSV",
    b"\xff\xfe": "is UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text: save it as UTF-8",
}
"""The first bytes of files that hold puzzles in another form, with the way out."""


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""The lines of a file with their numbers from 1, without their ends (\n or \r\n).

    The first bytes of the file tell how it is compressed: gzip, bzip2, Zstandard or not at all. A
    mark of byte order is dropped. Bytes that are not UTF-8 become replacement characters.

    Memory stays bounded whatever the file holds. A file must not change while it is read.

    Raises:
        UsageError: there is no such file, it is no regular file or no text, a line is longer than
            `LONGEST`, or the file has more than `MOST_LINES` or `MOST_BYTES`.
        LoopstabError: the compressed file is damaged, or the file was changed meanwhile.
    """
    for number, raw in enumerate(_lines(path), 1):
        encoding = "utf-8-sig" if number == 1 else "utf-8"
        yield number, raw.decode(encoding, errors="replace").rstrip("\r\n")


@contextmanager
def regular_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file to read; pipes, devices and folders are refused before they can block.

    Raises:
        UsageError: there is no such file, it cannot be read, or it is not a regular file.
        LoopstabError: the file was changed between the beginning and the end of the block.
    """
    try:
        # a pipe that nobody writes to would block; a regular file does not know the flag
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise UsageError(f"cannot read {path}: it is no regular file")
            yield file
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise LoopstabError(
                    f"{path} was changed while it was read: try again when it is complete"
                )
    except FileNotFoundError:
        raise UsageError(f"no file at {path}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


def _lines(path: Path) -> Iterator[bytes]:
    with regular_file(path) as file:
        magic = file.read(6) or b""
        file.seek(0)
        for first, way_out in UNREADABLE.items():
            if magic.startswith(first):
                raise UsageError(f"{path} {way_out}")
        try:
            yield from _split(_blocks(file, magic, path), path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _damaged(path, error) from None


def _damaged(path: Path, reason: object) -> LoopstabError:
    return LoopstabError(f"{path} is damaged or incomplete ({reason}): fetch it again")


def _blocks(file: IO[bytes], magic: bytes, path: Path) -> Iterable[bytes]:
    if magic.startswith(b"\x1f\x8b"):
        with gzip.open(file) as plain:
            yield from _read(plain)
    elif magic.startswith(b"BZh"):
        yield from _bzip2(file, path)
    elif magic.startswith(b"\x28\xb5\x2f\xfd"):
        yield from _zstandard(file, path)
    else:
        yield from _read(file)


def _read(file: Any, size: int = BLOCK) -> Iterator[bytes]:
    while block := file.read(size):
        yield block


def _bzip2(file: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        import bz2
    except ImportError:
        raise UsageError(
            f"{path} is compressed with bzip2, which this Python was built without: decompress the"
            " file"
        ) from None
    with bz2.open(file) as plain:
        try:
            yield from _read(plain)
        except OSError as error:  # bz2 reports damage by the class that a failing disk has
            if error.errno is not None:
                raise
            raise _damaged(path, error) from None


def _zstandard(file: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        raise UsageError(
            f"{path} is compressed with Zstandard: install it with pip install 'loopstab[zst]', or"
            " decompress the file"
        ) from None
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTANDARD_WINDOW)
    decoder = decompressor.decompressobj()
    started = False
    try:
        for block in _read(file, ZSTANDARD_BLOCK):
            rest = block
            while rest:
                if decoder.eof:
                    decoder = decompressor.decompressobj()
                plain = decoder.decompress(rest)
                for start in range(0, len(plain), BLOCK):
                    yield plain[start : start + BLOCK]
                started, rest = True, decoder.unused_data if decoder.eof else b""
    except zstandard.ZstdError as error:
        if "memory" in str(error):
            raise UsageError(
                f"{path} was compressed with a window of more than {ZSTANDARD_WINDOW >> 20} MiB:"
                " compress it again without --long or --ultra"
            ) from None
        raise _damaged(path, error) from None
    if not started or not decoder.eof:
        raise _damaged(path, "its last frame has no end")


def _split(blocks: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """The lines of which the blocks are parts; the time is linear however small the blocks are."""
    number, size, begun = 1, 0, bytearray()
    for block in blocks:
        size += len(block)
        if size > MOST_BYTES:
            raise UsageError(f"{path} holds more than {MOST_BYTES >> 30} GiB of text: split it")
        *ends, last = block.split(b"\n")
        for end in ends:
            begun += end
            _check(begun, path, number)
            yield bytes(begun)
            begun.clear()
            number += 1
        begun += last
        if begun:
            _check(begun, path, number)
    if begun:
        yield bytes(begun)


def _check(line: bytearray, path: Path, number: int) -> None:
    if len(line) > LONGEST:
        raise UsageError(
            f"{path}:{number}: the line is longer than {LONGEST >> 20} MiB: give a text file with"
            " one puzzle a line"
        )
    if number > MOST_LINES:
        raise UsageError(f"{path} has more than {MOST_LINES:,} lines: split it")
