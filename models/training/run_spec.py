"""A training run as plain options: what the command `train` takes, what a plan lists, and what a
checkpoint records.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...support.errors import UsageError
from ...support.optional import optional
from ...support.schema import Kind, Maybe, Number, SchemaError, Text, Whole, check_settings, shown
from ...theory.architecture import Architecture
from ..network.bounds import BITS, LOOPS, MODEL, STEPS, TRAINING
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
from ..tasks.registry import TASKS, make_task
from .schedule import FixedSteps, LengthCurriculum

if TYPE_CHECKING:  # torch is imported when a run is built, so that help is printed without it
    from ..tasks.task import Task
    from .train_config import TrainConfig

FIXED_BLOCKS = 15
"""Distinct blocks of the paper's baseline `fixed/NORM`, which are applied once, without recall."""

CHOICES = {
    "qk_norm": QKNorm,
    "positions": Positions,
    "augment": Augmentation,
    "optimizer": Optimizer,
    "precision": Precision,
    "encoder_gradient": EncoderGradient,
    "supervision": Supervision,
}
"""Options that take one of a few names; `encoder_gradient` also takes auto."""

BOUNDS: dict[str, Kind] = {
    **{name: Text(100) for name in ("task", "architecture", "decay", *CHOICES)},
    **{name: MODEL[name] for name in ("width", "heads")},
    "window": Maybe(Whole(0, 4095)),
    "bits": BITS,
    "loops": LOOPS,
    "steps": STEPS,
    "polish": STEPS,
    **{
        name: TRAINING[name]
        for name in ("batch", "lr", "muon_lr", "warmup", "gradient_loops", "eval_size", "seed")
    },
}
"""What every option must be; `build` checks the names."""


