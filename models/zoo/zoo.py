"""The trained loops that the repository ships, each with its configuration, command, curves and
training history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ...support.errors import LoopstabError, UsageError
from ..measure.evaluate import CHOICE, accuracy_curve
from ..network.checkpoint import Checkpoint, entries, entry, load_model
from ..tasks.registry import recorded_task
from ..tasks.task import EVALUATION_SEED, Batch, Task

FOLDER = Path(__file__).parents[1] / "checkpoints"
SHOWN = ("external-post", "internal-peri", "internal-post", "none-post")
"""the four of prefix sums at 32 bits that the report and the notebook compare"""


@cache
def _index() -> dict[str, Path]:
    index: dict[str, Path] = {}
    for file in sorted(FOLDER.glob("*.safetensors")):
        for name in entries(file):
            if name in index:
                raise LoopstabError(
                    f"{index[name]} and {file} both hold a checkpoint {name}: remove one of them"
                )
            index[name] = file
    return index


def names() -> list[str]:
    """Names of the shipped checkpoints, sorted."""
    return sorted(_index())


def load(name: str) -> Checkpoint:
    """A shipped checkpoint, or one of the user's own by the path of its .safetensors file;
    `UsageError` with close names otherwise.
    """
    if name.endswith(".safetensors"):
        return Checkpoint.load(name)
    if name not in _index():
        raise UsageError(
            f"no shipped checkpoint {name!r}: loopstab zoo list names them, {', '.join(SHOWN)}"
            " among them"
        )
    return entry(_index()[name], name)


def describe(name: str) -> dict[str, Any]:
    """Configuration, command, curves and history of a shipped checkpoint; no weight is read."""
    if name not in _index():
        raise UsageError(f"no shipped checkpoint {name!r}: loopstab zoo list names them")
    return entries(_index()[name])[name]


@dataclass(frozen=True)
class Verified:
    """Recorded and repeated accuracy of a checkpoint, per level and loops; `agrees` if none differs
    by more than `tolerance`.
    """

    name: str
    recorded: dict[str, float]
    repeated: dict[str, float]
    agrees: bool


def verify(name: str, data: str | Path | None = None, tolerance: float = 0.01) -> Verified:
    """Evaluate a checkpoint again on the samples of its record, at 30 loops, at those chosen and at
    the last.

    Weights in half precision may flip a few.

    `data` is the prepared file of the run, where its task needs one. Raises `UsageError` when it is
    another one.
    """
    model, meta = load_model(load(name))
    run, task = meta["run"], recorded_task(meta["run"], data)
    chosen = {run["choice"]["loops"]} if "choice" in run else set()
    at = sorted({n for n in run["loops"] if n == 30} | {run["loops"][-1]} | chosen)
    recorded, repeated = {}, {}
    for level in run["accuracy"]:
        for loops, share in zip(
            at, accuracy_curve(model, task, _recorded_samples(run, task, level), at), strict=True
        ):
            key = f"{level}, {loops} loops"
            repeated[key] = share
            recorded[key] = run["accuracy"][level][run["loops"].index(loops)]
    agrees = all(abs(repeated[key] - recorded[key]) <= tolerance for key in recorded)
    return Verified(name, recorded, repeated, agrees)


def _recorded_samples(run: Mapping[str, Any], task: Task, level: str) -> Batch:
    """The samples that a record was measured on; those of older records were drawn with
    replacement, of all levels.
    """
    size = run["config"]["eval_size"]
    if "choice" in run:
        first = level == task.held_out[0]
        return task.evaluation(size, level, min(CHOICE, size) if first else 0)[0]
    return task.batch(
        size, level, torch.Generator().manual_seed(EVALUATION_SEED + task.levels.index(level))
    )
