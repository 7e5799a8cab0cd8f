"""What backs a statement before any loop is trained: checked steps and attacks, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..text.attack_results import Attacks

MACHINE = ("identity", "decided", "enclosed")
"""Kinds of steps that a machine checks."""


@dataclass(frozen=True)
class Proof:
    """The steps of some claims, counted in their checks.

    Args:
        verdicts: verdict of each claim, by its id.
        kinds: number of steps of each kind.
        machine: number of steps that a machine checked.
        failed: steps that did not pass.
    """

    verdicts: Mapping[str, str]
    kinds: Mapping[str, int]
    machine: int
    failed: int

    @classmethod
    def of(cls, claims: Sequence[Mapping[str, Any]]) -> Proof:
        """The counts, from the JSON objects of checked claims."""
        steps = [step for claim in claims for step in claim["steps"]]
        return cls(
            {claim["id"]: claim["verdict"] for claim in claims},
            Counter(step["kind"] for step in steps),
            sum(step["machine_checked"] for step in steps),
            sum(step["verdict"] != "passed" for step in steps),
        )

    @property
    def text(self) -> str:
        """The shares in words; empty without a claim."""
        steps = sum(self.kinds.values())
        if not steps:
            return ""
        unproved = [f"{name} {v}" for name, v in self.verdicts.items() if v != "proved"]
        order = [*MACHINE, *sorted(set(self.kinds) - set(MACHINE))]
        kinds = ", ".join(f"{self.kinds[kind]} {kind}" for kind in order if self.kinds.get(kind))
        failed = f"; {self.failed} failed" if self.failed else ""
        return (
            f"{', '.join(unproved) or 'Proved'}; {self.machine} of {steps} steps machine-checked"
            f" ({self.machine / steps:.0%}): {kinds}{failed}."
        )

    def to_json(self) -> dict[str, Any]:
        """A plain object."""
        return {
            "verdicts": dict(self.verdicts),
            "kinds": dict(self.kinds),
            "machine_checked": self.machine,
            "steps": sum(self.kinds.values()),
            "failed": self.failed,
        }


@dataclass(frozen=True)
class Assault:
    """What the attacks on some claims found.

    Args:
        cases: cases tried.
        undecided: those that the judge could not decide.
        drops: hypotheses that were dropped.
        fired: those of them without which a counterexample was found.
        counterexamples: suites in which a case with every hypothesis breaks the claim.
        errors: suites that ended with an error.
        suites: suites with a result.
        earlier: those whose result was made by an earlier version of their sources.
    """

    cases: int
    undecided: int
    drops: int
    fired: int
    counterexamples: tuple[str, ...]
    errors: tuple[str, ...]
    suites: int
    earlier: int

    @classmethod
    def of(cls, attacks: Attacks | None, claims: Sequence[str]) -> Assault:
        """The counts of the suites of these claims."""
        known = [r for r in attacks.reports if r.claim in claims] if attacks else []
        old = [r for r in attacks.earlier if r.claim in claims] if attacks else []
        found = [*known, *old]
        drops = [power for report in found for power in report.power]
        broken = [(r.label, r.evidence.error) for r in found if r.evidence is not None]
        return cls(
            sum(report.tried for report in found),
            sum(report.undecided for report in found),
            len(drops),
            sum(power.fired for power in drops),
            tuple(label for label, error in broken if not error),
            tuple(label for label, error in broken if error),
            len({report.label for report in found}),
            len({report.label for report in old}),
        )

    @property
    def text(self) -> str:
        """The counts in words; empty without a suite."""
        if not self.suites:
            return ""
        undecided = f" ({self.undecided:,} undecided)" if self.undecided else ""
        broken = ", ".join(self.counterexamples)
        found = f"counterexamples in {broken}" if broken else "no counterexample"
        found += f", but an error in {', '.join(self.errors)}" if self.errors else ""
        earlier = f" {self.earlier} made by an earlier version." if self.earlier else ""
        return (
            f"{self.cases:,} cases{undecided} of {self.suites} suite{'s' * (self.suites != 1)}:"
            f" {found}. Without a"
            f" hypothesis: {self.fired} of {self.drops} have one.{earlier}"
        )

    def to_json(self) -> dict[str, Any]:
        """A plain object."""
        lists = {"counterexamples": list(self.counterexamples), "errors": list(self.errors)}
        return {**self.__dict__, **lists}
