"""Checking a claim: every step, every attack, and the verdict that follows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from theory.claim import Claim, Finding, Kind, Step, Verdict
from theory.falsifier import FalsifierReport


@dataclass(frozen=True)
class StepReport:
    """A step with what its check found and how long it took (seconds)."""

    step: Step
    finding: Finding
    seconds: float


@dataclass(frozen=True)
class ClaimReport:
    """The outcome of `check`; `seconds` is wall time."""

    claim: Claim
    steps: tuple[StepReport, ...]
    falsifiers: tuple[FalsifierReport, ...]
    verdict: Verdict
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain data: id, title, source, hypotheses, steps, falsifiers, verdict, seconds."""
        return {
            "id": self.claim.id,
            "title": self.claim.title,
            "source": self.claim.source,
            "hypotheses": [{"name": item.name, "statement": item.statement} for item in self.claim.assumptions],
            "steps": [
                {
                    "name": item.step.name,
                    "kind": str(item.step.kind),
                    "verdict": str(item.finding.verdict),
                    "dimensions": item.step.dimensions,
                    "statement": item.step.statement,
                    "detail": item.finding.detail,
                    "seconds": round(item.seconds, 4),
                }
                for item in self.steps
            ],
            "falsifiers": [
                {"name": item.name, "drops": item.drops, "fired": item.fired, "counterexample": item.counterexample, "trials": item.trials}
                for item in self.falsifiers
            ],
            "verdict": str(self.verdict),
            "seconds": round(self.seconds, 4),
        }


def check_step(step: Step) -> StepReport:
    """Run the check of one step."""
    start = time.perf_counter()
    finding = step.check()
    return StepReport(step, finding, time.perf_counter() - start)


def check(claim: Claim) -> ClaimReport:
    """Check every step and run every falsifier of the claim (seeded by its id): THEORY.md section 4.

    Refuted: a step failed, or a counterexample satisfies every assumption. Proved: all steps passed, none is measured, and every
    falsifier fired. Undecided otherwise (z3 unknown, a measured step, a falsifier that found nothing without its assumption).
    """
    start = time.perf_counter()
    steps = tuple(check_step(step) for step in claim.steps)
    attacks = tuple(falsifier.run(claim.id) for falsifier in claim.falsifiers)
    return ClaimReport(claim, steps, attacks, _verdict(steps, attacks), time.perf_counter() - start)


def _verdict(steps: tuple[StepReport, ...], attacks: tuple[FalsifierReport, ...]) -> Verdict:
    found = [item.finding.verdict for item in steps]
    if Verdict.FAILED in found or any(item.breach for item in attacks):
        return Verdict.REFUTED
    complete = all(verdict is Verdict.PASSED for verdict in found) and all(item.step.kind is not Kind.MEASURED for item in steps)
    return Verdict.PROVED if complete and all(item.fired for item in attacks) else Verdict.UNDECIDED
