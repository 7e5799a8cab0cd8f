"""A sentence of a claim as a program: whether its assumptions and its conclusion hold in a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...support.errors import LoopstabError, UsageError

Case = TypeVar("Case")


@dataclass(frozen=True)
class Predicate(Generic[Case]):
    """A sentence of a claim that can be evaluated, so that text, proof and attack agree.

    The falsifiers of the claim evaluate it at exact cases, and attack suites at random ones.

    Args:
        name: short name.
        sentence: the sentence, word for word as it stands in the statement of the claim.
        concluded_by: names of the steps of the proof that establish the sentence.
        assumptions: for each assumption of the claim that the sentence needs, whether it holds in
            a case.
        refute: the counterexample in words where the conclusion fails in a case, otherwise None.
        example: makes a case in which every assumption and the conclusion hold.

    Raises:
        UsageError: the sentence is empty, or no step concludes it.

    Example:
        >>> from loopstab.theory.kernel.predicate import Predicate
        >>> square = Predicate(
        ...     name="square",
        ...     sentence="The square of x is at most x.",
        ...     concluded_by=("monotone",),
        ...     assumptions={"at_least_zero": lambda x: x >= 0, "at_most_one": lambda x: x <= 1},
        ...     refute=lambda x: f"{x}^2 > {x}" if x * x > x else None,
        ...     example=lambda: 0.5,
        ... )
        >>> square.broken(2), square.refute(2)
        (('at_most_one',), '2^2 > 2')
    """

    name: str
    sentence: str
    concluded_by: tuple[str, ...]
    assumptions: Mapping[str, Callable[[Case], bool]]
    refute: Callable[[Case], str | None]
    example: Callable[[], Case]

    def __post_init__(self) -> None:
        if not self.sentence.strip() or not self.concluded_by:
            raise UsageError(
                f"predicate {self.name}: it needs a sentence of the statement and the steps that"
                " conclude it"
            )

    def broken(self, case: Case) -> tuple[str, ...]:
        """The names of the assumptions that do not hold in a case."""
        return tuple(name for name, holds in self.assumptions.items() if not holds(case))

    def require_example(self) -> None:
        """Evaluate the example.

        Raises:
            LoopstabError: an assumption or the conclusion fails there.
        """
        case = self.example()
        broken, text = self.broken(case), self.refute(case)
        if broken or text is not None:
            raise LoopstabError(
                f"predicate {self.name}: its example fails ({', '.join(broken) or text}): correct"
                " the example or the predicate"
            )
