"""Training a shipped checkpoint again from its record, to its end or part of the way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from ...support.errors import UsageError
from ..network.checkpoint import save_model
from ..network.model_config import ModelConfig
from ..tasks.registry import recorded_task
from ..training.schedule import FixedSteps, LengthCurriculum
from ..training.train import MODEL, Trainer
from ..training.train_config import TrainConfig
from .zoo import describe

SCHEDULES = {kind.kind: kind for kind in (LengthCurriculum, FixedSteps)}


def recorded_config(run: dict[str, Any]) -> TrainConfig:
    """The settings of a run, from its record.

    Args:
        run: the record of a run; what older records do not mention has its default.

    Raises:
        UsageError: a setting is not possible, or beyond its bounds.

    Example:
        >>> from loopstab.models.zoo.repetition import recorded_config
        >>> from loopstab.models.zoo.zoo import describe
        >>> recorded_config(describe("internal-post")["run"]).schedule.kind
        'length-curriculum'
    """
    settings = dict(run["config"])
    schedule = dict(settings.pop("schedule"))
    kind = SCHEDULES[schedule.pop("kind")]
    model = ModelConfig.from_json(settings.pop("model"))
    return TrainConfig(model=model, schedule=kind(**schedule), **settings)


def repeat(
    name: str,
    out: str | Path,
    share: float = 1.0,
    data: str | Path | None = None,
    progress: bool = False,
) -> Path:
    """Train a shipped checkpoint again by the settings of its record, up to a share of its steps.

    The same version of the package and of torch gives the same bits in float32 on one thread; the
    older runs of the zoo are repeated up to rounding, from which training may depart in time.
    A repetition that was interrupted continues.

    Args:
        name: a shipped checkpoint.
        out: folder of the run, which is created.
        share: share of the recorded steps after which the training stops, above 0 and at most 1;
            default 1, which also evaluates the trained network.
        data: prepared data file of the run, where its task needs one.
        progress: whether to show a progress bar; default no.

    Returns:
        The path of the checkpoint.

    Raises:
        UsageError: there is no such checkpoint, the share is not in (0, 1], `data` is not the data
            file of the run, or the folder holds another run.

    Example:
        >>> import tempfile
        >>> from loopstab.models.network.checkpoint import load_model
        >>> from loopstab.models.zoo.repetition import repeat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _, meta = load_model(repeat("sudoku-4x4-internal-post-s0", folder, share=0.002))
        >>> meta["run"]["steps"]
        1
    """
    if not 0 < share <= 1:
        raise UsageError(f"the share of the steps must lie above 0 and at most at 1, not {share}")
    run = describe(name)["run"]
    config, task = recorded_config(run), recorded_task(run, data)
    trainer = Trainer(config, task, out, command=f"loopstab zoo repeat {name} --share {share:g}")
    path = trainer.out / MODEL
    if share == 1:
        trainer.run(progress=progress)
        return path
    last = math.ceil(share * run["steps"])
    if trainer.step < last:
        trainer.run(progress=progress, stop=lambda: trainer.step >= last)
    record = {
        **{key: run[key] for key in ("task", "data", "difficulty", "architecture")},
        "command": trainer.command,
        "config": config.to_json(),
        "steps": trainer.step,
        "level_reached": trainer.course.level,
        "seconds": round(trainer.seconds, 1),
        "device": trainer.device,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    return save_model(path, trainer.model, {"run": record, "history": trainer.history})
