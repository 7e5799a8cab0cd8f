"""Cases as data: read-only arrays, written to JSON exactly, and printed for a reader."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ...support.errors import LoopstabError
from ...support.schema import Anything, ListOf, MapOf, ObjectOf, SchemaError, Whole
from .suite import Case

READABLE = 1024
"""The largest denominator that is printed as a fraction: strategies draw multiples of 1/16, and
products of a few of these are still read more easily than decimals.
"""


def frozen(case: Case) -> dict[str, Any]:
    """The case with read-only float64 arrays and plain values; else raises `LoopstabError`."""
    return {name: _frozen(name, value) for name, value in case.items()}


def _frozen(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        array = np.array(value, dtype=np.float64)
        if not np.isfinite(array).all():
            raise LoopstabError(
                f"case field {name!r} is not finite: a case must be data that can be written and"
                " judged again"
            )
        array.flags.writeable = False
        return array
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, bool | int | float | str) or (
        isinstance(plain, float) and not np.isfinite(plain)
    ):
        raise LoopstabError(
            f"case field {name!r} is {value!r}: use finite numbers, strings, booleans or arrays of"
            " float64"
        )
    return plain


def to_json(case: Case) -> dict[str, Any]:
    """The case as a plain object; JSON writes each float so that the same double is read back."""
    return {
        name: (
            {"shape": list(value.shape), "values": value.ravel().tolist()}
            if isinstance(value, np.ndarray)
            else value
        )
        for name, value in sorted(case.items())
    }


def from_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """The case written by `to_json`; for anything else raises `SchemaError`, which names the field.

    Which fields there must be, and of which kind, is known to the suite alone: see `case_fields`.
    """
    MapOf(Anything(), most=MOST_FIELDS).check(data, "case")
    return frozen({name: _value(f"case.{name[:40]}", value) for name, value in data.items()})


def _value(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        if isinstance(value, bool | int | str) or _is_double(value):
            return value
        raise SchemaError(f"{name} must be a finite number, a text, true, false or an array")
    ARRAY.check(value, name)
    return np.array(value["values"], dtype=np.float64).reshape(value["shape"])


def _array_fault(array: Mapping[str, Any]) -> str | None:
    shape, values = array["shape"], array["values"]
    if not all(map(_is_double, values)):
        return "values must be finite numbers"
    return None if math.prod(shape) == len(values) else f"shape {shape} does not fit the values"


def _is_double(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


MOST_FIELDS, LARGEST_AXIS, LARGEST_RANK = 100, 1_000_000, 8
ARRAY = ObjectOf(
    {"shape": ListOf(Whole(0, LARGEST_AXIS), longest=LARGEST_RANK), "values": ListOf(Anything())},
    also=_array_fault,
)
"""How an array is written."""


def digest(data: Any) -> str:
    """A hash of a plain object: 16 hexadecimal digits.

    It has no secret: it finds damage, and proves nothing about who wrote a file or whether the
    content is true. Anyone who edits a file can compute it anew.
    """
    text = json.dumps(data, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def in_words(case: Case) -> str:
    """The case on one line: short fractions as fractions, other numbers with all their digits."""
    return "; ".join(f"{name} = {_words(value)}" for name, value in case.items())


def _words(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return _number(value) if isinstance(value, float) else str(value)
    if value.ndim == 0:
        return _number(float(value))
    parts = [_words(row) if row.ndim else _number(float(row)) for row in value]
    return f"({', '.join(parts)})" if value.ndim == 1 else f"[{'; '.join(parts)}]"


def _number(x: float) -> str:
    fraction = Fraction(x)
    short = fraction.denominator <= READABLE and abs(fraction.numerator) < 10**6
    return str(fraction) if short else repr(x)
