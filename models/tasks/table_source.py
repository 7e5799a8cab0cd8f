"""The rows of a puzzle file (CSV, plain, gzip or Zstandard) with their line numbers, and a report
of the malformed ones.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import random
import zlib
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...support.errors import LoopstabError, UsageError

MALFORMED_AT_MOST = 0.01
"""Share of malformed rows above which a file is refused."""
REPORTED = 20
"""Malformed rows that are reported with line and reason."""
BLOCK = 1 << 20
"""Bytes that are read at a time."""

Row = tuple[int, list[str] | str]
"""A line number, with the fields of the row or with the reason why it has none."""


@dataclass
class Malformed:
    """The malformed rows of a file: their number, and line and reason of the first ones."""

    path: Path
    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        """Take note of a row that is skipped."""
        self.count += 1
        insort(self.first, (line, " ".join(reason.split())))
        del self.first[REPORTED:]

    def judge(self, rows: int) -> dict[str, Any]:
        """The report as a JSON object; `UsageError` when there are no rows, or when too many of
        them are malformed.
        """
        if not rows:
            raise UsageError(f"{self.path} holds no rows below its header")
        if self.count > MALFORMED_AT_MOST * rows:
            line, reason = self.first[0]
            raise UsageError(
                f"{self.path}:{line}: {reason}; {self.count} of {rows} rows are malformed, more"
                " than 1 %"
            )
        return {
            "rows_checked": rows,
            "malformed": self.count,
            "malformed_lines": [[line, reason] for line, reason in self.first],
        }


def rows(path: Path, header: Sequence[str]) -> Iterator[Row]:
    """Every row below the header; blank lines are skipped.

    The header must begin with the given columns (`UsageError`). Each line is a row of its own, so
    that a stray quote spoils only one row. Bytes that are not UTF-8 become replacement characters,
    on which the checks of their row fail later.
    """
    number = 0
    for number, raw in enumerate(_lines(path), 1):
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace").rstrip("\r\n")
        try:
            fields = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
        except csv.Error as error:
            yield number, f"not a CSV row ({error})"
            continue
        if number == 1:
            if [f.strip() for f in fields[: len(header)]] != list(header):
                raise UsageError(
                    f"{path}:1: the header must begin with {','.join(header)}, not {text[:60]!r}"
                )
        elif len(fields) >= len(header):
            yield number, fields
        elif text.strip():
            yield number, f"{len(fields)} fields, and {len(header)} are needed ({','.join(header)})"
    if not number:
        raise UsageError(
            f"{path}:1: the file is empty; its header must begin with {','.join(header)}"
        )


def sample(stream: Iterable[Row], size: int | None, seed: int, progress: bool = False) -> list[Row]:
    """All rows, or a uniform sample of `size` rows in the order of the file.

    The sample is drawn into a reservoir, so that memory is needed for its rows alone.
    """
    if size is not None and size < 1:
        raise UsageError(f"a sample needs at least one row, not {size}")
    stream = tqdm(stream, disable=None if progress else True, unit="row", desc="reading")
    if size is None:
        return list(stream)
    rng, kept = random.Random(seed), []
    for i, row in enumerate(stream):
        if i < size:
            kept.append(row)
        elif (j := rng.randrange(i + 1)) < size:
            kept[j] = row
    return sorted(kept, key=lambda row: row[0])


def whole(text: str) -> int | None:
    """The number that a field gives in ASCII digits, or None; a table holds numbers up to 65535."""
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        return None
    return int(text) if int(text) < 2**16 else None


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of the decompressed file; its first bytes tell how it is compressed."""
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
            file.seek(0)
            if magic[:2] == b"\x1f\x8b":
                with gzip.open(file) as plain:
                    yield from plain
            elif magic == b"\x28\xb5\x2f\xfd":
                yield from _split(_zstandard(file, path))
            else:
                yield from file
    except FileNotFoundError:
        raise UsageError(f"no file at {path}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LoopstabError(f"{path} is damaged or incomplete ({error}): fetch it again") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


def _zstandard(file: Any, path: Path) -> Iterator[bytes]:
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
        while block := file.read(BLOCK):
            while block:
                if decoder.eof:
                    decoder = zstandard.ZstdDecompressor().decompressobj()
                yield decoder.decompress(block)
                started, block = True, decoder.unused_data if decoder.eof else b""
    except zstandard.ZstdError as error:
        raise LoopstabError(f"{path} is damaged or incomplete ({error}): fetch it again") from None
    if not started or not decoder.eof:
        raise LoopstabError(
            f"{path} is damaged or incomplete (its last frame has no end): fetch it again"
        )


def _split(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    if rest:
        yield rest
