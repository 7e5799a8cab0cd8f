"""A suite: a property that follows from a claim, and how its cases are drawn and judged."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Case = Mapping[str, Any]
"""Names to numbers, strings, booleans, or arrays of float64: everything that is needed to judge the
case again, and small enough to print.
"""


class Undecided(Exception):
    """Raised by a judge that can decide neither way.

    Undecided cases are counted and reported; they never count as survived.
    """


@dataclass(frozen=True)
class Drop:
    """A hypothesis that, when dropped, must yield a counterexample.

    Attributes:
        hypothesis: the hypothesis in words; it also seeds the draws of `cases`.
        cases: the strategy of cases in which only this hypothesis fails.
        assumption: the name of the assumption of the claim that is dropped.
    """

    hypothesis: str
    cases: Callable[[], SearchStrategy[Case]]
    assumption: str = ""


@dataclass(frozen=True)
class Suite:
    """An attack on one claim.

    Attributes:
        claim: the id of the claim.
        name: the suite's name; claim and name identify the suite and seed its draws.
        property: the property that is attacked, in words.
        cases: the strategy of cases. Every case satisfies all hypotheses by construction: cases are
            drawn, never filtered.
        judge: a function of the case alone. It returns None when the property holds, a description
            of the counterexample with the measured numbers when it fails, and raises `Undecided`
            otherwise.
        drops: the hypotheses that, when dropped, must yield a counterexample.
        evidence: what a judgement rests on: closed form, certificate or sample.
        cost: the time of one case in units of the cheapest suites (about 10 ms); budgets divide by
            it.
        broken: names the assumptions of the claim that fail at a case, computed from the case
            alone: none for a case of `cases`, and that of the drop alone for a case of a drop. By
            default it is the method `broken` of the judge. Every case is checked with it before it
            is judged, when it is drawn and when a file is judged again.
        larger: draws cases of dimension up to d, for the budgets that ask for them.
        predicate: the name of the claim's predicate, that is of the sentence that is attacked.

    Example:
        >>> from hypothesis import strategies as st
        >>> from loopstab.numerics.attack.budget import PROFILES
        >>> from loopstab.numerics.attack.runner import attack
        >>> from loopstab.numerics.attack.suite import Drop, Suite
        >>> def numbers(low, high):
        ...     return st.fixed_dictionaries({"n": st.integers(low, high)})
        >>> squares = Suite(
        ...     "A1",
        ...     "squares",
        ...     property="n^2 > n for n > 1",
        ...     cases=lambda: numbers(2, 100),
        ...     judge=lambda case: None if case["n"] ** 2 > case["n"] else "n^2 <= n",
        ...     broken=lambda case: () if case["n"] > 1 else ("greater_than_one",),
        ...     drops=(Drop("n > 1", lambda: numbers(0, 1), "greater_than_one"),),
        ... )
        >>> attack(squares, PROFILES["quick"]).fate.words
        'survived'
    """

    claim: str
    name: str
    _: KW_ONLY
    property: str
    cases: Callable[[], SearchStrategy[Case]]
    judge: Callable[[Case], str | None]
    drops: tuple[Drop, ...]
    evidence: str = "sample"
    cost: float = 1.0
    broken: Callable[[Case], Iterable[str]] | None = None
    larger: Callable[[int], SearchStrategy[Case]] | None = None
    predicate: str = ""

    @builtins.property
    def label(self) -> str:
        """Claim and name, which identify the suite."""
        return f"{self.claim}/{self.name}"

    def failing(self, case: Case) -> tuple[str, ...] | None:
        """The assumptions that fail at a case; None if the suite does not tell."""
        names = self.broken or getattr(self.judge, "broken", None)
        return None if names is None else tuple(dict.fromkeys(names(case)))

    def misfit(self, case: Case, dropped: str = "") -> str | None:
        """What is wrong with the assumptions at a case; None if only the dropped one fails."""
        found = self.failing(case)
        if found is None or found == ((dropped,) if dropped else ()):
            return None
        return f"the case breaks {', '.join(found) or 'no assumption'}, not {dropped or 'none'}"

    def draw(self, size: int | None) -> SearchStrategy[Case]:
        """The strategy of cases, of dimension up to `size` if the suite can draw larger ones."""
        return self.cases() if size is None or self.larger is None else self.larger(size)
