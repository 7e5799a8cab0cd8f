"""The trained loops that the package ships: their records, which are read without torch, and their
weights.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...support.errors import LoopstabError, UsageError
from ..network.metadata import entries, finished_run, recorded_run

if TYPE_CHECKING:  # torch is imported when weights are
    from ..network.checkpoint import Checkpoint

FOLDER = Path(__file__).parents[1] / "checkpoints"
SHOWN = ("external-post", "internal-peri", "internal-post", "none-post")
"""The four checkpoints of prefix sums at 32 bits that the report and the notebook compare."""
TOLERANCE = 0.01
"""Largest difference of accuracies that `verify` accepts: weights in half precision may change the
verdict on a few samples.
"""


class Shelved(NamedTuple):
    """Where a shipped checkpoint is, its name in that file, and its record."""

    file: Path
    name: str
    meta: dict[str, Any]


@cache
def _index() -> dict[str, Shelved]:
    index: dict[str, Shelved] = {}
    for file in sorted(FOLDER.glob("*.safetensors")):
        for name, meta in entries(file).items():
            # names are unique within a plan; shards are called PLAN-NUMBER
            key = name if name not in index else f"{file.stem.rpartition('-')[0]}-{name}"
            plan = index[name].file.stem.rpartition("-")[0] if name in index else None
            if key in index or plan == file.stem.rpartition("-")[0]:
                raise LoopstabError(
                    f"{index[name].file} and {file} both hold a checkpoint {name}: remove one of"
                    " them"
                )
            index[key] = Shelved(file, name, meta)
    return index


def names() -> list[str]:
    """Names of the shipped checkpoints, sorted.

    Returns:
        The names.

    Example:
        >>> from loopstab.models.zoo import zoo
        >>> "internal-post" in zoo.names()
        True
    """
    return sorted(_index())


def describe(name: str) -> dict[str, Any]:
    """What was recorded of a shipped checkpoint; no weight is read.

    Args:
        name: one of `names()`.

    Returns:
        A JSON object: `run` holds settings, command, accuracies and times, `history` what was
        measured during training, and `model` the sizes of the network.

    Raises:
        UsageError: there is no such checkpoint.

    Example:
        >>> from loopstab.models.zoo import zoo
        >>> zoo.describe("internal-post")["run"]["task"]
        'prefix-sums'
    """
    return deepcopy(_shelved(name).meta)


def plan_of(name: str) -> str:
    """The plan to which a shipped checkpoint belongs, by the name of its shard.

    Args:
        name: one of `names()`.

    Returns:
        The name of the plan, such as `cpu`; that of the file for a checkpoint with one of its own.

    Raises:
        UsageError: there is no such checkpoint.

    Example:
        >>> from loopstab.models.zoo import zoo
        >>> zoo.plan_of("prefix-sums-16-internal-post-s1")
        'cpu'
    """
    stem = _shelved(name).file.stem
    plan, dash, number = stem.rpartition("-")
    return plan if dash and number.isdigit() else stem


def load(name: str) -> Checkpoint:
    """A shipped checkpoint with its weights, or one of your own.

    Args:
        name: one of `names()`, or the path of a .safetensors file.

    Returns:
        The checkpoint; `load_model` makes the network of it.

    Raises:
        UsageError: there is no such checkpoint.
        LoopstabError: the file is damaged, does not agree with its checksum, or does not say on
            what the network was trained.
    """
    from ..network.checkpoint import Checkpoint, entry

    if name.endswith(".safetensors"):
        found = Checkpoint.load(name)
        recorded_run(found.meta, name)
        return found
    shelved = _shelved(name)
    return entry(shelved.file, shelved.name)


@dataclass(frozen=True)
class Verified:
    """Recorded and repeated accuracies of a checkpoint, per level and number of iterations.

    Attributes:
        name: the checkpoint.
        recorded: what its record states.
        repeated: what was measured now.
        agrees: whether no two of them differ by more than the tolerance.
    """

    name: str
    recorded: dict[str, float]
    repeated: dict[str, float]
    agrees: bool


def verify(name: str, data: str | Path | None = None, tolerance: float = TOLERANCE) -> Verified:
    """Evaluate a checkpoint again on the samples of its record.

    The accuracies are compared at 30 iterations, at the number that was chosen, and at the last.

    Args:
        name: one of `names()`, or the path of a .safetensors file.
        data: prepared data file of the run, where its task needs one.
        tolerance: largest difference at which two accuracies agree.

    Returns:
        Both accuracies and whether they agree.

    Raises:
        UsageError: there is no such checkpoint, or `data` is not the data file of the run.
    """
    from ..measure.evaluate import accuracy_curve, recorded_samples
    from ..measure.trained import check_fit
    from ..network.checkpoint import load_model
    from ..tasks.registry import recorded_task

    model, meta = load_model(load(name))
    run = finished_run(meta, name)
    task = recorded_task(run, data)
    check_fit(model.config, task, name)
    if not set(run["accuracy"]) <= set(task.levels):
        raise LoopstabError(
            f"{name}: run.accuracy has a level that {task.name} has not: the file was altered,"
            " restore it from a copy"
        )
    chosen = {run["choice"]["loops"]} if "choice" in run else set()
    at = sorted({n for n in run["loops"] if n == 30} | {run["loops"][-1]} | chosen)
    recorded, repeated = {}, {}
    for level, curve in run["accuracy"].items():
        found = accuracy_curve(model, task, recorded_samples(run, task, level), at)
        for loops, share in zip(at, found, strict=True):
            key = f"{level}, {loops} loops"
            repeated[key], recorded[key] = share, curve[run["loops"].index(loops)]
    agrees = all(abs(repeated[key] - recorded[key]) <= tolerance for key in recorded)
    return Verified(name, recorded, repeated, agrees)


def _shelved(name: str) -> Shelved:
    if name not in _index():
        raise UsageError(
            f"no shipped checkpoint {name!r}: loopstab zoo list names them, {', '.join(SHOWN)}"
            " among them"
        )
    return _index()[name]
