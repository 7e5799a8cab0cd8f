"""The fields of the cases that a suite draws: what a case from a file is compared with.

Names, kinds and sizes are not declared anywhere: they are read off cases that the strategy draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from hypothesis.strategies import SearchStrategy

from ...support.errors import LoopstabError
from ...support.schema import shown
from .budget import PROFILES
from .search import search
from .suite import Case, Drop, Suite

DRAWN = 30
"""Cases from which the fields are read."""
LARGEST_SEED = 2**32
"""A field named seed is no size: any number up to this one is as quick to judge."""
LEAST_AXIS, LEAST_NUMBER, LONGEST_TEXT = 16, 64, 100
"""Sizes that are always accepted, however small those are that were drawn."""
GROWTH = 4
"""How much larger than the largest that was drawn a number or an axis may be: a few draws do not
find the largest there is.
"""


@dataclass(frozen=True)
class CaseField:
    """A field: the kinds of its values, the largest size accepted, and whether it is always there.

    The size of an array is its longest axis, that of a whole number its absolute value.
    """

    kinds: tuple[str, ...]
    largest: int
    required: bool


Fields = Mapping[str, CaseField]
"""The fields by name, in the order in which cases are drawn."""


def fields_of(suite: Suite, drop: Drop | None = None) -> Fields:
    """The fields of the cases of a suite, or of one of its drops.

    They are read off `DRAWN` cases, and as many of the largest that a profile asks for, drawn under
    a fixed seed once in a process.

    Example:
        >>> from loopstab.numerics.attack.case_fields import fields_of
        >>> from loopstab.numerics.suites import find_suites
        >>> fields_of(find_suites(["A1"])[0])["basis"].kinds
        ('an array of rank 2',)
    """
    if drop is not None:
        return _drawn((drop.cases,), f"{suite.label}/{drop.hypothesis}")
    if suite.larger is None:
        return _drawn((suite.cases,), suite.label)
    return _drawn((suite.cases, _largest(suite.larger)), suite.label)


@cache
def _largest(larger: Callable[[int], SearchStrategy[Case]]) -> Callable[[], SearchStrategy[Case]]:
    size = max(budget.size or 0 for budget in PROFILES.values())
    return lambda: larger(size)


@cache
def _drawn(strategies: tuple[Callable[[], SearchStrategy[Case]], ...], label: str) -> Fields:
    cases: list[Case] = []
    for make in strategies:
        result = search(
            make(),
            cases.append,
            examples=DRAWN,
            seconds=math.inf,
            shrink_steps=0,
            source=f"fields/{label}",
        )
        if result.found is not None:
            raise LoopstabError(f"{label}: {result.found.words}; correct how its cases are drawn")
    names = list(dict.fromkeys(name for case in cases for name in case))
    return {
        name: _field(name, [case[name] for case in cases if name in case], len(cases))
        for name in names
    }


def _field(name: str, values: list[Any], cases: int) -> CaseField:
    sizes = [_size(value) for value in values]
    least = LEAST_AXIS if isinstance(values[0], np.ndarray) else LEAST_NUMBER
    largest = LARGEST_SEED if name == "seed" else max(least, GROWTH * max(sizes))
    kinds = tuple(dict.fromkeys(kind_of(value) for value in values))
    return CaseField(kinds, largest, required=len(values) == cases)


def kind_of(value: Any) -> str:
    """The kind of the value of a field, in words."""
    if isinstance(value, np.ndarray):
        return f"an array of rank {value.ndim}"
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return names[type(value)]


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return max(value.shape, default=0)
    return abs(value) if type(value) is int else 0


def fault(case: Case, fields: Fields) -> str | None:
    """Why the strategy draws no such case, with the name of the field; None if it may draw it."""
    for name, field in fields.items():
        if field.required and name not in case:
            return f"case.{name} is missing"
    for name, value in case.items():
        if name not in fields:
            return f"case.{shown(name)} is unknown: the fields are {', '.join(fields)}"
        problem = _value_fault(value, fields[name])
        if problem is not None:
            return f"case.{name} {problem}"
    return None


def _value_fault(value: Any, field: CaseField) -> str | None:
    kind = kind_of(value)
    if kind not in field.kinds:
        return f"must be {' or '.join(field.kinds)}, not {kind}"
    if isinstance(value, str):
        long = len(value) > LONGEST_TEXT
        return f"has more than {LONGEST_TEXT} characters" if long else None
    if _size(value) > field.largest:
        what = "an axis" if isinstance(value, np.ndarray) else "a size"
        return f"has {what} above {field.largest}"
    return None
