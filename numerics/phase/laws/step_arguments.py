"""The parameters of a user's functions, read from their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ....support.errors import UsageError
from .law import INF, Parameter

NAN = float("nan")
WIDTH = 16
"""The width of states and inputs where a user says nothing."""


@dataclass(frozen=True)
class StepArguments:
    """The arguments of a function that stand for parameters.

    Args:
        numbers: the parameters by name; those without a default have NaN.
        places: how many arguments without a default come first, which are no parameters.
        named: the names of all other arguments.
        anything: whether the function takes arguments of any name, as `**parameters`.
    """

    numbers: Mapping[str, Parameter]
    places: int
    named: frozenset[str]
    anything: bool

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        places: int,
        *,
        sizes: bool = False,
        besides: tuple[str, ...] = (),
    ) -> StepArguments:
        """Read a signature.

        A number that is annotated `int` is whole; in a function that draws something, so is one
        whose default is. Defaults that are no numbers, such as texts, are left as they are.

        Args:
            function: the function, or a torch module.
            places: the most arguments that are no parameters: of a step two, h and e.
            sizes: whether the function draws something.
            besides: names of arguments that are no parameters either.
        """
        try:
            found = inspect.signature(getattr(function, "forward", function)).parameters.values()
        except (TypeError, ValueError):  # some builtin functions have no signature
            return cls({}, places, frozenset(), False)
        plain = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        first = [p for p in plain[:places] if p.default is p.empty]
        others = [p for p in found if p not in first and p.kind not in (p.VAR_POSITIONAL,)]
        named = [p for p in others if p.kind is not p.VAR_KEYWORD]
        if unfit := [p.name for p in named if p.kind is p.POSITIONAL_ONLY]:
            raise UsageError(
                f"the parameter {unfit[0]} cannot be given by name: remove the / from the signature"
            )
        numbers = {}
        for p in named:
            default = NAN if p.default is p.empty else p.default
            if p.name in besides or type(default) not in (int, float):
                continue
            whole = p.annotation in (int, "int")
            if sizes and (type(default) is int or (p.default is p.empty and p.name == "width")):
                whole = True
            default = WIDTH if p.name == "width" and p.default is p.empty else default
            numbers[p.name] = number(float(default), whole)
        taken = frozenset(p.name for p in named)
        return cls(numbers, len(first), taken, any(p.kind is p.VAR_KEYWORD for p in found))

    def choose(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Of these values, those that the function takes."""
        return {k: v for k, v in values.items() if self.anything or k in self.named}


def number(default: float, integer: bool = False) -> Parameter:
    """A parameter of a user: any number, or any whole number."""
    return Parameter(default, -INF, INF, "a parameter of the step", integer=integer)