@dataclass(frozen=True)
class RunSpec:
    """The options of a training run.

    The defaults are the paper's where it states them (Stability and Generalization in Looped
    Transformers, arXiv 2604.15259); the plan `desk` has the recipe that solves the tasks. Types and
    bounds (`BOUNDS`) are checked at once, and all options together by `build`, before anything is
    trained.

    Attributes:
        task: What to learn: TASKS.
        architecture: recall/norm or recall/norm/residual; fixed/NORM is the baseline of 15 distinct
            blocks that are applied once, without recall.
        width: State width per token.
        heads: Attention heads; must divide the width.
        window: Side of the attention neighbourhood in cells (odd), 0 for full attention; default:
            what the task suggests, 5 for sequences and full attention for boards.
        qk_norm: Where queries and keys are normalised: before-rope, so that attention depends on
            relative positions only, or after-rope, the published order, whose gain sees absolute
            positions too.
        positions: What the input of a board says about the place of a cell: none, one-hot (row,
            column and, in sudoku, box) or learnt (an embedding of every cell).
        bits: Greatest training length of a task of lengths; a curriculum leads to it from 4 bits,
            unless decay is published or the architecture is fixed.
        loops: Most iterations of a training step; the curriculum of lengths sets its own, half the
            length and four more.
        steps: Training steps; with the curriculum the final decay begins then, even if the
            curriculum has not ended.
        polish: Steps of that final decay (curriculum only).
        batch: Samples per step.
        augment: Random symmetries of training samples: none, or for sudoku relabel (digits) or
            symmetry (digits and places).
        optimizer: adamw, or muon for the hidden matrices with AdamW for the rest.
        lr: Learning rate of AdamW; with the curriculum it falls as 12/bits beyond 12 bits.
        muon_lr: Learning rate of Muon.
        warmup: Steps of linear warm-up.
        decay: Decay of the learning rates: cosine, or published (times 0.1 after 60 % of the
            steps), which also means that there is no curriculum.
        precision: Matrix products of training: float32, bf16, or auto (bf16 on a GPU, and from
            width 128 on a CPU that has it).
        encoder_gradient: How the encoder learns: published, straight-through, full (through all
            iterations), or auto (full for recall none, else published).
        gradient_loops: Last iterations that carry a gradient; 0 draws their number anew at every
            step, as published.
        supervision: Which outputs the loss judges: last (published), or each of those iterations.
        eval_size: Samples per held-out level in the final evaluation, at most.
        seed: Seed of weights and data.

    Example:
        >>> from loopstab.models.training.run_spec import RunSpec
        >>> run = RunSpec(bits=16, architecture="external/post", seed=1)
        >>> run.command()
        'loopstab train --architecture external/post --bits 16 --seed 1'
        >>> config, task = run.build()
        >>> task.name, config.model.window, config.encoder_gradient
        ('prefix-sums', 5, None)
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

    def __post_init__(self) -> None:
        check_settings(self, BOUNDS)

    @classmethod
    def from_dict(cls, options: dict[str, Any], where: str = "run") -> RunSpec:
        """The run of a table of options; `UsageError` for an unknown key, or a value of another
        type or beyond its bounds.
        """
        fields = {f.name: f for f in dataclasses.fields(cls)}
        extra = sorted(set(options) - set(fields))
        if extra:
            raise UsageError(
                f"{where}: unknown key {shown(extra[0])}; a run has {', '.join(fields)}"
            )
        for name, value in options.items():
            try:
                BOUNDS[name].check(value, name)
            except SchemaError as error:
                raise UsageError(f"{where}: {error}") from None
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
        """Check every option and make the run.

        Args:
            data: prepared data file of the task, where it needs one.

        Returns:
            The configuration and the task, for `Trainer`.

        Raises:
            UsageError: an option is wrong, or the data file is missing or of another kind.
        """
        task = self.make_task(data)
        return self.config(task), task

    def make_task(self, data: str | Path | None = None) -> Task:
        """The task of the run; `data` is its prepared data file, where it needs one."""
        return make_task(self.task, bits=self.bits, data=data, positions=self.positions)

    def config(self, task: Task) -> TrainConfig:
        """The configuration for the task as it was made."""
        from .train_config import TrainConfig

        recall, _, rest = self.architecture.partition("/")
        fixed = recall == "fixed"
        window = task.default_window if self.window is None else self.window or None
        for name, kind in CHOICES.items():
            value = getattr(self, name)
            if value not in (known := [*kind, *(["auto"] if kind is EncoderGradient else [])]):
                raise UsageError(f"unknown {name} {value!r}: use one of {', '.join(known)}")
        task.check_augmentation(self.augment)
        model = ModelConfig(
            Architecture.parse(f"none/{rest}" if fixed and rest else self.architecture),
            channels=task.shape.channels,
            classes=task.shape.classes,
            axes=task.shape.axes,
            width=self.width,
            heads=self.heads,
            window=window,
            blocks=FIXED_BLOCKS if fixed else 1,
            qk_norm=QKNorm(self.qk_norm),
        )
        schedule: LengthCurriculum | FixedSteps
        if task.lengths and not fixed and self.decay == "cosine":
            schedule = LengthCurriculum(bits=self.bits, max_steps=self.steps, polish=self.polish)
        else:
            loops = 1 if fixed else self.loops
            if loops < self.gradient_loops:
                raise UsageError(
                    f"gradient_loops = {self.gradient_loops} is more than loops = {loops}, the most"
                    " iterations of a step: lower it"
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
        """The command that repeats the run; folder, data file and threads are left out."""
        return " ".join(
            [
                "loopstab train",
                *(f"--{name.replace('_', '-')} {value}" for name, value in self.options().items()),
            ]
        )

    def id(self, fingerprint: str) -> str:
        """The name of the run in a grid: 12 hexadecimal digits of the SHA-256 of all options and of
        the fingerprint of the data.
        """
        text = json.dumps({**dataclasses.asdict(self), "data": fingerprint}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _documented(text: str) -> str:
    """The text with the names of the tasks, and with the bounds of every number."""
    for name, kind in BOUNDS.items():
        if not isinstance(kind, Text):
            inner = kind.kind if isinstance(kind, Maybe) else kind
            assert isinstance(inner, Whole | Number)
            entry = rf"(\n        {name}: .*?)\.(?=\n        \w+: |\n\n)"
            text = re.sub(entry, rf"\1; {inner.span}.", text, count=1, flags=re.DOTALL)
    return text.replace("TASKS", ", ".join(TASKS))


# The help of the command line is made from this text.
RunSpec.__doc__ = _documented(RunSpec.__doc__ or "")


def check_device(device: str) -> None:
    """Raise `UsageError` when torch has no such device here."""
    with optional("models"):
        import torch
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0][:120]
        raise UsageError(f"no device {device!r} here ({reason}): use --device cpu") from None
