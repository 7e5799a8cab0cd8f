"""Results as JSON that every reader can parse: JSON has neither NaN nor infinity."""

from __future__ import annotations

import json
import math
from typing import Any


def jsonable(value: Any) -> Any:
    """The value in the types that JSON has.

    Args:
        value: numbers, text, None, NumPy arrays and scalars, and dictionaries, lists and tuples
            of such values.

    Returns:
        The same, where NaN and infinities have become None, complex numbers `[real, imaginary]`,
        arrays and tuples lists, and the keys of dictionaries text.

    Example:
        >>> from loopstab.support.jsonable import jsonable
        >>> jsonable({1: (2.0, float("inf")), "z": 1 + 2j})
        {'1': [2.0, None], 'z': [1.0, 2.0]}
    """
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy's arrays and scalars, without importing NumPy
        return jsonable(value.tolist())
    if isinstance(value, complex):
        return [jsonable(value.real), jsonable(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def rounded(value: Any, digits: int = 6) -> Any:
    """A JSON value whose fractions have that many significant digits.

    Args:
        value: numbers, text, None, and dictionaries, lists and tuples of such values.
        digits: significant digits, from 1 to 17.

    Example:
        >>> from loopstab.support.jsonable import rounded
        >>> rounded({"p": 1 / 3, "n": (1234567, None)})
        {'p': 0.333333, 'n': [1234567, None]}
    """
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def json_text(value: Any) -> str:
    """`jsonable(value)` as indented JSON text."""
    return json.dumps(jsonable(value), indent=1, allow_nan=False)
