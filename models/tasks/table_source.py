"""Rows of a puzzle file (CSV, plain, gzip or Zstandard) with their line numbers, and the account of those that are malformed."""

from __future__ import annotations

import csv
import gzip
import hashlib
import random
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from theory.errors import LoopstabError, UsageError

MALFORMED_AT_MOST = 0.01
REPORTED = 20
BLOCK = 1 << 20


@dataclass
class Malformed:
    """The malformed rows of a file: how many, and line and reason of the first ones."""

    path: Path
    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        """Note one row, which is then skipped."""
        self.count += 1
        if len(self.first) < REPORTED:
            self.first.append((line, " ".join(reason.split())))

    def judge(self, rows: int) -> dict[str, Any]:
        """The account as JSON; `UsageError` when more than 1 % of the rows are malformed, or there are no rows at all."""
        if not rows:
            raise UsageError(f"{self.path} holds no rows below its header")
        self.first.sort()
        if self.count > MALFORMED_AT_MOST * rows:
            line, reason = self.first[0]
            raise UsageError(f"{self.path}:{line}: {reason}; {self.count} of {rows} rows are malformed, more than 1 %")
        return {"rows_read": rows, "malformed": self.count, "malformed_lines": [[line, reason] for line, reason in self.first]}


def rows(path: Path, header: Sequence[str], malformed: Malformed) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of every row below the header, which must begin with those columns; blank lines are passed over.

    A row with fewer fields is malformed. Bytes that are not UTF-8 become replacement characters, so that their row fails its checks.
    """
    seen = False
    for number, raw in enumerate(_lines(path), 1):
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace").rstrip("\r\n")
        if not text.strip() and number > 1:
            continue
        try:
            fields = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
        except csv.Error as error:
            malformed.add(number, f"not a CSV row ({error})")
            yield number, []
            continue
        if number == 1:
            if [f.strip() for f in fields[: len(header)]] != list(header):
                raise UsageError(f"{path}:1: the header must begin with {','.join(header)}, not {text[:60]!r}")
            seen = True
        elif len(fields) < len(header):
            malformed.add(number, f"{len(fields)} fields, and {len(header)} are needed ({','.join(header)})")
            yield number, []
        else:
            yield number, fields
    if not seen:
        raise UsageError(f"{path}:1: the file is empty; its header must begin with {','.join(header)}")


def sample(stream: Iterable[tuple[int, list[str]]], size: int | None, seed: int, progress: bool = False) -> list[tuple[int, list[str]]]:
    """All rows, or a uniform sample of that many in the order of the file (reservoir: memory for the sample only)."""
    if size is not None and size < 1:
        raise UsageError(f"a sample needs at least one row, not {size}")
    stream = tqdm(stream, disable=not progress, unit="row", desc="reading")
    if size is None:
        return list(stream)
    rng, kept = random.Random(seed), []
    for i, row in enumerate(stream):
        if i < size:
            kept.append(row)
        elif (j := rng.randrange(i + 1)) < size:
            kept[j] = row
    return sorted(kept, key=lambda row: row[0])


def sha256(path: Path) -> str:
    """Hash of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _lines(path: Path) -> Iterator[bytes]:
    """Lines of the decompressed file; the kind of compression is read from its first bytes."""
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
            f"{path} is compressed with Zstandard: install it with pip install 'loopstab[zst]', or decompress the file"
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
        raise LoopstabError(f"{path} is damaged or incomplete (its last frame has no end): fetch it again")


def _split(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        yield rest
