"""The interface of a law: a family of random loops with named parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ....support.errors import UsageError
from ...arrays import Array

Point = tuple[float, ...]
"""All that a measurement depends on, besides its random draw."""


@dataclass(frozen=True)
class Parameter:
    """A named number with its default and its domain.

    The domain is low < value < high, or low <= value < high if `closed`.
    """

    default: float
    low: float
    high: float
    text: str
    closed: bool = False
    integer: bool = False

    def check(self, name: str, value: float) -> float:
        """The value; raises `UsageError` when it is outside the domain."""
        inside = self.low <= value < self.high if self.closed else self.low < value < self.high
        if not inside or (self.integer and value != round(value)):
            kind = "a whole number" if self.integer else "a number"
            start = "from" if self.closed else "above"
            raise UsageError(
                f"{name} ({self.text}) must be {kind} {start} {self.low:g} and below {self.high:g},"
                f" not {value:g}"
            )
        return value


class Samples(NamedTuple):
    """Measurements (n,) of n loops.

    `rho`: the spectral radius at the fixed point; `iterations`: those until it is reached;
    `sensitivity`: the sensitivity to the input, as the law defines it; `outcome`: that of the
    orbit. Numbers are NaN where there is no fixed point, or where the orbit does not reach one.
    """

    rho: Array
    iterations: Array
    sensitivity: Array
    outcome: Array

    @classmethod
    def empty(cls, n: int) -> Samples:
        """n samples, to be filled in."""
        return cls(
            np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan), np.full(n, "", dtype="<U16")
        )


class LoopLaw(Protocol):
    """A family of random loops: its parameters, its closed forms, and how a loop is measured."""

    @property
    def name(self) -> str:
        """The name under which `law_named` finds it."""
        ...

    @property
    def title(self) -> str:
        """The loop as a formula."""
        ...

    @property
    def sensitivity(self) -> str:
        """What `Samples.sensitivity` is, as a formula."""
        ...

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters by name."""
        ...

    @property
    def shared(self) -> int:
        """How many leading entries all points of one call of `measure` must share.

        The first of them is the width.
        """
        ...

    @property
    def batch(self) -> int:
        """How many points are best measured together."""
        ...

    def complete(self, given: Mapping[str, float]) -> dict[str, float]:
        """All parameters, from those given and the defaults.

        Raises `UsageError` for an unknown name, a value out of range, or two that exclude each
        other.
        """
        ...

    def theory(self, values: Mapping[str, Array]) -> Array:
        """The spectral radius by the closed form; NaN where there is none."""
        ...

    def sensitivity_theory(self, values: Mapping[str, Array]) -> Array:
        """The sensitivity by the closed form; NaN where there is none."""
        ...

    def trust(self, values: Mapping[str, Array]) -> Array:
        """The finite-width scaling variable; NaN where there is none."""
        ...

    def point(self, values: Mapping[str, float]) -> Point:
        """What a sample at these values depends on."""
        ...

    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """One sample for each point, from the random draw of that seed."""
        ...


def complete(law: LoopLaw, given: Mapping[str, float]) -> dict[str, float]:
    """The law's defaults overridden by the given values, each checked."""
    for name in given:
        if name not in law.parameters:
            raise UsageError(
                f"law {law.name} has no parameter {name!r}: use one of {', '.join(law.parameters)}"
            )
    return {
        name: p.check(name, float(given.get(name, p.default))) for name, p in law.parameters.items()
    }
