"""The lines of a text file, plain or compressed, in bounded memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from ...support.errors import LoopstabError, UsageError

BLOCK = 1 << 20
"""Bytes that are read at a time."""
LONGEST = 1 << 20
"""Bytes of the longest line that is read."""
ZSTANDARD_BLOCK = 1 << 12
"""Compressed bytes that are decoded at a time: 4 of them can stand for 128 KiB, so 128 MiB is the
most that can come of one block.
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

    Raises:
        UsageError: there is no such file, it is no text, or a line is longer than `LONGEST`.
        LoopstabError: the compressed file is damaged.
    """
    for number, raw in enumerate(_lines(path), 1):
        encoding = "utf-8-sig" if number == 1 else "utf-8"
        yield number, raw.decode(encoding, errors="replace").rstrip("\r\n")


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            magic = file.read(6)
            file.seek(0)
            for first, way_out in UNREADABLE.items():
                if magic.startswith(first):
                    raise UsageError(f"{path} {way_out}")
            yield from _split(_blocks(file, magic, path), path)
    except FileNotFoundError:
        raise UsageError(f"no file at {path}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LoopstabError(f"{path} is damaged or incomplete ({error}): fetch it again") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


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
            raise LoopstabError(
                f"{path} is damaged or incomplete ({error}): fetch it again"
            ) from None


def _zstandard(file: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        raise UsageError(
            f"{path} is compressed with Zstandard: install it with pip install 'loopstab[zst]', or"
            " decompress the file"
        ) from None
    decoder = zstandard.ZstdDecompressor().decompressobj()
    started = False
    try:
        for block in _read(file, ZSTANDARD_BLOCK):
            rest = block
            while rest:
                if decoder.eof:
                    decoder = zstandard.ZstdDecompressor().decompressobj()
                yield decoder.decompress(rest)
                started, rest = True, decoder.unused_data if decoder.eof else b""
    except zstandard.ZstdError as error:
        raise LoopstabError(f"{path} is damaged or incomplete ({error}): fetch it again") from None
    if not started or not decoder.eof:
        raise LoopstabError(
            f"{path} is damaged or incomplete (its last frame has no end): fetch it again"
        )


def _split(blocks: Iterable[bytes], path: Path) -> Iterator[bytes]:
    rest, number = b"", 1
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            _check_length(line, path, number)
            number += 1
            yield line
        _check_length(rest, path, number)
    if rest:
        yield rest


def _check_length(line: bytes, path: Path, number: int) -> None:
    if len(line) > LONGEST:
        raise UsageError(
            f"{path}:{number}: the line is longer than {LONGEST >> 20} MiB: give a text file with"
            " one puzzle a line"
        )
