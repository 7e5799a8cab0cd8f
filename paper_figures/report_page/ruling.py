"""What the report says about one statement: what was found, and the verdict with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Judgement(StrEnum):
    """The four verdicts on a statement; the value is the word on the page."""

    HOLDS = "holds"
    """as the abstract says it"""
    HYPOTHESIS = "holds with a hypothesis"
    """proved where a hypothesis holds that the abstract does not name"""
    CORRECTED = "corrected"
    """something else than the abstract says was proved or measured"""
    OPEN = "open"
    """neither proof nor data decide"""


@dataclass(frozen=True)
class Ruling:
    """A verdict and its reason: the hypothesis, the correction, or what is missing."""

    verdict: Judgement
    because: str


@dataclass(frozen=True)
class TrainedFinding:
    """Evidence from trained loops.

    Args:
        text: one or two sentences.
        numbers: every number of the text by name, for report.json.
        runs: trained runs behind it; 0 if nothing was measured.
    """

    text: str
    numbers: Mapping[str, object] = field(default_factory=dict)
    runs: int = 0


NOTHING = TrainedFinding("")
"""For statements on which trained loops have no bearing."""
