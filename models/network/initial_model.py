"""The network with which a recorded run began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...support.optional import optional
from .model_config import ModelConfig

with optional("models"):
    import torch

from .transformer import LoopedTransformer


def initial_model(run: Mapping[str, Any], dtype: torch.dtype = torch.float32) -> LoopedTransformer:
    """The network of a run before its first training step, drawn again from the recorded seed.

    Training draws the weights on the CPU in float32, from `config.seed` alone, so that the network
    is the same to the bit on every device.

    Args:
        run: the record of a run, `meta["run"]` of its checkpoint.
        dtype: dtype of the weights; default float32. They are drawn in float32 and then converted.

    Returns:
        The network in evaluation mode.

    Raises:
        UsageError: the configuration in the record is not possible.

    Example:
        >>> from loopstab.models.network.initial_model import initial_model
        >>> from loopstab.models.zoo import zoo
        >>> model = initial_model(zoo.describe("prefix-sums-16-internal-post-s0")["run"])
        >>> model.config.name, model.parameter_count()
        ('internal/post', 62646)
    """
    config = run["config"]
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        model = LoopedTransformer(ModelConfig.from_json(config["model"]), config["seed"])
    finally:
        torch.set_default_dtype(default)
    return model.to(dtype).eval()
