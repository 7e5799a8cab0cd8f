"""The settings of a training run: model, schedule, objective, optimiser, arithmetic, evaluation."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ...support.errors import UsageError
from ...support.schema import check_settings, shown
from ...theory.architecture import Recall
from ..network.bounds import TRAINING
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

CHOICES = {
    "optimizer": Optimizer,
    "precision": Precision,
    "encoder_gradient": EncoderGradient,
    "supervision": Supervision,
    "positions": Positions,
    "augment": Augmentation,
}
"""Settings that take one of a few names."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that a run depends on besides the data of its task.

    Attributes:
        model: the network.
        schedule: level, iterations and learning rate of every step.
        seed: seed of weights and data; default 0.
        batch: samples per step; default 128.
        optimizer: what updates the weights; default AdamW.
        lr: learning rate of AdamW, which the schedule multiplies by a factor; default 0.001.
        muon_lr: learning rate of Muon, likewise; default 0.02.
        weight_decay: decay of the weights; default 0.01.
        clip: norm to which the gradient is clipped; default 1.
        warmup: steps over which the learning rates rise linearly; default 100.
        precision: operands of matrix products; default auto.
        encoder_gradient: how the encoder learns; None (default) is full for recall none, and
            published otherwise.
        gradient_loops: see `Objective`; default 0.
        supervision: see `Objective`; default last.
        positions: what the input of a board says about the place of a cell; default nothing.
        augment: symmetries with which training samples are drawn; default none.
        eval_size: most samples per held-out level in the evaluation; default 2048.
        eval_loops: iterations up to which a trained network is evaluated; default 500.

    The bounds are those of `bounds.TRAINING`.

    Raises:
        UsageError: a setting is not possible, or beyond its bounds.
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
        if not isinstance(self.model, ModelConfig):
            raise UsageError(f"model must be a ModelConfig, not {shown(self.model)}")
        if not isinstance(self.schedule, LengthCurriculum | FixedSteps):
            raise UsageError(f"schedule must be a schedule, not {shown(self.schedule)}")
        check_settings(self, TRAINING)
        for name, kind in CHOICES.items():
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else kind(value))

    @property
    def gradient(self) -> EncoderGradient:
        """The encoder gradient that the run uses."""
        if self.encoder_gradient is not None:
            return self.encoder_gradient
        none = self.model.architecture.recall is Recall.NONE
        return EncoderGradient.FULL if none else EncoderGradient.PUBLISHED

    def objective(self, loops: int) -> Objective:
        """The objective of a step with at most that many iterations."""
        return Objective(loops, self.gradient_loops, self.gradient, self.supervision)

    def to_json(self) -> dict[str, Any]:
        """The settings as a JSON object."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain = {name: str(v) if isinstance(v, StrEnum) else v for name, v in values.items()}
        return {
            **plain,
            "model": self.model.to_json(),
            "schedule": schedule_json(self.schedule),
            "encoder_gradient": str(self.gradient),
        }
