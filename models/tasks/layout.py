"""The layout of a puzzle file: which field of a row holds what."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...support.errors import UsageError

DELIMITERS = (",", "\t", ";", " ")
"""What may stand between the fields of a row; the last means any number of blanks."""
MOST_COLUMNS = 1000
"""Columns of the widest file that is read."""
LONGEST_FIELD = 10_000
"""Characters of the longest field that is read; the longest of a puzzle has some hundreds."""

Fields = Mapping[str, str]
"""The fields of a row by our names of their columns; a column that the file lacks is absent."""


@dataclass(frozen=True)
class Column:
    """A column that a file can have.

    Attributes:
        name: our name.
        known: its names in published files in lower case, without what is not a letter; the first
            of them that the header has is used.
        needed: whether a file without the column is refused.
    """

    name: str
    known: tuple[str, ...]
    needed: bool = True


@dataclass(frozen=True)
class Form:
    """What the files of one kind of puzzle can look like.

    Attributes:
        columns: the columns that are read.
        bare: places of the columns, counted from 0, in files without a header, most telling first.
            Where the rating is among them, the row may have further fields.
        is_row: whether the fields of these places belong to a puzzle and not to a header.
        example: an example of the option --columns.
    """

    columns: tuple[Column, ...]
    bare: tuple[Mapping[str, int], ...]
    is_row: Callable[[Fields], bool]
    example: str

    def layout(self, text: str, given: str | None = None, where: str = "line 1") -> Layout:
        """Tell the layout of a file by its first row.

        Args:
            text: the first line that holds more than a comment.
            given: the option --columns: `NAME=COLUMN,...` with our names and the names or numbers
                (from 1) of the columns of the file; no column after `=` means none.
            where: the file and its line, for the message.

        Raises:
            UsageError: a needed column is not found.
        """
        if "\r" in text:
            raise UsageError(f"{where}: the lines end in CR alone: write them with LF or CR LF")
        if "\0" in text:
            raise UsageError(f"{where}: this is not text (it holds NUL bytes): give a CSV file")
        wish, found = self._wish(given), {}
        for delimiter in DELIMITERS:
            try:
                fields = [field.strip() for field in split(text, delimiter)]
            except csv.Error:
                continue
            if len(fields) > MOST_COLUMNS:
                continue
            named = self._named(fields, wish)
            for places, header in self._guesses(fields, named, bare=not wish):
                if header != self.is_row({name: fields[place] for name, place in places.items()}):
                    names = fields if header else [f"field {i + 1}" for i in range(len(fields))]
                    return Layout(places, delimiter, header, tuple(names))
            found = max(found, named, key=len)
        missing = [column.name for column in self.columns if column.needed]
        missing = [name for name in missing if name not in found] or missing
        raise UsageError(
            f"{where}: {text[:60]!r} does not say where to find {', '.join(missing)}: name the"
            f" columns, or number them from 1, such as --columns {self.example}"
        )

    def _wish(self, given: str | None) -> dict[str, str]:
        """Our names with the columns that the option gives them."""
        names = [column.name for column in self.columns]
        wish: dict[str, str] = {}
        for part in (given or "").split(","):
            name, equals, column = (piece.strip() for piece in part.partition("="))
            if given is not None and (not equals or name not in names or name in wish):
                raise UsageError(
                    f"--columns {given[:60]!r}: {part[:60]!r} is not a column of its own out of"
                    f" {', '.join(names)}: write --columns {self.example}"
                )
            wish[name] = column
        return wish if given is not None else {}

    def _named(self, fields: Sequence[str], wish: Mapping[str, str]) -> dict[str, int]:
        """The places of the columns that the option or the header names; none where the header
        lacks a column that the option names.
        """
        plain = [_plain(field) for field in fields]
        places = {}
        for column in self.columns:
            if column.name in wish:
                place = _place(fields, plain, wish[column.name])
                if place is None and wish[column.name]:
                    return {}
            else:
                name = next((known for known in column.known if known in plain), None)
                place = None if name is None else plain.index(name)
            if place is not None:
                places[column.name] = place
        return places

    def _guesses(
        self, fields: Sequence[str], named: Mapping[str, int], bare: bool
    ) -> Iterator[tuple[Mapping[str, int], bool]]:
        """Places that the row allows, with whether the row is then a header."""
        if all(column.name in named for column in self.columns if column.needed):
            yield named, True
            yield named, False
        used = max((i + 1 for i, field in enumerate(fields) if field), default=0)
        for places in self.bare if bare else ():
            last = max(places.values())
            if last < used and ("rating" in places or used == last + 1):
                yield places, False


@dataclass(frozen=True)
class Layout:
    """Where the fields of a row stand.

    Attributes:
        places: our names of the columns, with the index of their field.
        delimiter: one of `DELIMITERS`.
        header: whether the first row names the columns.
        names: the names of all columns of the file.
    """

    places: Mapping[str, int]
    delimiter: str
    header: bool
    names: tuple[str, ...]

    def fields(self, text: str) -> dict[str, str]:
        """The fields of a row; `ValueError` says why it has none."""
        needed = max(self.places.values()) + 1
        try:
            fields = split(text, self.delimiter, needed)
        except csv.Error:
            raise ValueError(
                "not a CSV row (a quotation mark without its twin, a CR, or a field too long)"
            ) from None
        if len(fields) < needed:
            raise ValueError(
                f"{len(fields)} fields, and {needed} are needed"
                f" ({','.join(self.names[:needed])[:200]})"
            )
        found = {name: fields[place].strip().strip('"') for name, place in self.places.items()}
        for name, field in found.items():
            if len(field) > LONGEST_FIELD:
                raise ValueError(f"the {name} has {len(field)} characters, more than any puzzle")
        return found


def split(text: str, delimiter: str, most: int = MOST_COLUMNS) -> list[str]:
    """The fields of a row, of which the first `most` are separated; `csv.Error` where quotation
    marks do not match.
    """
    if delimiter == " ":
        return text.split(maxsplit=most)
    if '"' in text:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    return text.split(delimiter, most)


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _place(fields: Sequence[str], plain: Sequence[str], column: str) -> int | None:
    """The index of the column of that name, or else of that number from 1."""
    if column in fields:
        return fields.index(column)
    if _plain(column) and _plain(column) in plain:
        return plain.index(_plain(column))
    if column.isascii() and column.isdecimal() and 1 <= int(column[:9]) <= len(fields):
        return int(column) - 1
    return None
