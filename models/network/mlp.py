"""The token-wise part of a block."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .affine import Affine, Maps
from .geometry import Geometry
from .model_config import ModelConfig


class MLP(nn.Module):
    """A linear layer to `hidden` times the width, GELU, and a linear layer back, token by token."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.up = nn.Linear(config.width, config.hidden * config.width)
        self.down = nn.Linear(config.hidden * config.width, config.width)

    def prepare(self, _: Geometry) -> Maps:
        """The maps of the two layers."""
        return Maps(Affine(self.up.weight.t(), self.up.bias), Affine.narrowing(self.down))

    def forward(self, x: Tensor, _: Geometry, maps: Maps) -> Tensor:
        """Update tokens (batch, cells, width), with the maps that `prepare` made."""
        return maps.exit(F.gelu(maps.entry(x)))
