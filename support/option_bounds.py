"""Bounds of the options of commands, which are checked before any work."""

from __future__ import annotations

from typing import Any

from .errors import UsageError
from .schema import Kind, ListOf, Number, SchemaError, Whole

COUNT = Whole(1, 10**9)
"""How often something is done: iterations, inputs, networks."""
COUNT_OR_NONE = Whole(0, 10**9)
INPUTS = Whole(1, 10**6)
RADIUS = Number(0, 1e100, above=True)
MINUTES = Number(0, 60 * 24 * 366, above=True)
"""A budget: up to a year."""
THREADS = Whole(1, 1024)
SIZES = ListOf(Whole(1, 10**5), longest=1000, shortest=1)
"""State sizes, one or more."""


def check_options(**options: tuple[Any, Kind]) -> None:
    """Raise `UsageError` unless every option has a value of its kind.

    Args:
        **options: name of an option, with its value and its kind.

    Example:
        >>> from loopstab.support.option_bounds import COUNT, check_options
        >>> try:
        ...     check_options(lyapunov_loops=(0, COUNT))
        ... except UsageError as error:
        ...     print(error)
        --lyapunov-loops must be a whole number from 1 to 1000000000, not 0
    """
    for name, (value, kind) in options.items():
        try:
            kind.check(value, f"--{name.rstrip('_').replace('_', '-')}")
        except SchemaError as error:
            raise UsageError(str(error)) from None
