"""Measurements of a linearisation that also take a loop, a state and an input."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, overload

from ..loops.protocol import LoopedMap, LoopError, protected
from .linearisation import Linearisation

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class OfLoop(Protocol[P, R_co]):
    """A measurement of a linearisation, or of a loop at a state and an input."""

    @overload
    def __call__(self, j: Linearisation, /, *args: P.args, **options: P.kwargs) -> R_co: ...
    @overload
    def __call__(
        self, loop: LoopedMap, h: Any, e: Any, /, *args: P.args, **options: P.kwargs
    ) -> R_co: ...


def of_loop(function: Callable[Concatenate[Linearisation, P], R_co]) -> OfLoop[P, R_co]:
    """Let a measurement of a linearisation also take a loop, a state and an input.

    The user's model is protected while it is measured.
    """

    @wraps(function)
    def measured(j: Any, /, *args: Any, **options: Any) -> R_co:
        if not isinstance(j, Linearisation):
            if len(args) < 2:
                raise LoopError(
                    f"{function.__name__} of a loop needs a state and an input: call"
                    f" {function.__name__}(loop, h, e), for example with the state of a diagnosis"
                )
            j, args = Linearisation(j, *args[:2]), args[2:]
        with protected(j.loop):
            return function(j, *args, **options)

    return cast(Any, measured)
