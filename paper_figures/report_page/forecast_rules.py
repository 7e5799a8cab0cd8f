"""Findings and verdicts on forecasts: whether what was predicted is what the orbits do."""

from __future__ import annotations

from collections.abc import Sequence

from ...models.forecast.measured_scores import GOAL
from ...models.forecast.near_point import LOOPS
from ...numerics.proportion import wilson
from .grounds import Grounds
from .measured_loops import MeasuredLoop
from .ruling import Judgement, Ruling, TrainedFinding

LONG = 512
"""Iterations from which the forecasts of `Grounds.looked_longer` were made."""


def forecast(evidence: Grounds) -> TrainedFinding:
    """How often the outcome forecast as most probable is the most frequent one."""
    right, asked = _right(evidence.loops)
    if not asked:
        return TrainedFinding("No forecast was measured.")
    text = (
        "Forecasts made before the measurement name the most frequent outcome in"
        f" {_share(right, asked)}, by stage: {_by_stage(right, asked)}."
    )
    numbers = {"right": len(right), "asked": len(asked), "interval": wilson(len(right), len(asked))}
    longer, long_asked = _right(evidence.looked_longer)
    if long_asked:
        shallow, shallow_asked = _right(_same(evidence.loops, long_asked))
        text += (
            f" From {LONG} iterations instead of {LOOPS} they do so in"
            f" {_share(longer, long_asked)}, where those from {LOOPS} do in {len(shallow)} of"
            f" {len(shallow_asked)}."
        )
        numbers |= {"longer_right": len(longer), "longer_asked": len(long_asked)}
    return TrainedFinding(text, numbers, len({loop.checkpoint for loop in asked}))


def characterises(evidence: Grounds) -> Ruling:
    """Holds if the interval lies above `GOAL`, corrected if it lies below, open otherwise."""
    right, asked = _right(evidence.loops)
    if not asked:
        return Ruling(Judgement.OPEN, "no forecast was measured.")
    low, high = wilson(len(right), len(asked))
    share = f"{len(right)} of {len(asked)} forecasts are right ({low:.2f} to {high:.2f})"
    longer, long_asked = _right(evidence.looked_longer)
    rest = f" From {LONG} iterations, {_share(longer, long_asked)} are." if long_asked else ""
    if low > GOAL:
        return Ruling(Judgement.HOLDS, f"{share}.{rest}")
    if high < GOAL:
        return Ruling(Judgement.CORRECTED, f"{share}, fewer than {GOAL:.0%}.{rest}")
    return Ruling(Judgement.OPEN, f"{share}: the interval contains {GOAL:.0%}.{rest}")


def _right(loops: Sequence[MeasuredLoop]) -> tuple[list[MeasuredLoop], list[MeasuredLoop]]:
    """The loops whose forecast was right, and all that have one and a decided orbit."""
    asked = [loop for loop in loops if loop.forecast and loop.majority]
    return [loop for loop in asked if loop.forecast == loop.majority], asked


def _same(loops: Sequence[MeasuredLoop], others: Sequence[MeasuredLoop]) -> list[MeasuredLoop]:
    """Those of the loops that are the same checkpoint, stage and level as one of the others."""
    keys = {(other.checkpoint, other.stage, other.level) for other in others}
    return [loop for loop in loops if (loop.checkpoint, loop.stage, loop.level) in keys]


def _share(right: Sequence[MeasuredLoop], asked: Sequence[MeasuredLoop]) -> str:
    low, high = wilson(len(right), len(asked))
    return f"{len(right)} of {len(asked)} cases ({low:.2f} to {high:.2f})"


def _by_stage(right: list[MeasuredLoop], asked: list[MeasuredLoop]) -> str:
    stages = dict.fromkeys(loop.stage for loop in asked)
    return ", ".join(
        f"{stage} {sum(x.stage == stage for x in right)} of {sum(x.stage == stage for x in asked)}"
        for stage in stages
    )
