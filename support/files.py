"""Writing results so that a crash, a full disk or Ctrl-C leaves either the old file or the new one,
never half of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .errors import LoopstabError, UsageError


def output_folder(path: str | Path) -> Path:
    """Create the folder if needed and return it; `UsageError` when it cannot be created or
    written.
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
    """Write the whole file beside its target, flush it to disk, then rename it into place.

    Raises `LoopstabError` naming the file and the cause; whatever stood at `path` before is then
    untouched.
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
    """`write_atomic` of indented JSON; NaN and infinities are refused (`ValueError`), so any reader
    can parse it.
    """
    return write_atomic(path, json.dumps(data, indent=1, allow_nan=False) + "\n")
