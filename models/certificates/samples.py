"""The samples of a task that certificates are about."""

from __future__ import annotations

import torch

from ...numerics.arrays import Array
from ..measure.crossvalidate import INPUT_SEED
from ..measure.trained import TrainedLoop


def sample(trained: TrainedLoop, number: int) -> Array:
    """The sample of a number, which is not one of training, (cells, channels) in float64.

    Args:
        trained: the network, its task and level.
        number: 0, 1, 2, ...
    """
    generator = torch.Generator().manual_seed(INPUT_SEED + number)
    return trained.task.batch(1, trained.level, generator).x[0].double().numpy()
