"""The laws and blocks by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....support.errors import UsageError
from ....theory.architecture import Architecture
from ...loops.activations import LAWS
from .law import LoopLaw
from .linear_block import LinearBlock
from .mean_field import MeanField
from .step_file import FileLaw
from .step_law import StepLaw
from .transformer_block import PREFIX, TransformerBlock


def law_of(law: Any, names: tuple[str, ...] = (), **parts: Any) -> LoopLaw:
    """The law that a user asks for.

    Args:
        law: a law, its name, a step, or the path of a file that defines one.
        names: names that are given values, and that a step of any parameters therefore has.
        **parts: what a `StepLaw` is made of besides its step; None is as good as nothing.

    Raises:
        UsageError: it is none of these, or is no step and comes with parts.
    """
    parts = {name: part for name, part in parts.items() if part is not None}
    if callable(law) and not isinstance(law, LoopLaw):
        law, parts = StepLaw(law, **parts), {}
    elif isinstance(law, Path) or (isinstance(law, str) and law.endswith(".py")):
        law = FileLaw(Path(law))
    elif isinstance(law, str):
        law = law_named(law)
    if not isinstance(law, LoopLaw):
        raise UsageError(
            f"a law is a name, a step, a file or a StepLaw, not {type(law).__name__}: pass a"
            " function step(h, e, **parameters)"
        )
    if parts:
        raise UsageError(
            f"{', '.join(parts)} belong to a step: give the law as a function, or define them with"
            f" {law.name}"
        )
    if isinstance(law, StepLaw):
        law.taking(names)
    return law


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
