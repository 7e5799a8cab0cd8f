"""Checking a claim: its steps, its attacks, and the verdict that follows from them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ...support.schema import ListOf, Number, ObjectOf, Text
from ..architecture import Recall, Residual
from ..kernel.claim import Claim, Consequence, Finding, Kind, Regime, Step, Verdict
from ..kernel.content import Item
from ..kernel.falsifier import Falsifier, FalsifierReport
from ..theorems import THEOREMS
from .cache import TEXT, ProofCache


@dataclass(frozen=True)
class StepReport:
    """What the check of a step found.

    Args:
        step: the step.
        finding: its verdict and the evidence.
        seconds: what this run took.
        cold_seconds: what the check itself took, in an earlier run if `cached`.
        cached: whether the result was found in the cache.
    """

    step: Step
    finding: Finding
    seconds: float
    cold_seconds: float
    cached: bool = False

    def to_json(self) -> dict[str, Any]:
        """The step and its finding as JSON data; a cited step with its theorem."""
        step = self.step
        data: dict[str, Any] = {
            "name": step.name,
            "kind": str(step.kind),
            "machine_checked": step.kind.machine_checked,
            "verdict": str(self.finding.verdict),
            "dimensions": step.dimensions,
            "induction": list(step.induction),
            "statement": step.statement,
            "detail": self.finding.detail,
            "uses": list(step.uses),
            "seconds": round(self.seconds, 4),
            "cold_seconds": round(self.cold_seconds, 4),
            "cached": self.cached,
            "content": [item.to_json() for item in self.finding.content],
        }
        if step.theorem is not None and step.theorem in THEOREMS:
            theorem = THEOREMS[step.theorem]
            hypotheses = [
                {
                    "name": name,
                    "statement": text,
                    "discharged_by": list(step.discharges.get(name, ())),
                }
                for name, text in theorem.hypotheses.items()
            ]
            data["theorem"] = {
                "key": step.theorem,
                "title": theorem.title,
                "statement": theorem.statement,
                "reference": theorem.reference,
                "hypotheses": hypotheses,
            }
        return data


@dataclass(frozen=True)
class ClaimReport:
    """The outcome of `check` for a claim.

    Args:
        claim: the claim.
        steps: what the check of each step found.
        falsifiers: what each attack found.
        verdict: proved, refuted or undecided.
        seconds: wall time of the check.
        saved_seconds: what the falsifiers that were found in the cache took when they were run;
            default 0.
        cached_falsifiers: the number of falsifiers that were found in the cache; default 0.

    Example:
        >>> from loopstab import check, ledger
        >>> report = check(next(claim for claim in ledger() if claim.id == "M1"))
        >>> str(report.verdict), all(attack.fired for attack in report.falsifiers)
        ('proved', True)
        >>> report.to_json()["steps"][0]["verdict"]
        'passed'
    """

    claim: Claim
    steps: tuple[StepReport, ...]
    falsifiers: tuple[FalsifierReport, ...]
    verdict: Verdict
    seconds: float
    saved_seconds: float = 0.0
    cached_falsifiers: int = 0

    @property
    def cached_steps(self) -> int:
        """The number of steps that were found in the cache."""
        return sum(item.cached for item in self.steps)

    @property
    def cold_seconds(self) -> float:
        """How long the check takes without a cache."""
        saved = sum(item.cold_seconds - item.seconds for item in self.steps)
        return self.seconds + saved + self.saved_seconds

    def to_json(self) -> dict[str, Any]:
        """Everything that the claim says and that its check found, as JSON data."""
        claim = self.claim
        attacked = {item.name: item.predicate for item in claim.falsifiers}
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
            "predicates": [
                {
                    "name": item.name,
                    "sentence": item.sentence,
                    "hypotheses": list(item.assumptions),
                    "concluded_by": list(item.concluded_by),
                }
                for item in claim.predicates
            ],
            "falsifiers": [
                {
                    "name": item.name,
                    "drops": item.drops,
                    "predicate": attacked[item.name].name,
                    "conclusion": attacked[item.name].sentence,
                    "fired": item.fired,
                    "breach": item.breach,
                    "counterexample": item.counterexample,
                }
                for item in self.falsifiers
            ],
            "consequences": [consequence_json(item) for item in claim.consequences],
            "notes": list(claim.notes),
            "verdict": str(self.verdict),
            "cached": {"steps": self.cached_steps, "falsifiers": self.cached_falsifiers},
            "seconds": round(self.seconds, 4),
            "cold_seconds": round(self.cold_seconds, 4),
        }


def consequence_json(item: Consequence) -> dict[str, Any]:
    """A consequence as JSON data, with its sets in the order of their enumerations."""
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


_TEXT, _SECONDS = Text(TEXT), Number(0, 1e9)
_STEP = ObjectOf(
    {
        "detail": _TEXT,
        "seconds": _SECONDS,
        "content": ListOf(
            ObjectOf(dict.fromkeys(("kind", "text", "latex", "checked"), _TEXT)), longest=10_000
        ),
    }
)
_FALSIFIER = ObjectOf({"counterexample": _TEXT, "seconds": _SECONDS})
"""What the cache holds of a step that passed, and of a falsifier that found a counterexample."""


def check_step(step: Step, claim: str = "", cache: ProofCache | None = None) -> StepReport:
    """Run the check of one step, or find in the cache that it passed.

    The cache is used for machine-checked and measured steps of claims of the ledger only.
    """
    start = time.perf_counter()
    computed = step.kind.machine_checked or step.kind is Kind.MEASURED
    usable = cache if computed else None
    kept = _kept(usable.find(claim, step.name, _STEP) if usable else None)
    if kept is not None:
        finding, seconds = kept
        return StepReport(step, finding, time.perf_counter() - start, seconds, cached=True)
    finding = step.check()
    seconds = time.perf_counter() - start
    if usable and finding.verdict is Verdict.PASSED:
        shown = [item.to_json() for item in finding.content]
        value = {"detail": finding.detail, "seconds": seconds, "content": shown}
        usable.keep(claim, step.name, value, seconds)
    return StepReport(step, finding, seconds, seconds)


def _kept(entry: dict[str, Any] | None) -> tuple[Finding, float] | None:
    """The finding in an entry of the cache and the seconds it took; None if it has none."""
    if entry is None:
        return None
    content = tuple(Item(**item) for item in entry["content"])
    marks = tuple(item.checked for item in content)
    return Finding(Verdict.PASSED, entry["detail"], marks, content), entry["seconds"]


def run_falsifier(
    falsifier: Falsifier[Any], claim: str = "", cache: ProofCache | None = None
) -> tuple[FalsifierReport, float | None]:
    """Run a falsifier, or find in the cache that it found a counterexample.

    Returns:
        What it found, and the seconds of the run that was kept; None if it was run now.
    """
    name = f"falsifier-{falsifier.name}"
    kept = cache.find(claim, name, _FALSIFIER) if cache else None
    if kept is not None:
        text = kept["counterexample"]
        return FalsifierReport(falsifier.name, falsifier.drops, True, False, text), kept["seconds"]
    start = time.perf_counter()
    report = falsifier.run()
    seconds = time.perf_counter() - start
    if cache and report.fired and not report.breach:
        value = {"counterexample": report.counterexample, "seconds": seconds}
        cache.keep(claim, name, value, seconds)
    return report, None


def check(claim: Claim, cache: ProofCache | None = None) -> ClaimReport:
    """Check every step of a claim, the examples of its predicates, and every falsifier.

    Args:
        claim: the claim.
        cache: where results are stored; a step that passed before, and a falsifier that found a
            counterexample, are not run again while their sources are the same. By default
            everything is run.

    Returns:
        The report. The claim is refuted if a step failed, or if a counterexample satisfies every
        assumption. It is proved if every step passed, none is measured, and every falsifier found
        a counterexample without its assumption. Otherwise it is undecided.

    Raises:
        LoopstabError: the case of a falsifier does not satisfy what it should, or the example of a
            predicate fails.

    Example:
        >>> from loopstab import check, ledger
        >>> str(check(next(claim for claim in ledger() if claim.id == "N3")).verdict)
        'proved'
    """
    start = time.perf_counter()
    for predicate in claim.predicates:
        predicate.require_example()
    steps = tuple(check_step(step, claim.id, cache) for step in claim.steps)
    runs = [run_falsifier(falsifier, claim.id, cache) for falsifier in claim.falsifiers]
    attacks = tuple(report for report, _ in runs)
    saved = [seconds for _, seconds in runs if seconds is not None]
    seconds = time.perf_counter() - start
    verdict = _verdict(steps, attacks)
    return ClaimReport(claim, steps, attacks, verdict, seconds, sum(saved), len(saved))


def _verdict(steps: tuple[StepReport, ...], attacks: tuple[FalsifierReport, ...]) -> Verdict:
    found = [item.finding.verdict for item in steps]
    if Verdict.FAILED in found or any(item.breach for item in attacks):
        return Verdict.REFUTED
    passed = all(verdict is Verdict.PASSED for verdict in found)
    measured = any(item.step.kind is Kind.MEASURED for item in steps)
    sharp = all(item.fired for item in attacks)
    return Verdict.PROVED if passed and sharp and not measured else Verdict.UNDECIDED
