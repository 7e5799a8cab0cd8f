"""One training run as plain options: what the train command takes, what a plan lists, and what a checkpoint records."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.arithmetic import Precision
from models.config import ModelConfig, QKNorm
from models.loss import EncoderGradient, Supervision
from models.schedule import FixedSteps, LengthCurriculum
from models.tasks.registry import make_task
from models.tasks.task import Augmentation, Positions, Task
from models.train_config import Optimizer, TrainConfig
from theory.architecture import Architecture
from theory.errors import UsageError, check_seed_and_jobs

FIXED_BLOCKS = 15
"""distinct blocks of the paper's baseline `fixed/NORM`, applied once, without recall"""

CHOICES = {
    "qk_norm": QKNorm, "positions": Positions, "augment": Augmentation, "optimizer": Optimizer, "precision": Precision,
    "encoder_gradient": EncoderGradient, "supervision": Supervision,
}  # fmt: skip
"""options that take one of a few names; encoder_gradient also takes auto"""


@dataclass(frozen=True)
class RunSpec:
    """Options of a run with their defaults. `architecture` is recall/norm[/residual], or fixed/NORM[/residual] for the baseline.

    `window` None is 5 for prefix sums and full attention on boards, 0 full attention. Prefix sums grow to `bits` by a curriculum, whose
    loops follow the length and which ends with `polish` steps; but with decay published, or architecture fixed, they have `bits` bits from
    the first step, and `loops` and `decay` hold as for the boards. `encoder_gradient` auto: full for recall none, else published.
    The defaults are those of the paper; `TrainConfig` says what the other choices mean.
    """

    task: str = "prefix-sums"
    architecture: str = "internal/post"
    width: int = 64
    heads: int = 4
    window: int | None = None
    qk_norm: str = "before-rope"
    positions: str = "none"
    bits: int = 32
    loops: int = 30
    steps: int = 2000
    polish: int = 400
    batch: int = 128
    augment: str = "none"
    optimizer: str = "adamw"
    lr: float = 1e-3
    muon_lr: float = 0.02
    warmup: int = 100
    decay: str = "cosine"
    precision: str = "auto"
    encoder_gradient: str = "auto"
    gradient_loops: int = 0
    supervision: str = "last"
    eval_size: int = 2048
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
        task = self.make_task(data)
        return self.config(task), task

    def make_task(self, data: str | Path | None = None) -> Task:
        """The task of the run; `data` is its prepared file, where it needs one."""
        return make_task(self.task, bits=self.bits, data=data, positions=self.positions)

    def config(self, task: Task) -> TrainConfig:
        """The configuration for the task as it was made."""
        check_seed_and_jobs(self.seed)
        lengths = self.task == "prefix-sums"
        recall, _, rest = self.architecture.partition("/")
        fixed = recall == "fixed"
        window = self.window if self.window is not None else 5 if lengths else 0
        for name, kind in CHOICES.items():
            value = getattr(self, name)
            if value not in (known := [*kind, *(["auto"] if kind is EncoderGradient else [])]):
                raise UsageError(f"unknown {name} {value!r}: use one of {', '.join(known)}")
        if self.augment != Augmentation.NONE and not self.task.startswith("sudoku"):
            raise UsageError(f"the task {self.task} has no symmetries to train with: leave --augment out")
        model = ModelConfig(
            Architecture.parse(f"none/{rest}" if fixed and rest else self.architecture),
            channels=task.shape.channels, classes=task.shape.classes, axes=task.shape.axes, width=self.width, heads=self.heads,
            window=window or None, blocks=FIXED_BLOCKS if fixed else 1, qk_norm=QKNorm(self.qk_norm),
        )  # fmt: skip
        schedule: LengthCurriculum | FixedSteps
        if lengths and not fixed and self.decay == "cosine":
            schedule = LengthCurriculum(bits=self.bits, max_steps=self.steps, polish=self.polish)
        else:
            loops = 1 if fixed else self.loops
            if loops < self.gradient_loops:
                raise UsageError(f"gradient_loops = {self.gradient_loops} is more than loops = {loops}: a step has no more loops than that")
            schedule = FixedSteps(self.steps, loops, self.decay, max(100, self.steps // 20), task.levels[0])
        return TrainConfig(
            model=model, schedule=schedule, seed=self.seed, batch=self.batch, optimizer=Optimizer(self.optimizer), lr=float(self.lr),
            muon_lr=float(self.muon_lr), warmup=self.warmup, precision=Precision(self.precision), eval_size=self.eval_size,
            eval_loops=1 if fixed else 500, gradient_loops=self.gradient_loops, supervision=Supervision(self.supervision),
            encoder_gradient=None if self.encoder_gradient == "auto" else EncoderGradient(self.encoder_gradient),
            positions=Positions(self.positions), augment=Augmentation(self.augment),
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
