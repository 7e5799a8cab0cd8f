"""How much one attack may spend: numbers of cases and seconds, for each profile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...support.errors import UsageError

LEAST_STEPS = 50
"""Fewest cases that are judged to shrink a counterexample."""


@dataclass(frozen=True)
class Budget:
    """What the attack on one suite may spend.

    Attributes:
        name: the profile's name.
        examples: cases of a suite of cost 1; a costlier suite gets fewer.
        least: cases of a suite of any cost.
        power: cases of each drop of a suite of cost 1.
        seconds: time after which the search among the cases ends, wherever it is. Under `quick` and
            `default` it only protects against slow machines; under `deep` it is the budget itself.
        shrink: cases that are judged to shrink a counterexample to a suite of cost 1. It is not a
            time, so that a seed gives the same counterexample on every machine.
        size: dimension of the larger cases, for suites that have them; None for the ordinary cases.
        power_share: the share of `seconds` that the search of each drop may take.
    """

    name: str
    examples: int
    least: int
    power: int
    seconds: float
    shrink: int
    size: int | None = None
    power_share: float = 1.0

    def cases(self, cost: float) -> int:
        """The number of cases of a suite of this cost."""
        return max(self.least, round(self.examples / cost))

    def steps(self, cost: float) -> int:
        """The number of cases that are judged to shrink a counterexample."""
        return max(LEAST_STEPS, round(self.shrink / cost))

    def power_cases(self, cost: float) -> int:
        """The number of cases of each drop of a suite of this cost."""
        return max(self.least, round(self.power / cost))

    def limited(self, *, examples: int | None = None, seconds: float | None = None) -> Budget:
        """The same budget with other limits; raises `UsageError` unless they are positive."""
        for name, value in (("examples", examples), ("time", seconds)):
            if value is not None and not value > 0:
                raise UsageError(f"an attack needs a positive number of {name}, not {value:g}")
        least = self.least if examples is None else min(self.least, examples)
        return replace(
            self, examples=examples or self.examples, least=least, seconds=seconds or self.seconds
        )


PROFILES = {
    budget.name: budget
    for budget in (
        Budget("quick", examples=60, least=5, power=60, seconds=600, shrink=200),
        Budget("default", examples=1000, least=30, power=400, seconds=600, shrink=2000, size=5),
        Budget(
            "deep",
            examples=100_000,
            least=1000,
            power=4000,
            seconds=3600,
            shrink=4000,
            size=8,
            power_share=0.5,
        ),
    )
}
"""The budgets by the name of their profile, the word that `loopstab attack --profile` takes."""


def find_budget(profile: str) -> Budget:
    """The budget of a profile; raises `UsageError` if there is no such profile."""
    if profile not in PROFILES:
        raise UsageError(f"unknown profile {profile!r}: use one of {', '.join(PROFILES)}")
    return PROFILES[profile]
