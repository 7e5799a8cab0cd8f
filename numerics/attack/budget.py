"""How much is spent on an attack."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...support.errors import UsageError


@dataclass(frozen=True)
class Profile:
    """Budgets of one suite, of cost 1: its cases (`least` at any cost), the cases of each drop, and
    times in seconds.

    `seconds` ends the search among the cases wherever it is, and `power_share` of that the search
    of each drop: a bound for slow machines (`quick`, `default`) or the budget itself (`deep`).
    `size`: dimension of the larger cases, where a suite has them.
    """

    name: str
    examples: int
    least: int
    power: int
    seconds: float
    shrink_seconds: float
    size: int | None = None
    power_share: float = 1.0

    def cases(self, cost: float) -> int:
        """Cases of a suite of that cost."""
        return max(self.least, round(self.examples / cost))

    def power_cases(self, cost: float) -> int:
        """Cases of each of its drops."""
        return max(self.least, round(self.power / cost))

    def limited(self, *, examples: int | None = None, seconds: float | None = None) -> Profile:
        """The same with other limits; `UsageError` unless they are positive."""
        for name, value in (("examples", examples), ("time", seconds)):
            if value is not None and not value > 0:
                raise UsageError(f"an attack needs a positive number of {name}, not {value:g}")
        least = self.least if examples is None else min(self.least, examples)
        return replace(
            self, examples=examples or self.examples, least=least, seconds=seconds or self.seconds
        )


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("quick", examples=60, least=5, power=60, seconds=60, shrink_seconds=1),
        Profile(
            "default", examples=1000, least=30, power=400, seconds=120, shrink_seconds=20, size=5
        ),
        Profile(
            "deep",
            examples=100_000,
            least=1000,
            power=4000,
            seconds=3600,
            shrink_seconds=120,
            size=8,
            power_share=0.5,
        ),
    )
}


def find_profile(name: str) -> Profile:
    """The profile of that name; `UsageError` with those known otherwise."""
    if name not in PROFILES:
        raise UsageError(f"unknown profile {name!r}: use one of {', '.join(PROFILES)}")
    return PROFILES[name]
