"""Attacks on a claim: without one of its assumptions, its conclusion must fail in some case."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from ...support.errors import LoopstabError, UsageError
from .falsifier import FalsifierReport
from .predicate import Case


@dataclass(frozen=True)
class RandomFalsifier(Generic[Case]):
    """A seeded attack on a conclusion of a claim.

    It shows that an assumption is needed: with all assumptions no case may break the conclusion,
    without this one some case must.

    Args:
        name: short name.
        drops: the assumption that it drops.
        conclusion: what it tries to break, in words.
        draw: `draw(rng, keep)` draws a case that satisfies all assumptions (`keep` true), or all
            but `drops` (`keep` false).
        holds: whether the dropped assumption holds in a case, found out independently of `draw`.
        breaks: the counterexample in words when the conclusion fails in a case, otherwise None.
        trials: cases tried at most, on each side; at least 1.

    Raises:
        UsageError: `trials` is less than 1.

    Example:
        Squares do not exceed their number, as long as it is at most 1:

        >>> from loopstab.theory.kernel.random_falsifier import RandomFalsifier
        >>> attack = RandomFalsifier(
        ...     name="large", drops="at_most_one", conclusion="x^2 <= x",
        ...     draw=lambda rng, keep: rng.random() if keep else 1 + rng.random(),
        ...     holds=lambda x: x <= 1,
        ...     breaks=lambda x: "the square is larger" if x * x > x else None,
        ... )
        >>> report = attack.run()
        >>> report.fired, report.breach, report.counterexample
        (True, False, 'the square is larger')
    """

    name: str
    drops: str
    conclusion: str
    draw: Callable[[random.Random, bool], Case]
    holds: Callable[[Case], bool]
    breaks: Callable[[Case], str | None]
    trials: int = 20

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise UsageError(
                f"falsifier {self.name}: trials = {self.trials}; at least one is needed"
            )

    def run(self, seed: str = "") -> FalsifierReport:
        """Attack with all assumptions first, then without the dropped one.

        Args:
            seed: text that seeds the draws, together with the name of the falsifier.

        Returns:
            What was found; it depends on the seed and the name only.

        Raises:
            LoopstabError: `draw` and `holds` disagree about a case.
        """
        rng = random.Random(f"{seed}/{self.name}")
        tried = 0
        for keep in (True, False):
            for _ in range(self.trials):
                case = self.draw(rng, keep)
                tried += 1
                if self.holds(case) is not keep:
                    raise LoopstabError(
                        f"falsifier {self.name}: drew a case where {self.drops} is {not keep};"
                        " correct its draw or its holds"
                    )
                text = self.breaks(case)
                if text is not None:
                    found = f"with every assumption in force: {text}" if keep else text
                    return FalsifierReport(self.name, self.drops, not keep, keep, found, tried)
        return FalsifierReport(self.name, self.drops, False, False, None, tried)
