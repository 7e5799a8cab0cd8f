"""Tables and paragraphs for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

WIDEST = 140
"""Characters of the longest line of a paragraph, even in a wider terminal."""


def text_of(value: Any) -> str:
    """The text of a cell: a float with four significant figures, None as a dash."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_rows(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Print rows with equal keys as one table; cells too wide for the terminal are folded."""
    table = Table(title=title)
    for key in rows[0] if rows else ():
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*map(text_of, row.values()))
    Console().print(table)


def print_paragraph(text: str, indent: int = 2, hanging: int | None = None) -> None:
    """Print a text wrapped to the terminal.

    Its first line is indented by `indent`, the others by `hanging`: two more by default.
    """
    further = " " * (indent + 2 if hanging is None else hanging)
    print(
        textwrap.fill(
            text,
            min(Console().width, WIDEST),
            initial_indent=" " * indent,
            subsequent_indent=further,
            break_on_hyphens=False,
        )
    )
