"""Judges that evaluate a predicate of a claim at the exact case that a drawn case stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy

from ....theory.kernel.predicate import Predicate
from ...attack.suite import Case


@dataclass(frozen=True)
class PredicateJudge:
    """A judge that refutes the predicate's conclusion at `exact(case)`.

    Its method `broken` names the assumptions of the predicate that do not hold there.

    Args:
        predicate: a predicate of a claim.
        exact: makes the predicate's case from a drawn one.
    """

    predicate: Predicate[Any]
    exact: Callable[[Case], Any]

    def __call__(self, case: Case) -> str | None:
        """The judge: the predicate's account of how its conclusion fails, or None."""
        return self.predicate.refute(self.exact(case))

    def broken(self, case: Case) -> tuple[str, ...]:
        """The names of the assumptions that do not hold at a case."""
        return self.predicate.broken(self.exact(case))


def dropping(assumption: str, cases: SearchStrategy[Any]) -> SearchStrategy[Case]:
    """The cases, marked as those in which this assumption fails."""
    return cases.map(lambda case: {**case, "dropped": assumption})
