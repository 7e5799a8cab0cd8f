"""What the record of a run says: its task, how it was trained, and its accuracy at the loops that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN_LOOPS = 30


def task_of(run: Mapping[str, Any]) -> str:
    """The task and its largest training length."""
    bits = run["config"]["schedule"].get("bits")
    return run["task"] + (f", {bits} bits" if bits else "")


def published(run: Mapping[str, Any]) -> bool:
    """Whether there is no recall and the encoder learns in the published way, from the last loops alone."""
    return run["architecture"].startswith("none/") and run["config"]["encoder_gradient"] == "published"


def kind_of(run: Mapping[str, Any]) -> str:
    """The architecture; without recall also how its encoder learns, where that is the published way."""
    return run["architecture"] + " (published)" * published(run)


def shares(run: Mapping[str, Any], level: str) -> tuple[float, float, float]:
    """Share of whole samples right at its best, early (`SHOWN_LOOPS` loops at most) and at the last loop measured."""
    curve, loops = run["accuracy"][level], run["loops"]
    return max(curve), curve[max(i for i, t in enumerate(loops) if t <= SHOWN_LOOPS or i == 0)], curve[-1]
