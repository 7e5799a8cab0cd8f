"""One exact witness that an assumption is needed: without it the conclusion fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from ...support.errors import LoopstabError, UsageError
from .predicate import Case, Predicate


@dataclass(frozen=True)
class FalsifierReport:
    """What a falsifier found.

    Args:
        name: name of the falsifier.
        drops: the assumption that it drops.
        fired: whether the conclusion fails without that assumption.
        breach: whether it fails with every assumption in force, which refutes the claim.
        counterexample: the case in words; None where the conclusion holds.
    """

    name: str
    drops: str
    fired: bool
    breach: bool
    counterexample: str | None


@dataclass(frozen=True)
class Falsifier(Generic[Case]):
    """An exact case in which one assumption fails, all others hold, and the conclusion fails.

    It shows that the assumption is needed. Random searches for counterexamples are the suites of
    `numerics`.

    Args:
        name: short name.
        drops: the assumption that does not hold in the case.
        predicate: the sentence of the claim whose conclusion fails.
        case: makes the case.

    Raises:
        UsageError: the sentence does not need the assumption.

    Example:
        Squares do not exceed their number, as long as it is at most 1:

        >>> from loopstab import Falsifier
        >>> from loopstab.theory.kernel.predicate import Predicate
        >>> square = Predicate(
        ...     name="square",
        ...     sentence="The square of x is at most x.",
        ...     concluded_by=("monotone",),
        ...     assumptions={"at_least_zero": lambda x: x >= 0, "at_most_one": lambda x: x <= 1},
        ...     refute=lambda x: f"{x}^2 > {x}" if x * x > x else None,
        ...     example=lambda: 0.5,
        ... )
        >>> report = Falsifier("large", "at_most_one", square, lambda: 3).run()
        >>> report.fired, report.counterexample
        (True, '3^2 > 3')
    """

    name: str
    drops: str
    predicate: Predicate[Case]
    case: Callable[[], Case]

    def __post_init__(self) -> None:
        if self.drops not in self.predicate.assumptions:
            raise UsageError(
                f"falsifier {self.name}: the predicate {self.predicate.name} does not evaluate"
                f" {self.drops!r}; it evaluates {', '.join(self.predicate.assumptions)}"
            )

    @property
    def conclusion(self) -> str:
        """The sentence whose conclusion fails in the case."""
        return self.predicate.sentence

    def run(self) -> FalsifierReport:
        """Evaluate all assumptions and the conclusion in the case.

        Returns:
            What was found. A case in which every assumption holds and the conclusion fails is a
            breach.

        Raises:
            LoopstabError: another assumption fails in the case, or the dropped one holds there
                and so does the conclusion; or the example of the predicate fails.
        """
        self.predicate.require_example()
        case = self.case()
        broken, text = self.predicate.broken(case), self.predicate.refute(case)
        others = [name for name in broken if name != self.drops]
        if others or (not broken and text is None):
            reason = f"{', '.join(others)} fails as well" if others else f"{self.drops} holds in it"
            raise LoopstabError(
                f"falsifier {self.name}: its case must satisfy every assumption but {self.drops},"
                f" and {reason}"
            )
        fired = bool(broken) and text is not None
        return FalsifierReport(self.name, self.drops, fired, not broken, text)
