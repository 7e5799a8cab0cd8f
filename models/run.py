"""One training run as plain options: what the train command takes, what a plan lists, and what a checkpoint records."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.config import ModelConfig
from models.loss import EncoderGradient
from models.schedule import FixedSteps, LengthCurriculum
from models.tasks.registry import make_task
from models.tasks.task import Task
from models.train_config import Precision, TrainConfig
from theory.architecture import Architecture
from theory.errors import UsageError, check_seed_and_jobs

FIXED_BLOCKS = 15
"""distinct blocks of the paper's baseline `fixed/NORM`, applied once, without recall"""


@dataclass(frozen=True)
class RunSpec:
    """Options of a run with their defaults. `architecture` is recall/norm[/residual], or fixed/NORM[/residual] for the baseline.

    `window` None is 5 for prefix sums and full attention on boards, 0 full attention. Prefix sums grow to `bits` by a curriculum, whose
    loops follow the length and which ends with `polish` steps; but with decay published, or architecture fixed, they have `bits` bits from
    the first step, and `loops` and `decay` hold as for the boards. `encoder_gradient` auto: full for recall none, else published.
    """

    task: str = "prefix-sums"
    architecture: str = "internal/post"
    width: int = 64
    heads: int = 4
    window: int | None = None
    bits: int = 32
    loops: int = 30
    steps: int = 2000
    polish: int = 400
    batch: int = 128
    lr: float = 1e-3
    warmup: int = 100
    decay: str = "cosine"
    precision: str = "float32"
    encoder_gradient: str = "auto"
    eval_size: int = 256
    seed: int = 0

    @classmethod
    def from_dict(cls, options: dict[str, Any], where: str = "run") -> RunSpec:
        """Build from a table; `UsageError` on an unknown key or a value of another type."""
        fields = {f.name: f for f in dataclasses.fields(cls)}
        extra = sorted(set(options) - set(fields))
        if extra:
            raise UsageError(f"{where}: unknown key {extra[0]!r}; a run has {', '.join(fields)}")
        for name, value in options.items():
            wanted = type(fields[name].default) if fields[name].default is not None else int
            if type(value) is not wanted and not (wanted is float and type(value) is int):
                raise UsageError(f"{where}: {name} = {value!r} must be of type {wanted.__name__}")
        floats = {name: float(value) for name, value in options.items() if type(fields[name].default) is float}  # 1 and 1.0 are one run
        return cls(**{**options, **floats})

    @property
    def label(self) -> str:
        """The run in words, for messages."""
        return f"{self.task} {self.architecture} lr {self.lr:g} seed {self.seed}"

    def build(self, data: str | Path | None = None) -> tuple[TrainConfig, Task]:
        """The configuration and the task; every wrong option raises `UsageError` here, before anything is trained."""
        task = make_task(self.task, bits=self.bits, data=data)
        return self.config(task), task

    def config(self, task: Task) -> TrainConfig:
        """The configuration for the task as it was made."""
        check_seed_and_jobs(self.seed)
        lengths = self.task == "prefix-sums"
        recall, _, rest = self.architecture.partition("/")
        fixed = recall == "fixed"
        window = self.window if self.window is not None else 5 if lengths else 0
        model = ModelConfig(
            Architecture.parse(f"none/{rest}" if fixed and rest else self.architecture),
            channels=task.shape.channels, classes=task.shape.classes, axes=task.shape.axes, width=self.width, heads=self.heads,
            window=window or None, blocks=FIXED_BLOCKS if fixed else 1,
        )  # fmt: skip
        for name, kind in (("precision", Precision), ("encoder_gradient", EncoderGradient)):
            value = getattr(self, name)
            if value not in (known := [*kind, *(["auto"] if kind is EncoderGradient else [])]):
                raise UsageError(f"unknown {name} {value!r}: use one of {', '.join(known)}")
        schedule: LengthCurriculum | FixedSteps
        if lengths and not fixed and self.decay == "cosine":
            schedule = LengthCurriculum(bits=self.bits, max_steps=self.steps, polish=self.polish)
        else:
            schedule = FixedSteps(self.steps, 1 if fixed else self.loops, self.decay, level=task.levels[0])
        return TrainConfig(
            model=model, schedule=schedule, seed=self.seed, batch=self.batch, lr=float(self.lr), warmup=self.warmup,
            precision=Precision(self.precision), eval_size=self.eval_size, eval_loops=1 if fixed else 500,
            encoder_gradient=None if self.encoder_gradient == "auto" else EncoderGradient(self.encoder_gradient),
        )  # fmt: skip

    def options(self) -> dict[str, Any]:
        """The options that differ from the defaults."""
        return {f.name: value for f in dataclasses.fields(self) if (value := getattr(self, f.name)) != f.default}

    def command(self) -> str:
        """The command line that repeats the run, but for its folder, data file and threads."""
        return " ".join(["loopstab train", *(f"--{name.replace('_', '-')} {value}" for name, value in self.options().items())])

    def id(self, fingerprint: str) -> str:
        """Content address: 12 hex digits of the SHA-256 of every option and of the data's fingerprint."""
        text = json.dumps({**dataclasses.asdict(self), "data": fingerprint}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def check_device(device: str) -> None:
    """`UsageError` when torch has no such device here."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0][:120]
        raise UsageError(f"no device {device!r} here ({reason}): use --device cpu") from None
