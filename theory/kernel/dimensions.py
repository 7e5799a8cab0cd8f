"""For which sizes a step holds, as data, and what a step may claim that uses others.

A size is a whole number in a statement: the dimension d, the number of tokens L, a time t. The text
of a step's `dimensions` is a list of items, separated by commas:

| item | meaning |
|---|---|
| `every d` | every d >= 1 (a time: every t >= 0) |
| `every d >= 2` | every d from 2 on |
| `every t by induction` | every t; the step itself checks the passage from t to t + 1 |
| `d in {1, 2, 5}`, `d in {1..4, 8}` | these sizes only |
| `d = 1` | this size only |
| `d -> infinity` | the limit only |
| `no size` | nothing in the statement is a size; it stands alone |

A step `by induction` also checks its base case, unless that is a definition, such as M^0 = I.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...support.errors import UsageError

if TYPE_CHECKING:
    from .claim import Step

NO_SIZE = "no size"
_NAME = r"(?P<name>[A-Za-z][A-Za-z0-9_]*)"
_FORMS = (
    re.compile(rf"every {_NAME}(?: >= (?P<least>\d+))?(?P<induction> by induction)?"),
    re.compile(rf"{_NAME} in \{{(?P<values>\d+(?:\.\.\d+)?(?:, \d+(?:\.\.\d+)?)*)\}}"),
    re.compile(rf"{_NAME} = (?P<values>\d+)"),
    re.compile(rf"{_NAME} (?P<limit>-> infinity)"),
)


@dataclass(frozen=True)
class Size:
    """The values of one size for which a step holds.

    Args:
        name: the size, such as d.
        values: the values where they are finitely many, otherwise None.
        least: the least value where they are all from there on; default 1.
        limit: whether it is the limit, in which the size tends to infinity.
        induction: whether the step itself checks the induction step over it.

    Example:
        >>> from loopstab.theory.kernel.dimensions import parse
        >>> parse("every d >= 2, t in {1..3}")["t"].values == {1, 2, 3}
        True
    """

    name: str
    values: frozenset[int] | None = None
    least: int = 1
    limit: bool = False
    induction: bool = False

    def covers(self, claimed: Size) -> bool:
        """Whether a step that holds for these values may be used for the claimed ones."""
        if self.limit:
            return claimed.limit
        if self.values is not None:
            return claimed.values is not None and claimed.values <= self.values
        if claimed.values is not None:
            return min(claimed.values) >= self.least or self.least == 1
        return claimed.limit or claimed.least >= self.least

    def meet(self, other: Size) -> Size:
        """The values that both have: what holds when both are used."""
        if self.covers(other):
            return other
        if other.covers(self) or self.values is None or other.values is None:
            return self
        return Size(self.name, self.values & other.values)

    def __str__(self) -> str:
        if self.limit:
            return f"{self.name} -> infinity"
        if self.values is None:
            least = f" >= {self.least}" if self.least > 1 else ""
            return f"every {self.name}{least}{' by induction' if self.induction else ''}"
        if not self.values:
            return f"no {self.name}"
        if len(self.values) == 1:
            return f"{self.name} = {min(self.values)}"
        return f"{self.name} in {{{', '.join(map(str, sorted(self.values)))}}}"


Sizes = Mapping[str, Size]


def parse(text: str) -> dict[str, Size]:
    """The sizes in a text, by name; empty for `no size`.

    Args:
        text: a list of items; the table of this module gives their forms.

    Raises:
        UsageError: the text is empty, an item has another form, or a size occurs twice.

    Example:
        >>> from loopstab.theory.kernel.dimensions import parse
        >>> [str(size) for size in parse("every d, t in {1..3}").values()]
        ['every d', 't in {1, 2, 3}']
        >>> parse("no size")
        {}
    """
    if text == NO_SIZE:
        return {}
    sizes: dict[str, Size] = {}
    for item in re.split(r", (?![^{]*\})", text):
        size = _item(item, text)
        if size.name in sizes:
            raise UsageError(f"dimensions {text!r}: the size {size.name} occurs twice")
        sizes[size.name] = size
    return sizes


def _item(item: str, text: str) -> Size:
    for form in _FORMS:
        found = form.fullmatch(item)
        if found is None:
            continue
        parts = found.groupdict()
        name = parts["name"]
        if parts.get("limit"):
            return Size(name, limit=True)
        if parts.get("values"):
            return Size(name, _values(parts["values"]))
        return Size(name, least=int(parts["least"] or 1), induction=bool(parts["induction"]))
    raise UsageError(
        f"dimensions {text!r}: {item!r} is not of the form 'every d', 'every d >= 2',"
        " 'every t by induction', 'd in {1, 2}', 'd in {1..4}', 'd = 1' or 'd -> infinity'; a"
        f" step without any size says {NO_SIZE!r}"
    )


def _values(text: str) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(", "):
        first, _, last = part.partition("..")
        values |= set(range(int(first), int(last or first) + 1))
    return frozenset(values)


def excesses(steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """The steps that claim more sizes than the steps that they use, each with what it claims.

    A step that does not name a size takes its bound over from the steps that it uses, so a bound
    is not lost on the way. An induction lifts the bound of its base case. A measured step is not
    derived from what it names, so it may be compared with a limit.

    Args:
        steps: the steps of a proof, in order.

    Raises:
        UsageError: an induction whose base case and step do not fit together.
    """
    found: dict[str, Sizes] = {}
    for step in steps:
        used = {name: found[name] for name in step.rests_on if name in found}
        if step.induction:
            base, onward = step.induction
            used[base] = _lifted(step, found[base], found[onward])
        for name, sizes in used.items():
            reason = _excess(step.sizes, sizes)
            if reason is not None and step.kind != "measured":
                yield step.name, f"{reason} ({name})"
        found[step.name] = _inherited(step.sizes, used.values())


def _lifted(step: Step, base: Sizes, onward: Sizes) -> Sizes:
    """The sizes of the base case without those that the induction step extends."""
    extended = {
        name
        for name, size in base.items()
        if size.values
        and name in onward
        and onward[name].values is None
        and not onward[name].limit
        and name in step.sizes
    }
    if not extended:
        raise UsageError(
            f"step {step.name}: its induction extends no size; the base case must hold for some"
            " values of a size and the induction step for every value"
        )
    for name in extended:
        values, claimed = base[name].values or frozenset(), step.sizes[name]
        if min(claimed.values or (claimed.least,)) < min(values) and min(values) > 1:
            raise UsageError(f"step {step.name}: its induction over {name} starts at {min(values)}")
        if onward[name].least > max(*values, 1):
            raise UsageError(
                f"step {step.name}: its induction step over {name} starts at {onward[name].least},"
                f" after the base case {base[name]}"
            )
    return {name: size for name, size in base.items() if name not in extended}


def _inherited(own: Sizes, used: Iterable[Sizes]) -> Sizes:
    """The sizes of a step, with the bounds of those that it does not name."""
    taken: dict[str, Size] = {}
    for sizes in used:
        for name, size in sizes.items():
            if name not in own:
                taken[name] = size.meet(taken[name]) if name in taken else size
    return {**own, **taken}


def _excess(claimed: Sizes, used: Sizes) -> str | None:
    """What is claimed beyond a step that is used; None if nothing."""
    for name, size in used.items():
        if name in claimed and not size.covers(claimed[name]):
            return f"{claimed[name]} from {size}"
    return None
