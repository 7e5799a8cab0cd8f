"""Files that are never half written: after a crash, a full disk or Ctrl-C the old file stands."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .errors import LoopstabError, UsageError


def output_folder(path: str | Path) -> Path:
    """Create the folder if it does not exist, and return it.

    Raises:
        UsageError: the folder cannot be created or written to.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"cannot write to {folder}: {error.strerror or error}; choose another --out"
        ) from None
    return folder


def write_atomic(path: str | Path, data: bytes | str) -> Path:
    """Write a file beside its target, flush it to disk, rename it into place, and return its path.

    Raises:
        LoopstabError: the file cannot be written; a file that stood at `path` is untouched.
    """
    path = Path(path)
    raw = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
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
