"""Attacks on a claim: no counterexample while every assumption holds, a concrete one when a named
assumption is dropped.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...support.errors import LoopstabError, UsageError

Case = TypeVar("Case")


@dataclass(frozen=True)
class FalsifierReport:
    """What an attack found.

    `fired`: a counterexample was found without the dropped assumption. `breach`: one was found with
    every assumption in force, which refutes the claim. `counterexample` is the text of the breach
    if there is one, else of the first counterexample. `trials` counts the cases tried on both
    sides.
    """

    name: str
    drops: str
    fired: bool
    breach: bool
    counterexample: str | None
    trials: int


@dataclass(frozen=True)
class Falsifier(Generic[Case]):
    """A seeded attack on `conclusion`.

    `draw(rng, keep)` draws a case that satisfies all assumptions (keep true) or all but `drops`
    (keep false); `holds(case)` says, independently of how the case was drawn, whether the dropped
    assumption holds in it; `breaks(case)` returns the counterexample in words when the conclusion
    fails, else None. At most `trials` cases are tried on each side. Raises `UsageError` when trials
    < 1.
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
        """Attack; the outcome depends on `seed` and the name only. `LoopstabError` when `draw` and
        `holds` disagree.
        """
        rng = random.Random(f"{seed}/{self.name}")
        tried = 0
        for keep in (True, False):
            for _ in range(self.trials):
                case = self.draw(rng, keep)
                tried += 1
                if self.holds(case) is not keep:
                    raise LoopstabError(
                        f"falsifier {self.name}: drew a case where {self.drops} is {not keep}; its"
                        " draw or holds is wrong"
                    )
                text = self.breaks(case)
                if text is not None:
                    prefix = "with every assumption in force: " if keep else ""
                    return FalsifierReport(
                        self.name, self.drops, not keep, keep, prefix + text, tried
                    )
        return FalsifierReport(self.name, self.drops, False, False, None, tried)
