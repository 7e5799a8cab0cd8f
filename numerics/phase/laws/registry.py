"""The laws and blocks by name."""

from __future__ import annotations

from ....support.errors import UsageError
from ....theory.architecture import Architecture
from ...loops.activations import LAWS
from .law import LoopLaw
from .linear_block import LinearBlock
from .mean_field import MeanField
from .transformer_block import PREFIX, TransformerBlock


def law_named(name: str) -> LoopLaw:
    """The law of that name; raises `UsageError` if there is none.

    Mean-field laws are named after their activation, linear and transformer blocks after their
    architecture.
    """
    if name in LAWS:
        return MeanField(name)
    if ":" in name and name.partition(":")[0].partition("-")[0] == PREFIX:
        return TransformerBlock.parse(name)
    if "/" in name and ":" not in name:
        return LinearBlock(Architecture.parse(name))
    raise UsageError(
        f"unknown law {name!r}: use {', '.join(LAWS)}, linear blocks as"
        " recall/norm[/residual], e.g. internal/post, or transformer blocks as"
        f" {PREFIX}:internal/post, {PREFIX}-tanh:internal/post"
    )
