"""Folders that one process at a time writes to."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LoopstabError
from .files import output_folder

LOCK = ".lock"
"""Name of the file in a folder that is locked while a process writes to it."""


@contextmanager
def locked(folder: str | Path, wait: bool = False, lock: str = LOCK) -> Iterator[bool]:
    """Lock a folder, and yield whether this process now holds it.

    The system frees the lock when its holder ends in whatever way, so that none is left behind.

    Args:
        folder: an existing folder.
        wait: whether to wait until the lock is free.
        lock: name of the file that is locked.

    Raises:
        LoopstabError: the file system has no locks, or the folder cannot be written to.
    """
    file = Path(folder) / lock
    try:
        handle = open(file, "a")  # noqa: SIM115  # closed below, whatever happens
    except OSError as error:
        raise LoopstabError(
            f"cannot write {file}: {error.strerror}; choose another --out"
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            raise LoopstabError(
                f"cannot lock {file}: {error.strerror}; put --out on a file system with locks"
            ) from None
        yield True


@contextmanager
def exclusive_folder(path: str | Path) -> Iterator[Path]:
    """Create a folder like `output_folder`, and keep other processes of loopstab out of it.

    Args:
        path: the folder.

    Raises:
        UsageError: the folder cannot be created or written to.
        LoopstabError: another process is writing to it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place, exclusive_folder(place) as folder:
        ...     folder.name == Path(place).name
        True
    """
    folder = output_folder(path)
    with locked(folder) as mine:
        _require(mine, folder)
        yield folder


@contextmanager
def exclusive_file(path: Path) -> Iterator[Path]:
    """Create the folder of a file, and keep other processes of loopstab from writing the file.

    Args:
        path: the file, which need not exist.

    Raises:
        UsageError: the folder cannot be created or written to.
        LoopstabError: another process is writing the file.
    """
    with locked(output_folder(path.parent), lock=f".{path.name[:100]}{LOCK}") as mine:
        _require(mine, path)
        yield path


def _require(mine: bool, place: Path) -> None:
    if not mine:
        raise LoopstabError(
            f"another process is writing to {place}: wait until it has ended, or choose another"
            " --out"
        )
