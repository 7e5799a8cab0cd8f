"""Text that can be shown: what a file or a server says may hold control sequences of a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of Unicode that a terminal acts on or does not show: controls, formats (which can turn
the direction of text around), lone surrogates, and separators of lines.
"""
KEPT = frozenset("\n\t")


def printable(text: str, kept: frozenset[str] = KEPT) -> str:
    r"""The text with every character that acts on a terminal as its escape sequence.

    Args:
        text: any text.
        kept: characters that stay; default: the end of a line and the tabulator.

    Example:
        >>> print(printable("two\x1b[2Jtricks \u202etxt"))
        two\x1b[2Jtricks \u202etxt
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in kept or not _hidden(c) else _escaped(c) for c in text)


def _hidden(character: str) -> bool:
    return not character.isprintable() and unicodedata.category(character) in HIDDEN


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


class PrintableStream:
    """A text stream on which only text that can be shown arrives; all else is the stream's own.

    Args:
        stream: the stream that is written to.
        kept: pattern of the sequences that pass, such as those that move a progress bar.
    """

    def __init__(self, stream: TextIO, kept: re.Pattern[str] | None = None):
        self._stream, self._kept = stream, kept

    def write(self, text: str) -> int:
        """Write the text as `printable` makes it; returns the number of its characters."""
        self._stream.write("".join(self._shown(text)))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of the texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _shown(self, text: str) -> Iterator[str]:
        end = 0
        for found in self._kept.finditer(text) if self._kept else ():
            yield printable(text[end : found.start()])
            yield found[0]
            end = found.end()
        yield printable(text[end:])
