"""Settings of a training run: model, schedule, objective, optimiser, arithmetic and evaluation."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ...support.errors import UsageError
from ...theory.architecture import Recall
from ..network.choices import (
    Augmentation,
    EncoderGradient,
    Optimizer,
    Positions,
    Precision,
    Supervision,
)
from ..network.model_config import ModelConfig
from .loss import Objective
from .schedule import FixedSteps, LengthCurriculum
from .schedule import to_json as schedule_json


@dataclass(frozen=True)
class TrainConfig:
    """All that a run depends on besides the task's data.

    The learning rates `lr` (AdamW) and `muon_lr` (Muon) are multiplied by the schedule's factor,
    warmed up linearly over `warmup` steps. `encoder_gradient` None means full for recall none and
    published otherwise. `gradient_loops` and `supervision`: see `Objective`. `positions` is what
    the task's input says of places, `augment` the symmetries that training samples are drawn with.
    Evaluation: `eval_size` samples per held-out level of the task at most, `eval_loops` loops.
    Raises `UsageError`.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    schedule: LengthCurriculum | FixedSteps = field(default_factory=LengthCurriculum)
    seed: int = 0
    batch: int = 128
    optimizer: Optimizer = Optimizer.ADAMW
    lr: float = 1e-3
    muon_lr: float = 0.02
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup: int = 100
    precision: Precision = Precision.AUTO
    encoder_gradient: EncoderGradient | None = None
    gradient_loops: int = 0
    supervision: Supervision = Supervision.LAST
    positions: Positions = Positions.NONE
    augment: Augmentation = Augmentation.NONE
    eval_size: int = 2048
    eval_loops: int = 500

    def __post_init__(self) -> None:
        for name in ("batch", "warmup", "eval_size", "eval_loops"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("lr", "muon_lr", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"{name} must be positive and finite, not {getattr(self, name)}")
        if not self.weight_decay >= 0:
            raise UsageError(f"weight_decay must not be negative, not {self.weight_decay}")
        if self.gradient_loops < 0:
            raise UsageError(
                f"gradient_loops must be 0 (a random number) or more, not {self.gradient_loops}"
            )

    @property
    def gradient(self) -> EncoderGradient:
        """The encoder gradient that is used."""
        if self.encoder_gradient is not None:
            return EncoderGradient(self.encoder_gradient)
        none = self.model.architecture.recall is Recall.NONE
        return EncoderGradient.FULL if none else EncoderGradient.PUBLISHED

    def objective(self, loops: int) -> Objective:
        """The objective of a step with at most that many loops."""
        return Objective(loops, self.gradient_loops, self.gradient, self.supervision)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        own = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in ("model", "schedule")
        }
        own = {
            name: str(value) if isinstance(value, StrEnum) else value for name, value in own.items()
        }
        return {
            "model": self.model.to_json(),
            "schedule": schedule_json(self.schedule),
            **own,
            "encoder_gradient": str(self.gradient),
        }
