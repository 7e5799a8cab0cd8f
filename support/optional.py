"""Packages that only some installations have: a missing one is an error that says how to install
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import UsageError

PACKAGE = __name__.partition(".")[0]


class MissingPackageError(UsageError, ImportError):
    """A package is not installed; the message names the extra of loopstab that brings it."""


@contextmanager
def optional(extra: str) -> Iterator[None]:
    """Import packages of an extra of loopstab, in the block of this context.

    Args:
        extra: name of the extra in pyproject.toml, such as `models`.

    Raises:
        MissingPackageError: a package cannot be imported; the message is one line with the command
            that installs it.

    Example:
        >>> from loopstab.support.optional import MissingPackageError, optional
        >>> try:
        ...     with optional("models"):
        ...         import no_such_package
        ... except MissingPackageError as error:
        ...     print(error)
        No module named 'no_such_package': pip install 'loopstab[models]'
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == PACKAGE or isinstance(error, UsageError):
            raise
        reason = " ".join(str(error).split())
        raise MissingPackageError(f"{reason}: pip install 'loopstab[{extra}]'") from None
