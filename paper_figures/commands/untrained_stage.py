"""Which checkpoints of the zoo are predicted and measured before their training, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNTRAINED = ("prefix-sums", "sudoku-4x4", "kqk")
"""Tasks of the plan cpu whose runs with seed 0 are."""


def has_untrained_stage(name: str, run: Mapping[str, Any]) -> bool:
    """Whether a shipped checkpoint is also predicted and measured before its training.

    Args:
        name: its name in the zoo.
        run: the record of its run.
    """
    from ...models.zoo import zoo as shelf

    early = run["config"]["seed"] == 0 and run["task"] in UNTRAINED
    return early and shelf.plan_of(name) == "cpu"
