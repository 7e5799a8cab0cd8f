"""The vocabulary of all floors: recall of the input, place of the norm, kind of residual.

Symbols are explained in `docs/vocabulary.md`. This module imports the standard library only, so
that `models` runs without SymPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from ..support.errors import UsageError


def _member(kind: type[Any], name: str, places: tuple[str, ...], **flags: str) -> Any:
    """A member of a StrEnum with a boolean attribute for each place."""
    member = str.__new__(kind, name)
    member._value_ = name
    for place, flag in flags.items():
        setattr(member, flag, place in places)
    if unknown := set(places) - set(flags):
        raise TypeError(f"{name} names the places {unknown}: the places are {', '.join(flags)}")
    return member


class Recall(StrEnum):
    """How the input embedding e enters the loop through the mix x -> W_x x + W_e e + b.

    A member is its name and the places where the mix is applied: to the residual `stream` at the
    start of the step, and to the argument of each `update`. Every floor reads these two flags, so
    that another kind of recall is one more line here.

    Example:
        >>> Recall("internal").in_update, Recall.NONE.present
        (True, False)
    """

    in_stream: bool
    in_update: bool

    def __new__(cls, name: str, *places: str) -> Self:
        """The member of that name, which mixes the input in at these places."""
        return _member(cls, name, places, stream="in_stream", update="in_update")

    NONE = ("none",)
    """autonomous: the block sees the state only"""
    EXTERNAL = ("external", "stream")
    """z = W_x h + W_e e + b before the block; the residual stream carries W_x (or A, if it decays)
    """
    INTERNAL = ("internal", "update")
    """the mix enters inside each sub-block; the residual stream is untouched"""

    @property
    def present(self) -> bool:
        """Whether the input enters the loop at all."""
        return self.in_stream or self.in_update


class Norm(StrEnum):
    """Where the normalisation N stands around the update u of a sub-block.

    A member is its name and the places of N: on the `argument` of the update, on the `update`
    itself, and on the `sum` of state and update. Every floor reads these three flags, so that
    another placement is one more line here.

    Example:
        >>> [norm.value for norm in Norm if norm.on_sum]
        ['post', 'sandwich']
    """

    on_argument: bool
    on_update: bool
    on_sum: bool

    def __new__(cls, name: str, *places: str) -> Self:
        """The member of that name, with N at these places."""
        flags = {"argument": "on_argument", "update": "on_update", "sum": "on_sum"}
        return _member(cls, name, places, **flags)

    PRE = ("pre", "argument")
    """h + u(N(h))"""
    PERI = ("peri", "argument", "update")
    """h + N(u(N(h)))"""
    POST = ("post", "sum")
    """N(h + u(h))"""
    SANDWICH = ("sandwich", "argument", "sum")
    """N(h + u(N(h)))"""


class Residual(StrEnum):
    """How the update meets the state.

    Example:
        >>> str(Architecture("none", "pre", Residual.GRU))
        'none/pre/gru'
    """

    ADD = "add"
    """h + u"""
    GRU = "gru"
    """GRUCell(input u, hidden h), one cell per sub-block"""
    SCALED = "scaled"
    """(1 - a) h + a u with one learnt number a in (0, 1) per sub-block"""
    DECAY = "decay"
    """h + u on a stream that decays: each iteration begins with A h, or with A h + W_e e + b under
    external recall, where A is diagonal with learnt entries exp(-Delta) in (0, 1)
    """


@dataclass(frozen=True, order=True)
class Architecture:
    """A member of the family recall x norm x residual.

    Args:
        recall: how the input enters the loop, a `Recall` or its name.
        norm: where the normalisation stands, a `Norm` or its name.
        residual: how the update meets the state, a `Residual` or its name; default `add`.

    Raises:
        UsageError: a name is unknown; the message lists the known ones.

    Example:
        >>> Architecture("internal", "post").outer_norm
        True
        >>> str(Architecture.parse("external/pre/gru"))
        'external/pre/gru'
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
        """Whether the last operation of the step is N (post, sandwich)."""
        return self.norm.on_sum

    @property
    def inner_norm(self) -> bool:
        """Whether the update reads a normalised state (every placement but post)."""
        return self.norm.on_argument

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
        """The whole family, one member for each recall, norm and residual, in a fixed order."""
        return tuple(cls(r, n, s) for s in Residual for r in Recall for n in Norm)

    def __str__(self) -> str:
        text = f"{self.recall}/{self.norm}"
        return text if self.residual is Residual.ADD else f"{text}/{self.residual}"
