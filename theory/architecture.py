"""The one vocabulary of all floors: what a looped block does with its input, where it normalises,
how it adds.

THEORY.md section 1. This module imports the standard library only, so that `models` runs without
SymPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..support.errors import UsageError


class Recall(StrEnum):
    """How the input embedding e enters the loop."""

    NONE = "none"
    """autonomous: the block sees the state only"""
    EXTERNAL = "external"
    """z = W_x h + W_e e + b before the block; the residual stream carries W_x"""
    INTERNAL = "internal"
    """the mix enters inside each sub-block; the residual stream is untouched"""


class Norm(StrEnum):
    """Where the normalisation N stands around the update u of a sub-block."""

    PRE = "pre"
    """h + u(N(h))"""
    PERI = "peri"
    """h + N(u(N(h)))"""
    POST = "post"
    """N(h + u(h))"""
    SANDWICH = "sandwich"
    """N(h + u(N(h)))"""


class Residual(StrEnum):
    """How the update meets the state."""

    ADD = "add"
    """h + u"""
    GRU = "gru"
    """GRUCell(input u, hidden h), one cell per sub-block"""


@dataclass(frozen=True, order=True)
class Architecture:
    """A cell of the family recall x norm x residual.

    Strings are accepted for the fields. Raises `UsageError` with the known values when a name is
    unknown.
    """

    recall: Recall
    norm: Norm
    residual: Residual = Residual.ADD

    def __post_init__(self) -> None:
        for field, kind in (("recall", Recall), ("norm", Norm), ("residual", Residual)):
            value = getattr(self, field)
            try:
                object.__setattr__(self, field, kind(value))
            except ValueError:
                known = ", ".join(kind)
                raise UsageError(f"unknown {field} {value!r}: use one of {known}") from None

    @property
    def outer_norm(self) -> bool:
        """Whether the last operation of the loop body is N (post, sandwich)."""
        return self.norm in (Norm.POST, Norm.SANDWICH)

    @property
    def inner_norm(self) -> bool:
        """Whether the update reads a normalised state (every placement but post)."""
        return self.norm is not Norm.POST

    @classmethod
    def parse(cls, text: str) -> Architecture:
        """Read `recall/norm` or `recall/norm/residual`, for example `internal/post`."""
        parts = text.strip().split("/")
        if len(parts) not in (2, 3):
            raise UsageError(
                f"cannot read architecture {text!r}: write recall/norm or recall/norm/residual,"
                " e.g. internal/post"
            )
        return cls(*parts)  # type: ignore[arg-type]  # strings are converted by __post_init__

    @classmethod
    def all(cls) -> tuple[Architecture, ...]:
        """The whole family, 3 x 4 x 2 = 24 members, in a fixed order."""
        return tuple(cls(r, n, s) for s in Residual for r in Recall for n in Norm)

    def __str__(self) -> str:
        text = f"{self.recall}/{self.norm}"
        return text if self.residual is Residual.ADD else f"{text}/{self.residual}"
