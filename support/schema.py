"""What a value from outside must be: types and bounds, checked before anything is made of it.

A machine that only trains has torch, NumPy, safetensors and tqdm, and reads files too; so this is
written out, and not taken from a library of schemas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UsageError


class SchemaError(ValueError):
    """A value is not what its field holds; the message names the field and the reason."""


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`; True and False are none."""

    low: int
    high: int

    def check(self, value: Any, name: str) -> None:
        """Raise `SchemaError` unless the value is one."""
        if type(value) is not int or not self.low <= value <= self.high:
            raise SchemaError(f"{name} must be a whole number {self.span}, not {shown(value)}")

    def holds_all(self, values: Collection[Any]) -> bool:
        """Whether the values are such numbers, at the speed of built-in functions."""
        if not values:
            return True
        return (
            set(map(type, values)) == {int} and self.low <= min(values) <= max(values) <= self.high
        )

    @property
    def span(self) -> str:
        """The bounds in words."""
        return f"from {self.low} to {self.high}"


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`, without `low` itself if `above`; True is none."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False

    def check(self, value: Any, name: str) -> None:
        """Raise `SchemaError` unless the value is one."""
        number = type(value) in (int, float) and abs(value) <= 1.7e308
        if (
            number
            and (self.low < value if self.above else self.low <= value)
            and value <= self.high
        ):
            return
        span = f" {self.span}" if self.span else ""
        raise SchemaError(f"{name} must be a finite number{span}, not {shown(value)}")

    def holds_all(self, values: Collection[Any]) -> bool:
        """Whether the values are such floats, at the speed of built-in functions; False says
        nothing.
        """
        if set(map(type, values)) != {float} or not all(map(math.isfinite, values)):
            return False
        low = self.low < min(values) if self.above else self.low <= min(values)
        return low and max(values) <= self.high

    @property
    def span(self) -> str:
        """The bounds in words; empty where there are none."""
        first = "above" if self.above else "from"
        low, high = (None if math.isinf(end) else f"{end:g}" for end in (self.low, self.high))
        below, over = f"{first} {low}" * (low is not None), f"up to {high}" * (high is not None)
        return f"{below} {over}".strip()


@dataclass(frozen=True)
class Text:
    """A text of at most `longest` characters, and one of `names` if there are any."""

    longest: int = 10_000
    names: Collection[str] = ()

    def check(self, value: Any, name: str) -> None:
        """Raise `SchemaError` unless the value is one."""
        if not isinstance(value, str):
            raise SchemaError(f"{name} must be a text, not {shown(value)}")
        if self.names and value not in self.names:
            raise SchemaError(f"{name} must be one of {', '.join(self.names)}, not {shown(value)}")
        if len(value) > self.longest:
            raise SchemaError(f"{name} has {len(value)} characters, more than {self.longest}")


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, value: Any, name: str) -> None:
        """Raise `SchemaError` unless the value is one."""
        if not isinstance(value, bool):
            raise SchemaError(f"{name} must be true or false, not {shown(value)}")


@dataclass(frozen=True)
class Maybe:
    """Nothing (null), or a value of that kind."""

    kind: Kind

    def check(self, value: Any, name: str) -> None:
        """Raise `SchemaError` unless the value is one."""
        if value is not None:
            self.kind.check(value, name)


@dataclass(frozen=True)
class ListOf:
    """A list of values of one kind, of `shortest` to `longest` entries."""

    kind: Kind
    longest: int = 1_000_000
    shortest: int = 0

    def check(self, value: Any, name: str) -> None:
        """Raise `SchemaError` unless the value is one."""
        if not isinstance(value, list | tuple):
            raise SchemaError(f"{name} must be a list, not {shown(value)}")
        if not self.shortest <= len(value) <= self.longest:
            raise SchemaError(
                f"{name} has {len(value)} entries, not {self.shortest} to {self.longest}"
            )
        if isinstance(self.kind, Whole | Number) and self.kind.holds_all(value):
            return
        for i, item in enumerate(value):
            self.kind.check(item, f"{name}[{i}]")


@dataclass(frozen=True)
class MapOf:
    """An object with any keys, at most `most`, and values of one kind."""

    kind: Kind
    most: int = 10_000

    def check(self, value: Any, name: str) -> None:
        """Raise `SchemaError` unless the value is one."""
        if not isinstance(value, dict):
            raise SchemaError(f"{name} must be an object, not {shown(value)}")
        if len(value) > self.most:
            raise SchemaError(f"{name} has {len(value)} entries, more than {self.most}")
        for key, item in value.items():
            self.kind.check(item, f"{name}.{shown(key)}")


@dataclass(frozen=True)
class Anything:
    """Any JSON value: the field is carried along, and no program reads it."""

    def check(self, value: Any, name: str) -> None:
        """Accept the value."""


@dataclass(frozen=True)
class ObjectOf:
    """An object with these fields.

    Args:
        fields: the kinds of the fields that it must have.
        optional: the kinds of those that it may have.
        further: whether it may have fields of other names.
        also: is given the object when all fields are right, and returns what is wrong with them
            together, or None.
    """

    fields: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=dict)
    further: bool = False
    also: Callable[[Mapping[str, Any]], str | None] | None = None

    def check(self, value: Any, name: str) -> None:
        """Raise `SchemaError` unless the value is one."""
        where = f"{name}." if name else ""
        if not isinstance(value, dict | Mapping):
            raise SchemaError(f"{name or 'it'} must be an object, not {shown(value)}")
        for key in self.fields:
            if key not in value:
                raise SchemaError(f"{where}{key} is missing")
        for key, item in value.items():
            kind = self.fields.get(key) or self.optional.get(key)
            if kind is not None:
                kind.check(item, f"{where}{key}")
            elif not self.further:
                raise SchemaError(f"{where}{shown(key)} is unknown")
        problem = self.also(value) if self.also is not None else None
        if problem is not None:
            raise SchemaError(f"{where}{problem}")


@dataclass(frozen=True)
class Tagged:
    """An object whose field `key` says which of several records it is.

    Args:
        key: the field.
        records: its values, and what the other fields must be for each.
    """

    key: str
    records: Mapping[str, ObjectOf]

    def check(self, value: Any, name: str) -> None:
        """Raise `SchemaError` unless the value is one."""
        tag = Text(names=self.records)
        ObjectOf({self.key: tag}, further=True).check(value, name)
        self.records[value[self.key]].check(
            {key: item for key, item in value.items() if key != self.key}, name
        )


Kind = Whole | Number | Text | Flag | Maybe | ListOf | MapOf | Anything | ObjectOf | Tagged


def check_settings(settings: object, kinds: Mapping[str, Kind]) -> None:
    """Check attributes of an object, which are settings that a user chose.

    Args:
        settings: the object.
        kinds: names of attributes, and what each must be.

    Raises:
        UsageError: one of them is not; the message names it and its bounds.

    Example:
        >>> from types import SimpleNamespace
        >>> try:
        ...     check_settings(SimpleNamespace(width=0), {"width": Whole(1, 65536)})
        ... except UsageError as error:
        ...     print(error)
        width must be a whole number from 1 to 65536, not 0
    """
    for name, kind in kinds.items():
        try:
            kind.check(getattr(settings, name), name)
        except SchemaError as error:
            raise UsageError(str(error)) from None


def shown(value: Any) -> str:
    """A value in at most about forty characters."""
    if isinstance(value, dict | list | tuple):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)} entries"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
    return text if len(text) <= 40 else f"{text[:36]}...{text[-1]}"
