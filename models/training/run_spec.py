"""One training run as plain options: what the train command takes, what a plan lists, and what a
checkpoint records.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...support.errors import UsageError, check_seed_and_jobs
from ...theory.architecture import Architecture
from ..network.choices import (
    Augmentation,
    EncoderGradient,
    Optimizer,
    Positions,
    Precision,
    QKNorm,
    Supervision,
)
from ..network.model_config import ModelConfig
from .schedule import FixedSteps, LengthCurriculum

if TYPE_CHECKING:  # torch is imported when a run is built: the command line starts without it
    from ..tasks.task import Task
    from .train_config import TrainConfig

FIXED_BLOCKS = 15
"""distinct blocks of the paper's baseline `fixed/NORM`, applied once, without recall"""

CHOICES = {
    "qk_norm": QKNorm,
    "positions": Positions,
    "augment": Augmentation,
    "optimizer": Optimizer,
    "precision": Precision,
    "encoder_gradient": EncoderGradient,
    "supervision": Supervision,
}
"""options that take one of a few names; encoder_gradient also takes auto"""


@dataclass(frozen=True)
class RunSpec:
    """Options of a run, with the defaults of the paper where it states them; the plan `desk` has
    the recipe that solves the tasks.
    """

    task: str = "prefix-sums"
    """What to learn: prefix-sums, sudoku or chess (prepared files), sudoku-4x4, sudoku-9x9,
    endgames, kqk, krk.
    """
    architecture: str = "internal/post"
    """recall/norm or recall/norm/residual; fixed/NORM is the baseline of 15 distinct blocks,
    applied once, without recall.
    """
    width: int = 64
    """State width per token."""
    heads: int = 4
    """Attention heads; must divide the width."""
    window: int | None = None
    """Side of the attention neighbourhood (odd), 0 for full attention; by default 5 for prefix sums
    and full on boards.
    """
    qk_norm: str = "before-rope"
    """before-rope: attention sees relative positions only; after-rope: the published order, whose
    gain breaks that.
    """
    positions: str = "none"
    """What the input of a board says of places: none, one-hot (row, column and, in sudoku, box) or
    learnt (an embedding of every cell).
    """
    bits: int = 32
    """Training length of prefix sums; a curriculum goes up to it from 4 bits, unless decay is
    published or architecture fixed.
    """
    loops: int = 30
    """Most loops of a training step (with the curriculum: half the length and four more, whatever
    is given here).
    """
    steps: int = 2000
    """Training steps; with the curriculum the final decay begins then even if the curriculum has
    not ended.
    """
    polish: int = 400
    """Steps of that final decay (curriculum only)."""
    batch: int = 128
    """Samples per step."""
    augment: str = "none"
    """Random symmetries of training samples: none, or for sudoku relabel (digits) or symmetry
    (digits and places).
    """
    optimizer: str = "adamw"
    """adamw, or muon for the hidden matrices with AdamW for the rest."""
    lr: float = 1e-3
    """Learning rate of AdamW (curriculum: up to 12 bits, then it falls as 12/bits)."""
    muon_lr: float = 0.02
    """Learning rate of Muon."""
    warmup: int = 100
    """Steps of linear warm-up."""
    decay: str = "cosine"
    """Decay of the learning rates: cosine, or published (to 0.1 at 60 % of the steps), which also
    means no curriculum.
    """
    precision: str = "auto"
    """Matrix products of training: float32, bf16, or auto (bf16 on a GPU, and from width 128 on a
    CPU that has it).
    """
    encoder_gradient: str = "auto"
    """How the encoder learns: published, straight-through, full (through all loops), or auto (full
    for recall none, else published).
    """
    gradient_loops: int = 0
    """Last loops that carry a gradient; 0 draws their number anew at every step, as published."""
    supervision: str = "last"
    """Which outputs the loss judges: last (published), or each of those loops."""
    eval_size: int = 2048
    """Samples per held-out level in the final evaluation, at most."""
    seed: int = 0
    """Seed of weights and data."""

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
        floats = {
            name: float(value)
            for name, value in options.items()
            if type(fields[name].default) is float
        }  # 1 and 1.0 are one run
        return cls(**{**options, **floats})

    @property
    def label(self) -> str:
        """The run in words, for messages."""
        return f"{self.task} {self.architecture} lr {self.lr:g} seed {self.seed}"

    def build(self, data: str | Path | None = None) -> tuple[TrainConfig, Task]:
        """The configuration and the task; every wrong option raises `UsageError` here, before
        anything is trained.
        """
        task = self.make_task(data)
        return self.config(task), task

    def make_task(self, data: str | Path | None = None) -> Task:
        """The task of the run; `data` is its prepared file, where it needs one."""
        from ..tasks.registry import make_task

        return make_task(self.task, bits=self.bits, data=data, positions=self.positions)

    def config(self, task: Task) -> TrainConfig:
        """The configuration for the task as it was made."""
        from .train_config import TrainConfig

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
            raise UsageError(
                f"the task {self.task} has no symmetries to train with: leave --augment out"
            )
        model = ModelConfig(
            Architecture.parse(f"none/{rest}" if fixed and rest else self.architecture),
            channels=task.shape.channels,
            classes=task.shape.classes,
            axes=task.shape.axes,
            width=self.width,
            heads=self.heads,
            window=window or None,
            blocks=FIXED_BLOCKS if fixed else 1,
            qk_norm=QKNorm(self.qk_norm),
        )
        schedule: LengthCurriculum | FixedSteps
        if lengths and not fixed and self.decay == "cosine":
            schedule = LengthCurriculum(bits=self.bits, max_steps=self.steps, polish=self.polish)
        else:
            loops = 1 if fixed else self.loops
            if loops < self.gradient_loops:
                raise UsageError(
                    f"gradient_loops = {self.gradient_loops} is more than loops = {loops}: a step"
                    " has no more loops than that"
                )
            schedule = FixedSteps(
                self.steps, loops, self.decay, max(100, self.steps // 20), task.levels[0]
            )
        return TrainConfig(
            model=model,
            schedule=schedule,
            seed=self.seed,
            batch=self.batch,
            optimizer=Optimizer(self.optimizer),
            lr=float(self.lr),
            muon_lr=float(self.muon_lr),
            warmup=self.warmup,
            precision=Precision(self.precision),
            eval_size=self.eval_size,
            eval_loops=1 if fixed else 500,
            gradient_loops=self.gradient_loops,
            supervision=Supervision(self.supervision),
            encoder_gradient=(
                None if self.encoder_gradient == "auto" else EncoderGradient(self.encoder_gradient)
            ),
            positions=Positions(self.positions),
            augment=Augmentation(self.augment),
        )

    def options(self) -> dict[str, Any]:
        """The options that differ from the defaults."""
        return {
            f.name: value
            for f in dataclasses.fields(self)
            if (value := getattr(self, f.name)) != f.default
        }

    def command(self) -> str:
        """The command line that repeats the run, but for its folder, data file and threads."""
        return " ".join(
            [
                "loopstab train",
                *(f"--{name.replace('_', '-')} {value}" for name, value in self.options().items()),
            ]
        )

    def id(self, fingerprint: str) -> str:
        """Content address: 12 hex digits of the SHA-256 of every option and of the data's
        fingerprint.
        """
        text = json.dumps({**dataclasses.asdict(self), "data": fingerprint}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def check_device(device: str) -> None:
    """`UsageError` when torch has no such device here."""
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0][:120]
        raise UsageError(f"no device {device!r} here ({reason}): use --device cpu") from None
