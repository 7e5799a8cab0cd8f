"""The state of a training run in its folder: saved, and restored for the same settings alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from ...support.jsonable import jsonable
from ...support.schema import SchemaError
from ..network.checkpoint import Checkpoint
from ..network.record_schema import STATE_RECORD
from ..network.transformer import LoopedTransformer
from ..tasks.task import Task
from .optimizers import Optimizers
from .schedule import Course
from .train_config import TrainConfig

STATE, METRICS = "state.safetensors", "metrics.jsonl"


class SavedState:
    """The state of a run in its folder: weights, moments of the optimisers, course and progress.

    Args:
        folder: folder of the run.
        config: the settings of the run, which are saved with its state.
        task: the task, whose name and data are saved too.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from loopstab.models.training.run_spec import RunSpec
        >>> from loopstab.models.training.saved_state import SavedState
        >>> config, task = RunSpec(width=8, heads=1).build()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     SavedState(Path(folder), config, task).exists
        False
    """

    def __init__(self, folder: Path, config: TrainConfig, task: Task):
        self._folder, self._config, self._task = folder, config, task

    @property
    def exists(self) -> bool:
        """Whether the folder holds a state, whole or damaged."""
        return (self._folder / STATE).exists()

    def save(
        self,
        model: LoopedTransformer,
        optimizers: Optimizers,
        course: Course,
        progress: dict[str, Any],
    ) -> None:
        """Write the state, and the history as metrics.jsonl.

        Args:
            model: the network, whose weights are saved.
            optimizers: its optimisers, whose moments are saved.
            course: the course of the schedule.
            progress: what else is recorded: arithmetic, command, step (steps taken), seconds,
                parts (of a batch) and history.

        Raises:
            LoopstabError: a file cannot be written.
        """
        tensors = {f"model.{name}": t for name, t in model.state_dict().items()}
        meta = {**self._settings(), "course": course.state(), **progress}
        Checkpoint(tensors | optimizers.tensors(), meta).save(self._folder / STATE)
        write_atomic(
            self._folder / METRICS,
            "".join(json.dumps(jsonable(entry)) + "\n" for entry in progress["history"]),
        )

    def restore(
        self, model: LoopedTransformer, optimizers: Optimizers, course: Course
    ) -> dict[str, Any]:
        """Restore what was saved last into the network, its optimisers and the course.

        Args:
            model: the network, whose weights are replaced.
            optimizers: its optimisers, whose moments are replaced.
            course: the course of the schedule, which is taken to the step that was saved.

        Returns:
            The record of the state, with the progress that `save` was given.

        Raises:
            UsageError: the state is that of a run with other settings.
            LoopstabError: it is damaged, or does not fit its settings.
        """
        saved = Checkpoint.load(self._folder / STATE)
        try:
            STATE_RECORD.check(saved.meta, "")
        except SchemaError as error:
            raise self._unfit(error) from None
        before, now = _flat(saved.meta), _flat(self._settings())
        if before != now:
            differ = ", ".join(_differences(before, now))
            raise UsageError(
                f"{self._folder} holds a run with other settings ({differ}): choose another"
                " --out, or delete that folder"
            )
        try:
            self._fill(saved, model, optimizers, course)
        except (RuntimeError, KeyError, ValueError) as error:
            raise self._unfit(error) from None
        return saved.meta

    def _settings(self) -> dict[str, Any]:
        return {
            "config": self._config.to_json(),
            "task": self._task.name,
            "data": self._task.fingerprint(),
        }

    def _fill(
        self, saved: Checkpoint, model: LoopedTransformer, optimizers: Optimizers, course: Course
    ) -> None:
        meta, others = saved.meta, [k for k in saved.tensors if not k.startswith("optimizer.")]
        last = max((entry["step"] for entry in meta["history"]), default=0)
        if last > meta["step"] or meta["parts"] >= 2 * self._config.batch:
            raise ValueError(f"step {meta['step']}, history up to {last}, {meta['parts']} parts")
        course.restore(meta["course"], meta["step"])
        model.load_state_dict({k.removeprefix("model."): saved.tensors[k] for k in others})
        optimizers.restore(saved.tensors)

    def _unfit(self, error: Exception) -> LoopstabError:
        reason = " ".join(str(error).split())[:200]
        return LoopstabError(
            f"the state in {self._folder} does not fit its settings ({reason}): restore"
            f" {self._folder / STATE} from a copy, or delete it to train from the start"
        )


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """The settings of a record beside its task and data."""
    return {**record["config"], "task": record["task"], "data": record["data"]}


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The settings that differ, in words; of nested settings the parts that differ."""
    out = []
    for key in sorted({*before, *now}):
        a, b = before.get(key), now.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            out += _differences(a, b)
        elif a != b:
            out.append(f"{key} {a} there, {b} asked")
    return out
