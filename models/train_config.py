"""Settings of a training run: model, schedule, optimiser, arithmetic and evaluation."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from models.config import ModelConfig
from models.loss import EncoderGradient
from models.schedule import FixedSteps, LengthCurriculum
from models.schedule import to_json as schedule_json
from theory.architecture import Recall
from theory.errors import UsageError


class Precision(StrEnum):
    """Arithmetic of the products; weights and optimiser state are float32 in both."""

    FLOAT32 = "float32"
    BF16 = "bf16"
    """bfloat16 autocast"""


@dataclass(frozen=True)
class TrainConfig:
    """All that a run depends on besides the task's data.

    The learning rate is lr times the schedule's factor, warmed up linearly over `warmup` steps. `encoder_gradient` None means full for
    recall none and published otherwise. Evaluation: `eval_size` samples per level of the task, `eval_loops` loops. Raises `UsageError`.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    schedule: LengthCurriculum | FixedSteps = field(default_factory=LengthCurriculum)
    seed: int = 0
    batch: int = 128
    lr: float = 1e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup: int = 100
    precision: Precision = Precision.FLOAT32
    encoder_gradient: EncoderGradient | None = None
    eval_size: int = 256
    eval_loops: int = 500

    def __post_init__(self) -> None:
        for name in ("batch", "warmup", "eval_size", "eval_loops"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not (0 < self.lr < math.inf and self.clip > 0 and self.weight_decay >= 0):
            raise UsageError(f"lr and clip must be positive and weight_decay not negative, not {self.lr}, {self.clip}, {self.weight_decay}")

    @property
    def gradient(self) -> EncoderGradient:
        """The encoder gradient that is used."""
        if self.encoder_gradient is not None:
            return EncoderGradient(self.encoder_gradient)
        none = self.model.architecture.recall is Recall.NONE
        return EncoderGradient.FULL if none else EncoderGradient.PUBLISHED

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("model", "schedule")}
        return {
            "model": self.model.to_json(),
            "schedule": schedule_json(self.schedule),
            **own,
            "precision": str(self.precision),
            "encoder_gradient": str(self.gradient),
        }
