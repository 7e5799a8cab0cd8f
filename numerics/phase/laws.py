"""The laws and blocks by name."""

from __future__ import annotations

from numerics.phase.activation import ACTIVATIONS
from numerics.phase.blocks import LinearBlock
from numerics.phase.law import Law
from numerics.phase.mean_field import MeanField
from theory.architecture import Architecture
from theory.errors import UsageError


def law_named(name: str) -> Law:
    """A mean-field law by its activation, or a block by its architecture (recall/norm[/residual]); `UsageError` when unknown."""
    if name in ACTIVATIONS:
        return MeanField(name)
    if "/" in name:
        return LinearBlock(Architecture.parse(name))
    raise UsageError(f"unknown law {name!r}: use {', '.join(ACTIVATIONS)}, or a block written recall/norm[/residual], e.g. internal/post")
