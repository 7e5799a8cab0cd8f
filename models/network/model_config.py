"""Sizes and choices of a looped transformer, checked before anything is built."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from ...support.errors import UsageError
from ...support.schema import SchemaError, check_settings, shown
from ...theory.architecture import Architecture, Residual
from .bounds import MODEL, MODEL_RECORD, PARAMETERS
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

    The bounds of all numbers are those of `bounds.MODEL`, and at most `bounds.PARAMETERS` weights;
    they are checked before anything is built.

    Raises:
        UsageError: a size is not possible, or beyond its bounds.

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
        if not isinstance(self.architecture, Architecture):
            raise UsageError(
                f"architecture must be an Architecture, not {shown(self.architecture)}"
            )
        check_settings(self, MODEL)
        if self.width % self.heads:
            raise UsageError(
                f"width {self.width} is not divisible by {self.heads} heads: try --heads"
                f" {_nearest_divisor(self.width, self.heads)}"
            )
        if self.head_width % (2 * self.axes):
            raise UsageError(
                f"width per head is {self.head_width}, but the rotary embedding over {self.axes}"
                f" axes needs a multiple of {2 * self.axes}: change width or heads"
            )
        if self.window is not None and self.window % 2 == 0:
            raise UsageError(
                f"window must be odd and positive (5: two cells to each side), not {self.window}"
            )
        if (count := parameter_count(self)) > PARAMETERS:
            raise UsageError(
                f"the network would have {count} weights, more than {PARAMETERS}: lower width,"
                " hidden or blocks"
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
        """The configuration of a JSON object that `to_json` made.

        Raises:
            UsageError: a field is missing, unknown, or not what it must be; the message names it,
                such as `model.width`.
        """
        try:
            MODEL_RECORD.check(data, "model")
            return cls(**{**data, "architecture": Architecture.parse(data["architecture"])})
        except (SchemaError, UsageError) as error:
            text = str(error)
            raise UsageError(text if text.startswith("model") else f"model: {text}") from None


def _nearest_divisor(number: int, near: int) -> int:
    """The divisor of a number that is nearest to another number, the lower of two."""
    candidates = (n for gap in range(number) for n in (near - gap, near + gap))
    return next(n for n in candidates if 0 < n <= number and number % n == 0)


def parameter_count(config: ModelConfig) -> int:
    """Number of weights, in closed form: nothing is built."""
    arch, d = config.architecture, config.width
    norms = d * (arch.norm.on_argument + arch.norm.on_update + arch.norm.on_sum)
    gru = 6 * d * d + 6 * d if arch.residual is Residual.GRU else 0
    strength = int(arch.residual is Residual.SCALED)
    decay = d if arch.residual is Residual.DECAY else 0
    bias = 0 if config.window is None else config.heads * config.window**config.axes
    attention = 4 * (d * d + d) + 2 * config.head_width + bias
    mlp = 2 * config.hidden * d * d + (config.hidden + 1) * d
    recall = (d * d + d if arch.recall.present else 0) + (d * d if mixes(arch) else 0)
    head = d + d * d + d + (d + 1) * config.classes
    return (
        (config.channels + 1) * d
        + recall
        + decay
        + config.blocks * (attention + mlp + 2 * (norms + gru + strength))
        + head
    )


def mixes(architecture: Architecture) -> bool:
    """Whether there is a matrix W_x; a decaying stream has A in its place."""
    recall = architecture.recall
    in_stream = recall.in_stream and architecture.residual is not Residual.DECAY
    return in_stream or recall.in_update
