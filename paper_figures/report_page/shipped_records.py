"""The evidence that ships with the package: forecasts, measurements and comparisons of recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...models.forecast.forecast_file import read_forecasts
from ...models.forecast.measured_line import read_measured
from ..drawings.record_files import FOLDER, read_record
from .grounds import Grounds
from .measured_loops import MeasuredLoop, measured_loops
from .recall_pairs import RecallTask, recall_tasks
from .trained_runs import shipped_runs

if TYPE_CHECKING:
    from ..text.attack_results import Attacks

FORECASTS, MEASURED, RECALL = "forecasts.jsonl", "measured.jsonl", "recall_accuracy.json"
LONG_FORECASTS = "long_forecasts.jsonl"
"""Forecasts from more iterations, sealed before their checkpoints and stages were measured."""


def shipped_evidence(claims: Sequence[Mapping[str, Any]], attacks: Attacks | None) -> Grounds:
    """All evidence: what was checked and attacked, and the shipped records.

    Args:
        claims: JSON objects of the checked claims.
        attacks: results of attacks, if there are any.
    """
    return Grounds(
        {claim["id"]: claim for claim in claims},
        attacks,
        shipped_runs(),
        _loops(FORECASTS),
        _recall(),
        [loop for loop in _loops(LONG_FORECASTS) if loop.forecast],
    )


def _loops(name: str) -> list[MeasuredLoop]:
    """All measured loops, each with its forecast of this file where it has one."""
    if not (FOLDER / MEASURED).exists():
        return []
    forecasts = read_forecasts(FOLDER / name) if (FOLDER / name).exists() else ()
    return measured_loops(read_measured(FOLDER / MEASURED), forecasts)


def _recall() -> list[RecallTask]:
    if not (FOLDER / RECALL).exists():
        return []
    return recall_tasks(read_record(RECALL)["tasks"])
