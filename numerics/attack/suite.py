"""A suite: one property that follows from a claim, how its cases are drawn, how one is judged, and
the hypotheses whose loss must show.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Case = Mapping[str, Any]
"""Names to numbers, strings, booleans, or arrays of float64: all that is needed to judge the case
again, and small enough to print.
"""


class Undecided(Exception):
    """Raised by a judge that can say neither holds nor fails; such cases are counted and reported,
    never taken for survival.
    """


@dataclass(frozen=True)
class Drop:
    """A hypothesis of the suite and cases in which only it fails: a counterexample must be found
    among them.
    """

    hypothesis: str
    cases: Callable[[], SearchStrategy[Case]]


@dataclass(frozen=True)
class Suite:
    """An attack on one claim.

    Every case of `cases` satisfies all hypotheses by construction (drawn, never filtered). `judge`
    depends on the case alone: it returns None when the property holds, the counterexample in words
    (with the numbers measured) when it fails, and raises `Undecided` otherwise. `evidence` says
    what a judgement is: closed form, certificate or sample. `cost` is the time of one case in units
    of the cheapest suites (about 10 ms); profiles divide by it. `larger(d)`, where there is one,
    draws cases of dimension up to d for the profiles that ask for them.
    """

    claim: str
    name: str
    property: str
    cases: Callable[[], SearchStrategy[Case]]
    judge: Callable[[Case], str | None]
    drops: tuple[Drop, ...]
    evidence: str = "sample"
    cost: float = 1.0
    larger: Callable[[int], SearchStrategy[Case]] | None = None

    @builtins.property
    def label(self) -> str:
        """Claim and name, the suite's id."""
        return f"{self.claim}/{self.name}"

    def draw(self, size: int | None) -> SearchStrategy[Case]:
        """The cases, of dimension up to `size` if the suite can draw larger ones."""
        return self.cases() if size is None or self.larger is None else self.larger(size)
