"""Bounds of every setting of a network and of a training run, and what its JSON objects hold.

The same tables are applied to the command line, plans, checkpoints and states, before anything is
allocated or looped over. They lie far beyond what has ever been trained; a network or a batch
within them can still be too large for a machine.
"""

from __future__ import annotations

from ...support.schema import Kind, Maybe, Number, ObjectOf, Tagged, Text, Whole
from .choices import (
    Augmentation,
    EncoderGradient,
    Optimizer,
    Positions,
    Precision,
    QKNorm,
    Supervision,
)

PARAMETERS = 20_000_000_000
"""Most weights of a network."""

STEPS = Whole(1, 1_000_000_000)
LOOPS = Whole(1, 1_000_000)
BITS = Whole(1, 100_000)
SEED = Whole(0, 2**40)
"""(1,000,003 seed + step) 4 + 3, the seed of the samples of a step, stays below 2^63."""
RATE = Number(0, 1e6, above=True)

MODEL: dict[str, Kind] = {
    "channels": Whole(1, 65_536),
    "classes": Whole(1, 65_536),
    "width": Whole(1, 65_536),
    "heads": Whole(1, 65_536),
    "hidden": Whole(1, 1024),
    "blocks": Whole(1, 1024),
    "axes": Whole(1, 2),
    "window": Maybe(Whole(1, 4095)),
    "qk_norm": Text(names=tuple(QKNorm)),
    "rope_base": Number(0, 1e12, above=True),
    "eps": Number(0, 1, above=True),
}
"""The settings of a `ModelConfig` besides the architecture, and their bounds."""

TRAINING: dict[str, Kind] = {
    "seed": SEED,
    "batch": Whole(1, 1_000_000),
    "optimizer": Text(names=tuple(Optimizer)),
    "lr": RATE,
    "muon_lr": RATE,
    "weight_decay": Number(0, 1e6),
    "clip": Number(0, 1e12, above=True),
    "warmup": STEPS,
    "precision": Text(names=tuple(Precision)),
    "encoder_gradient": Maybe(Text(names=tuple(EncoderGradient))),
    "gradient_loops": Whole(0, 1_000_000),
    "supervision": Text(names=tuple(Supervision)),
    "positions": Text(names=tuple(Positions)),
    "augment": Text(names=tuple(Augmentation)),
    "eval_size": Whole(1, 10_000_000),
    "eval_loops": LOOPS,
}
"""The settings of a `TrainConfig` besides model and schedule, and their bounds."""

LENGTH_CURRICULUM: dict[str, Kind] = {
    "bits": BITS,
    "start_bits": BITS,
    "lr_bits": BITS,
    "advance_at": Number(0, 1, above=True),
    "check_every": STEPS,
    "max_steps": STEPS,
    "polish": STEPS,
}
"""The settings of a `LengthCurriculum`, and their bounds."""

FIXED_STEPS: dict[str, Kind] = {
    "steps": STEPS,
    "loops": LOOPS,
    "decay": Text(names=("cosine", "published")),
    "check_every": STEPS,
    "level": Text(100),
}
"""The settings of `FixedSteps`, and their bounds."""

MODEL_RECORD = ObjectOf({"architecture": Text(100), **MODEL})
"""A network, as a JSON object."""
SCHEDULE_RECORD = Tagged(
    "kind", {"length-curriculum": ObjectOf(LENGTH_CURRICULUM), "fixed-steps": ObjectOf(FIXED_STEPS)}
)
"""A schedule, as a JSON object."""
CONFIG_RECORD = ObjectOf(
    {}, optional={**TRAINING, "model": MODEL_RECORD, "schedule": SCHEDULE_RECORD}
)
"""The settings of a run, as a JSON object; runs of older versions have fewer of them."""
