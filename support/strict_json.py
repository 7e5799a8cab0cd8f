"""JSON from files that anyone may have written: read strictly, with bounds on everything."""

from __future__ import annotations

import json
import math
from typing import Any

DEEPEST = 64
"""Levels of nesting; our own files have fewer than ten."""
LONGEST = 100_000_000
"""Bytes of a text; the limit that the safetensors library sets for its header, too."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Args:
        text: the text; bytes must be UTF-8.

    Raises:
        ValueError: the text is not JSON, is longer than `LONGEST`, is nested deeper than
            `DEEPEST`, repeats a key, or holds a number that is not finite or a character that
            Unicode does not have (a lone surrogate).

    Example:
        >>> parse_json('{"steps": 3}')
        {'steps': 3}
        >>> try:
        ...     parse_json("[NaN]")
        ... except ValueError as error:
        ...     print(error)
        it holds NaN, which is not JSON
    """
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} bytes")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text (byte {error.start})") from None
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"it has the key {twice[:40]!r} twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"it holds {name}, which is not JSON")


def _check(value: Any) -> None:
    """Check depth, numbers and texts without recursion."""
    level = [value]
    for _ in range(DEEPEST):
        following: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                following += item.values()
                following += item  # its keys
            elif isinstance(item, list):
                following += item
            elif isinstance(item, float):
                if not math.isfinite(item):
                    raise ValueError("it holds a number that is too large")
            elif isinstance(item, str) and not item.isascii():
                _encode(item)
        if not following:
            return
        level = following
    raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def _encode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds a lone surrogate, which is no character") from None
