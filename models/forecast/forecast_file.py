"""The file of forecasts, one line of JSON each, and the checksum that seals it.

A line that stands is never written again, and the checksum beside the file, in the format of
sha256sum, says which forecasts were made before anything was measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from ...support.jsonable import rounded
from ...support.regular_file import read_regular
from ...support.strict_json import parse_json
from .forecast import Forecast

LONGEST = 50_000_000
"""Most bytes of a file of forecasts."""


def seal_path(path: str | Path) -> Path:
    """The path of the checksum of a file: the same name with the ending .sha256."""
    return Path(path).with_suffix(".sha256")


def write_forecasts(path: str | Path, forecasts: Iterable[Forecast]) -> Path:
    """Write forecasts, one line each, and their checksum beside them.

    Args:
        path: the file, which is replaced when the new one is complete.
        forecasts: the records.

    Raises:
        LoopstabError: a file cannot be written.
    """
    path = Path(path)
    text = "".join(json.dumps(rounded(one.to_json()), allow_nan=False) + "\n" for one in forecasts)
    write_atomic(path, text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    write_atomic(seal_path(path), f"{digest}  {path.name}\n")
    return path


def read_forecasts(path: str | Path) -> list[Forecast]:
    """The forecasts of a file, which must agree with the checksum beside it.

    Args:
        path: a file that `write_forecasts` wrote.

    Returns:
        The records, in the order of the lines.

    Raises:
        UsageError: there is no such file, or no checksum beside it.
        LoopstabError: the file does not agree with its checksum, or a line is damaged.
    """
    path = Path(path)
    raw, seal = _read(path), _read(seal_path(path)).decode(errors="replace")
    if seal.split() != [hashlib.sha256(raw).hexdigest(), path.name]:
        raise LoopstabError(
            f"{path} does not agree with {seal_path(path).name}: it was changed after it was"
            " predicted; restore both from a copy"
        )
    found: dict[tuple[str, str, str], Forecast] = {}
    for number, line in enumerate(raw.splitlines(), 1):
        try:
            data = parse_json(line)
        except ValueError as error:
            raise LoopstabError(
                f"line {number} of {path} is damaged ({error}): restore it from a copy"
            ) from None
        one = Forecast.from_json(data, f"line {number} of {path}")
        if one.key in found:
            raise LoopstabError(
                f"line {number} of {path} repeats {', '.join(one.key)}: restore it from a copy"
            )
        found[one.key] = one
    return list(found.values())


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, LONGEST)
    except FileNotFoundError:
        raise UsageError(f"there is no {path}: loopstab predict makes it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LoopstabError(f"cannot read {path}: {reason}") from None
