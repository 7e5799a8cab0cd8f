"""Progress bars on a terminal, and lines in a log."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

EVERY = 10.0
"""Seconds between two lines in a log; work that takes less leaves none."""


def progress_bar(
    iterable: Iterable[Any] | None = None,
    *,
    total: float | None = None,
    initial: int = 0,
    unit: str = "it",
    desc: str = "",
    shown: bool = True,
    **options: Any,
) -> tqdm[Any]:
    """A bar of tqdm, or where the error stream is no terminal, a line of text now and then.

    Args:
        iterable: what is counted as it is iterated over; None to call `update`.
        total: number of units; None where it is not known.
        initial: units that were done before.
        unit: name of a unit.
        desc: what is being done.
        shown: whether anything is shown.
        **options: further options of tqdm.

    Returns:
        The bar: an iterator and a context.

    Example:
        >>> [n for n in progress_bar([1, 2], unit="run", shown=False)]
        [1, 2]
    """
    kind = tqdm if sys.stderr.isatty() else _Lines
    return kind(
        iterable,
        total=total,
        initial=initial,
        unit=unit,
        desc=desc,
        disable=not shown,
        dynamic_ncols=True,
        **options,
    )


class _Lines(tqdm):
    """A bar that is written as a line every `EVERY` seconds."""

    def __init__(self, *args: Any, **options: Any):
        self._next, self._written = time.monotonic() + EVERY, -1
        super().__init__(*args, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        if time.monotonic() >= self._next:
            self._line()
        return True

    def clear(self, nolock: bool = False) -> None:
        """Do nothing: a line that is written stays."""

    def close(self) -> None:
        if not self.disable:
            if 0 <= self._written < self.n:
                self._line()
            self._next, self.fp = float("inf"), io.StringIO()
        super().close()

    def _line(self) -> None:
        facts = {**self.format_dict, "ncols": None, "ascii": True, "bar_format": _FORMAT}
        if facts["total"] is None:
            facts["bar_format"] = _FORMAT.replace("/{total_fmt}", "")
        self._next, self._written = time.monotonic() + EVERY, self.n
        self.fp.write(self.format_meter(**facts).strip(": ") + "\n")
        self.fp.flush()


_FORMAT = "{desc}: {n_fmt}/{total_fmt} {unit}, {elapsed}, {rate_fmt}{postfix}"
