"""Files that are never half written: after a crash, a full disk or Ctrl-C the old file stands."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from .errors import LoopstabError, UsageError

LONGEST_NAME = 100
"""Bytes of a file's name that the name of its unfinished file repeats."""
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:60]
_START = int(time.time())
"""Tells this process from an earlier one of the same number, such as the first of a container."""
_UNFINISHED = re.compile(rf"\..+\.{re.escape(_HOST)}\.(?P<process>\d+)\.(?P<start>\d+)\.tmp")


def output_folder(path: str | Path) -> Path:
    """Create the folder if it does not exist, and return it.

    Unfinished files that a killed process left in it are deleted.

    Raises:
        UsageError: the folder cannot be created or written to.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot write to {folder}: {reason}; choose another --out") from None
    clear_unfinished(folder)
    return folder


def write_atomic(
    path: str | Path, data: bytes | str, *, mode: int = 0o666, flush: bool = True
) -> Path:
    """Write a file beside its target, flush it to disk, rename it into place, and return its path.

    Where the system can, the file has no name until it is complete, so that a killed process leaves
    nothing behind. A device or a pipe is refused: the rename would put a file in its place.

    Args:
        path: the file.
        data: its content.
        mode: who may read and write it, less what the process masks.
        flush: whether to wait for the disk; else a crash of the machine may damage the file.

    Raises:
        LoopstabError: the file cannot be written; a file that stood at `path` is untouched.
    """
    path = Path(path)
    raw = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(unfinished_name(path.name))
    if os.path.exists(path) and not os.path.isfile(path):
        raise LoopstabError(f"cannot write {path}: it is no regular file; choose another --out")
    try:
        descriptor, named = _open(path.parent, temporary, mode)
        with open(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            if flush:
                os.fsync(descriptor)
            if not named:
                _give_name(descriptor, temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise LoopstabError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another --out"
            " (earlier results are untouched)"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


def write_json(path: str | Path, data: Any) -> Path:
    """Write indented JSON with `write_atomic`, and return its path.

    Raises:
        ValueError: the data hold NaN or an infinity, which JSON does not have.
        LoopstabError: the file cannot be written.
    """
    return write_atomic(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def unfinished_name(name: str) -> str:
    """The name of the unfinished file of `name`, which tells host and process."""
    short = name.encode(errors="surrogateescape")[:LONGEST_NAME].decode(errors="ignore")
    return f".{short}.{_HOST}.{os.getpid()}.{_START}.tmp"


def clear_unfinished(folder: str | Path) -> list[Path]:
    """Delete the unfinished files of processes of this host that no longer run; returns them."""
    cleared = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _UNFINISHED.fullmatch(entry.name)
            if found and not _runs(int(found["process"]), int(found["start"])):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
                    cleared.append(Path(entry.path))
    return cleared


def _runs(process: int, start: int) -> bool:
    """Whether that process may still run, and is not an earlier one of the number of this one."""
    return start == _START if process == os.getpid() else is_running(process)


def is_running(process: int) -> bool:
    """Whether a process of that number may run on this host; True where that cannot be told."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _open(folder: Path, temporary: Path, mode: int) -> tuple[int, bool]:
    """A new file to write to, with or without a name, and whether it has one."""
    with contextlib.suppress(OSError, AttributeError):
        if os.path.isdir("/proc/self/fd"):
            return os.open(folder, os.O_TMPFILE | os.O_WRONLY, mode), False
    return os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, mode), True


def _give_name(descriptor: int, temporary: Path) -> None:
    temporary.unlink(missing_ok=True)
    # with a descriptor of a folder, which an absolute path makes no use of, the link is followed
    os.link(f"/proc/self/fd/{descriptor}", temporary, src_dir_fd=descriptor)
