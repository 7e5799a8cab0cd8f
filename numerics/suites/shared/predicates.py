"""Judges that evaluate a predicate of a claim at the exact case that a drawn case stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis.strategies import SearchStrategy

from ....support.errors import LoopstabError
from ....theory.kernel.predicate import Predicate
from ...attack.suite import Case


def evaluated(
    predicate: Predicate[Any], exact: Callable[[Case], Any]
) -> Callable[[Case], str | None]:
    """A judge that refutes the predicate's conclusion at `exact(case)`.

    It also evaluates the assumptions: all must hold, or all but the one that the case names under
    `dropped`.

    Args:
        predicate: a predicate of a claim.
        exact: makes the predicate's case from a drawn one.
    """

    def judge(case: Case) -> str | None:
        made = exact(case)
        broken, dropped = predicate.broken(made), case.get("dropped")
        if broken != ((dropped,) if dropped else ()):
            raise LoopstabError(
                f"{predicate.name}: the case breaks {', '.join(broken) or 'no assumption'}, wanted"
                f" {dropped or 'none'}; correct how it is drawn"
            )
        return predicate.refute(made)

    return judge


def dropping(assumption: str, cases: SearchStrategy[Any]) -> SearchStrategy[Case]:
    """The cases, marked as those in which this assumption fails."""
    return cases.map(lambda case: {**case, "dropped": assumption})
