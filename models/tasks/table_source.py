"""The rows of a puzzle file with their line numbers, and a report of the malformed ones."""

from __future__ import annotations

import hashlib
import random
import re
from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from ...support.errors import UsageError
from ...support.progress_bar import progress_bar
from .layout import Fields, Form, Layout
from .text_lines import BLOCK, MOST_LINES, regular_file, text_lines

MALFORMED_AT_MOST = 0.01
"""Share of malformed rows above which a file is refused."""
REPORTED = 20
"""Malformed rows that are reported with line and reason."""
LONGEST_REASON = 300
"""Characters of the longest reason that is reported; it may quote the file."""

Row = tuple[int, Fields | str]
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
        insort(self.first, (line, " ".join(reason.split())[:LONGEST_REASON]))
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


def rows(path: Path, form: Form, columns: str | None = None) -> tuple[Layout, Iterator[Row]]:
    """The layout of a file, and its rows; blank lines are skipped.

    Lines that begin with # are comments above the first row, and everywhere in a file without a
    header. Each line is a row of its own, so that a stray quotation mark spoils only one row. Bytes
    that are not UTF-8 become replacement characters, on which the checks of their row fail later.

    Args:
        path: the file, plain or compressed.
        form: what it can look like.
        columns: the option --columns (see `Form.layout`).

    Raises:
        UsageError: there is no such file, it is empty, or a needed column is not found.
    """
    lines = text_lines(path)
    for number, text in lines:
        if text.strip() and not text.startswith("#"):
            layout = form.layout(text, columns, f"{path}:{number}")
            return layout, _rows(layout, (number, text), lines)
    raise UsageError(f"{path}:1: the file is empty: it needs a puzzle a line")


def _rows(layout: Layout, first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[Row]:
    for number, text in rest if layout.header else chain([first], rest):
        if text.strip() and (layout.header or not text.startswith("#")):
            try:
                yield number, layout.fields(text)
            except ValueError as error:
                yield number, str(error)


def check_sample(size: int | None) -> None:
    """Raise `UsageError` unless a sample can have that many rows; None stands for all."""
    if size is not None and not 1 <= size <= MOST_LINES:
        raise UsageError(f"a sample has at least one row and at most {MOST_LINES:,}, not {size}")


def sample(
    stream: Iterable[Row], size: int | None, seed: int, progress: bool = False
) -> Iterable[Row]:
    """All rows as they come, or a uniform sample of `size` rows in the order of the file.

    The sample is drawn into a reservoir, so that memory is needed for its rows alone.
    """
    check_sample(size)
    stream = progress_bar(stream, shown=progress, unit="row", desc="reading")
    if size is None:
        return stream
    rng, kept = random.Random(seed), []
    for i, row in enumerate(stream):
        if i < size:
            kept.append(row)
        elif (j := rng.randrange(i + 1)) < size:
            kept[j] = row
    kept.sort(key=lambda row: row[0])
    return progress_bar(kept, shown=progress, unit="row", desc="checking")


def whole(text: str) -> int | None:
    """The whole number that a field gives in ASCII digits, which may end in .0 as pandas writes it;
    None for any other text, or above 65535, which is what a table holds.
    """
    found = re.fullmatch(r"([0-9]{1,5})(?:\.0*)?", text.strip())
    return int(found[1]) if found and int(found[1]) < 2**16 else None


def tenths(text: str) -> int | None:
    """Ten times a number with at most one decimal that is not 0; None for any other text, or for
    more than a table holds.
    """
    found = re.fullmatch(r"([0-9]{1,4})(?:\.([0-9]?)0*)?", text.strip())
    value = int(found[1] + (found[2] or "0")) if found else 2**16
    return value if value < 2**16 else None


def sha256(path: Path) -> str:
    """The SHA-256 of a regular file, in hexadecimal digits; the errors are those of
    `regular_file`.
    """
    digest = hashlib.sha256()
    with regular_file(path) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
