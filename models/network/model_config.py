"""Sizes and choices of a looped transformer, checked before anything is built."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from ...support.errors import UsageError
from ...theory.architecture import Architecture
from .choices import QKNorm


@dataclass(frozen=True)
class ModelConfig:
    """Everything that fixes the function class of a `LoopedTransformer`.

    Attributes:
        architecture: recall, norm and residual; default internal/post.
        channels: input channels of a cell; default 1.
        classes: output classes of a cell; default 2.
        width: state width per token; default 64.
        heads: attention heads, a divisor of the width; default 4.
        hidden: width of the hidden layer of the MLP, as a multiple of `width`; default 4.
        blocks: distinct blocks that one iteration consists of; default 1.
        axes: spatial axes of the input: 1 (default) for sequences of any length, 2 for square
            boards.
        window: side of the attention neighbourhood in cells, an odd number; 5 (default) reaches two
            cells to each side, None is full attention.
        qk_norm: where queries and keys are normalised; default before the rotary embedding.
        rope_base: base of the frequencies of the rotary embedding; default 10000.
        eps: the constant in the norms, positive; default 1e-6.

    Raises:
        UsageError: a size is not possible.

    Example:
        >>> from loopstab.models.network.model_config import ModelConfig
        >>> ModelConfig(width=256, heads=8).head_width
        32
    """

    architecture: Architecture = field(default_factory=lambda: Architecture.parse("internal/post"))
    channels: int = 1
    classes: int = 2
    width: int = 64
    heads: int = 4
    hidden: int = 4
    blocks: int = 1
    axes: int = 1
    window: int | None = 5
    qk_norm: QKNorm = QKNorm.BEFORE_ROPE
    rope_base: float = 10000.0
    eps: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("channels", "classes", "width", "heads", "hidden", "blocks"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"{name} must be a positive whole number, not {value!r}")
        if self.width % self.heads:
            divisors = [n for n in range(1, self.width + 1) if self.width % n == 0]
            near = min(divisors, key=lambda n: abs(n - self.heads))
            raise UsageError(
                f"width {self.width} is not divisible by {self.heads} heads: try --heads {near}"
            )
        if self.axes not in (1, 2):
            raise UsageError(f"axes must be 1 (sequences) or 2 (square boards), not {self.axes!r}")
        if self.head_width % (2 * self.axes):
            raise UsageError(
                f"width per head is {self.head_width}, but the rotary embedding over {self.axes}"
                f" axes needs a multiple of {2 * self.axes}: change width or heads"
            )
        if self.window is not None and (self.window < 1 or self.window % 2 == 0):
            raise UsageError(
                f"window must be odd and positive (5: two cells to each side), not {self.window}"
            )
        if not self.eps > 0:
            raise UsageError(
                f"eps must be positive, not {self.eps!r}: with eps = 0 the step is undefined where"
                " the argument of a norm is zero"
            )
        object.__setattr__(self, "qk_norm", QKNorm(self.qk_norm))

    @property
    def name(self) -> str:
        """The architecture as text; `fixed/...` for several distinct blocks without recall."""
        text = str(self.architecture)
        return text if self.blocks == 1 else text.replace("none/", "fixed/", 1)

    @property
    def head_width(self) -> int:
        """Channels per attention head."""
        return self.width // self.heads

    def to_json(self) -> dict[str, Any]:
        """The configuration as a JSON object; `from_json` is the inverse."""
        out = dataclasses.asdict(self)
        out["architecture"] = (
            f"{self.architecture.recall}/{self.architecture.norm}/{self.architecture.residual}"
        )
        out["qk_norm"] = str(self.qk_norm)
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModelConfig:
        """The configuration of a JSON object that `to_json` made; unknown keys are a
        `UsageError`.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        extra = sorted(set(data) - known)
        if extra:
            raise UsageError(
                f"unknown model settings {', '.join(extra)}: this file was written by another"
                " version of loopstab"
            )
        return cls(**{**data, "architecture": Architecture.parse(data["architecture"])})
