"""Findings and verdicts on forecasts: whether what was predicted is what the orbits do."""

from __future__ import annotations

from ...models.forecast.measured_scores import GOAL
from ...numerics.proportion import wilson
from .grounds import Grounds
from .measured_loops import MeasuredLoop
from .ruling import Judgement, Ruling, TrainedFinding


def forecast(evidence: Grounds) -> TrainedFinding:
    """How often the outcome forecast as most probable is that of most orbits."""
    right, asked = _right(evidence)
    if not asked:
        return TrainedFinding("No forecast was measured.")
    low, high = wilson(len(right), len(asked))
    return TrainedFinding(
        f"Forecasts made before the measurement name the outcome of most orbits in {len(right)} of"
        f" {len(asked)} cases ({low:.2f} to {high:.2f}), by stage: {_by_stage(right, asked)}.",
        {"right": len(right), "asked": len(asked), "interval": (low, high)},
        len({loop.checkpoint for loop in asked}),
    )


def characterises(evidence: Grounds) -> Ruling:
    """Holds if the interval lies above `GOAL`, corrected if it lies below, open otherwise."""
    right, asked = _right(evidence)
    if not asked:
        return Ruling(Judgement.OPEN, "no forecast was measured.")
    low, high = wilson(len(right), len(asked))
    share = f"{len(right)} of {len(asked)} forecasts are right ({low:.2f} to {high:.2f})"
    if low > GOAL:
        return Ruling(Judgement.HOLDS, f"{share}.")
    if high < GOAL:
        return Ruling(Judgement.CORRECTED, f"{share}, fewer than {GOAL:.0%}.")
    return Ruling(Judgement.OPEN, f"{share}: the interval contains {GOAL:.0%}.")


def _right(evidence: Grounds) -> tuple[list[MeasuredLoop], list[MeasuredLoop]]:
    """The loops whose forecast was right, and all that have one and a decided orbit."""
    asked = [loop for loop in evidence.loops if loop.forecast and loop.majority]
    return [loop for loop in asked if loop.forecast == loop.majority], asked


def _by_stage(right: list[MeasuredLoop], asked: list[MeasuredLoop]) -> str:
    stages = dict.fromkeys(loop.stage for loop in asked)
    return ", ".join(
        f"{stage} {sum(x.stage == stage for x in right)} of {sum(x.stage == stage for x in asked)}"
        for stage in stages
    )
