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
        characters = text.decode() if isinstance(text, bytes) else text
        value = json.loads(characters, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text (byte {error.start})") from None
    _check(value, b"\\u" in text if isinstance(text, bytes) else not _plain(text))
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


def _plain(text: str) -> bool:
    """Whether a JSON text cannot hold a lone surrogate."""
    return text.isascii() and "\\u" not in text


def _check(value: Any, texts: bool) -> None:
    """Check depth, numbers and, if asked, texts, without recursion."""
    level = [[value]]
    for _ in range(DEEPEST + 1):
        following: list[Any] = []
        for item in level:
            values = item.values() if isinstance(item, dict) else item
            kinds = set(map(type, values))
            if float in kinds and not all(math.isfinite(v) for v in values if type(v) is float):
                raise ValueError("it holds a number that is too large")
            if dict in kinds or list in kinds:
                following += [v for v in values if isinstance(v, dict | list)]
            if texts:
                for text in (v for v in (*item, *values) if isinstance(v, str)):
                    _encode(text)
        if not following:
            return
        level = following
    raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def _encode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds a lone surrogate, which is no character") from None
