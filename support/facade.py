"""Public names of the package, for a lower floor that hands a user's request on to an upper one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

PACKAGE = __name__.partition(".")[0]


def public(name: str) -> Any:
    """The object that `from loopstab import NAME` gives, imported when it is asked for.

    Imports only go down. Where a user asks an object of a lower floor for something that only an
    upper floor can do, such as a figure, the lower floor finds it as the user would: by its public
    name.

    Args:
        name: a name of `loopstab.__all__`.

    Raises:
        AttributeError: there is no such name.
        MissingPackageError: what it needs is not installed.

    Example:
        >>> from loopstab.support.facade import public
        >>> public("UsageError").__name__
        'UsageError'
    """
    return getattr(import_module(PACKAGE), name)
