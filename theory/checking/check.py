"""Checking a claim: every step, every attack, and the verdict that follows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..architecture import Recall, Residual
from ..kernel.claim import Claim, Consequence, Finding, Kind, Regime, Step, Verdict
from ..kernel.falsifier import FalsifierReport
from ..theorems import THEOREMS
from .cache import ProofCache


@dataclass(frozen=True)
class StepReport:
    """A step with what its check found.

    `seconds` is what this run took; `cold_seconds` what the check itself took, in an earlier run if
    `cached`.
    """

    step: Step
    finding: Finding
    seconds: float
    cold_seconds: float
    cached: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        step = self.step
        data: dict[str, Any] = {
            "name": step.name,
            "kind": str(step.kind),
            "machine_checked": step.kind.machine_checked,
            "verdict": str(self.finding.verdict),
            "dimensions": step.dimensions,
            "statement": step.statement,
            "detail": self.finding.detail,
            "uses": list(step.uses),
            "seconds": round(self.seconds, 4),
            "cold_seconds": round(self.cold_seconds, 4),
            "cached": self.cached,
        }
        if step.theorem is not None and step.theorem in THEOREMS:
            theorem = THEOREMS[step.theorem]
            data["theorem"] = {
                "key": step.theorem,
                "title": theorem.title,
                "statement": theorem.statement,
                "reference": theorem.reference,
                "hypotheses": [
                    {
                        "name": key,
                        "statement": text,
                        "discharged_by": list(step.discharges.get(key, ())),
                    }
                    for key, text in theorem.hypotheses.items()
                ],
            }
        return data


@dataclass(frozen=True)
class ClaimReport:
    """The outcome of `check`; `seconds` is wall time."""

    claim: Claim
    steps: tuple[StepReport, ...]
    falsifiers: tuple[FalsifierReport, ...]
    verdict: Verdict
    seconds: float

    @property
    def cold_seconds(self) -> float:
        """What the claim takes without a cache."""
        return self.seconds + sum(item.cold_seconds - item.seconds for item in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Plain data: everything that the claim says and everything that its check found."""
        claim = self.claim
        conclusions = {item.name: item.conclusion for item in claim.falsifiers}
        return {
            "id": claim.id,
            "title": claim.title,
            "source": claim.source,
            "statement": claim.statement,
            "latex": claim.latex,
            "hypotheses": [
                {"name": item.name, "statement": item.statement} for item in claim.assumptions
            ],
            "steps": [item.to_json() for item in self.steps],
            "falsifiers": [
                {
                    "name": item.name,
                    "drops": item.drops,
                    "conclusion": conclusions[item.name],
                    "fired": item.fired,
                    "breach": item.breach,
                    "counterexample": item.counterexample,
                    "trials": item.trials,
                }
                for item in self.falsifiers
            ],
            "consequences": [consequence_json(item) for item in claim.consequences],
            "notes": list(claim.notes),
            "verdict": str(self.verdict),
            "seconds": round(self.seconds, 4),
            "cold_seconds": round(self.cold_seconds, 4),
        }


def consequence_json(item: Consequence) -> dict[str, Any]:
    """Plain data."""
    return {
        "axis": str(item.axis),
        "answer": item.answer,
        "statement": item.statement,
        "recalls": [str(recall) for recall in Recall if recall in item.recalls],
        "outer_norm": item.outer_norm,
        "residuals": [str(residual) for residual in Residual if residual in item.residuals],
        "regimes": [str(regime) for regime in Regime if regime in item.regimes],
        "when": item.when,
    }


def check_step(step: Step, claim: str = "", cache: ProofCache | None = None) -> StepReport:
    """Run the check of one step, or find in the cache that it passed (machine-checked steps of a
    claim of the ledger only).
    """
    start = time.perf_counter()
    usable = cache if step.kind.machine_checked else None
    kept = usable.find(claim, step.name) if usable else None
    if kept and isinstance(kept.get("detail"), str) and isinstance(kept.get("seconds"), float):
        return StepReport(
            step,
            Finding(Verdict.PASSED, kept["detail"]),
            time.perf_counter() - start,
            kept["seconds"],
            cached=True,
        )
    finding = step.check()
    seconds = time.perf_counter() - start
    if usable and finding.verdict is Verdict.PASSED:
        usable.keep(claim, step.name, {"detail": finding.detail, "seconds": seconds}, seconds)
    return StepReport(step, finding, seconds, seconds)


def check(claim: Claim, cache: ProofCache | None = None) -> ClaimReport:
    """Check every step and run every falsifier of the claim (seeded by its id): THEORY.md section
    4.

    Refuted: a step failed, or a counterexample satisfies every assumption. Proved: all steps
    passed, none is measured, and every falsifier fired. Undecided otherwise (z3 unknown, a measured
    step, a falsifier that found nothing without its assumption). With a cache, steps that passed
    before from the same sources are not checked again.
    """
    start = time.perf_counter()
    steps = tuple(check_step(step, claim.id, cache) for step in claim.steps)
    attacks = tuple(falsifier.run(claim.id) for falsifier in claim.falsifiers)
    return ClaimReport(claim, steps, attacks, _verdict(steps, attacks), time.perf_counter() - start)


def _verdict(steps: tuple[StepReport, ...], attacks: tuple[FalsifierReport, ...]) -> Verdict:
    found = [item.finding.verdict for item in steps]
    if Verdict.FAILED in found or any(item.breach for item in attacks):
        return Verdict.REFUTED
    complete = all(verdict is Verdict.PASSED for verdict in found) and all(
        item.step.kind is not Kind.MEASURED for item in steps
    )
    return Verdict.PROVED if complete and all(item.fired for item in attacks) else Verdict.UNDECIDED
