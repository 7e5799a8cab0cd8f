"""What a phase diagram is drawn of: laws and blocks by name, with named parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ....support.errors import UsageError
from ...arrays import Array

Point = tuple[float, ...]
"""what one measurement depends on besides its random draw"""


@dataclass(frozen=True)
class Parameter:
    """A named number with its default and its domain: low < value < high, ends included where
    `closed` says so.
    """

    default: float
    low: float
    high: float
    text: str
    closed: bool = False
    integer: bool = False

    def check(self, name: str, value: float) -> float:
        """The value, or `UsageError` when it is outside the domain."""
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
    """Measurements (n,): spectral radius at the fixed point, loops until it is reached, input
    sensitivity, outcome of the orbit.

    NaN where there is no fixed point, or the orbit does not reach one. `sensitivity`: what the law
    says it is.
    """

    rho: Array
    iterations: Array
    sensitivity: Array
    outcome: Array

    @classmethod
    def empty(cls, n: int) -> Samples:
        """n samples to be filled in."""
        return cls(
            np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan), np.full(n, "", dtype="<U16")
        )


class LoopLaw(Protocol):
    """A family of random loops: its parameters, what the theory says of them, and how one of them
    is measured.
    """

    @property
    def name(self) -> str:
        """How it is asked for."""
        ...

    @property
    def title(self) -> str:
        """The loop, as a formula."""
        ...

    @property
    def sensitivity(self) -> str:
        """What `Samples.sensitivity` is."""
        ...

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """By name."""
        ...

    @property
    def shared(self) -> int:
        """How many leading entries of a point must agree in one call of `measure`; the first is the
        width.
        """
        ...

    @property
    def batch(self) -> int:
        """Points that are best measured together."""
        ...

    def complete(self, given: Mapping[str, float]) -> dict[str, float]:
        """All parameters from those given; `UsageError` for an unknown name, a value out of range,
        or two that exclude each other.
        """
        ...

    def theory(self, values: Mapping[str, Array]) -> Array:
        """Spectral radius that the closed form predicts, NaN where none does."""
        ...

    def sensitivity_theory(self, values: Mapping[str, Array]) -> Array:
        """Sensitivity that the closed form predicts, NaN where none does."""
        ...

    def trust(self, values: Mapping[str, Array]) -> Array:
        """Finite-width scaling variable, NaN where there is none."""
        ...

    def point(self, values: Mapping[str, float]) -> Point:
        """What a sample at these values depends on."""
        ...

    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """One sample per point, from the random draw of that seed."""
        ...


def complete(law: LoopLaw, given: Mapping[str, float]) -> dict[str, float]:
    """Defaults of the law overridden by what is given, each checked."""
    for name in given:
        if name not in law.parameters:
            raise UsageError(
                f"law {law.name} has no parameter {name!r}: use one of {', '.join(law.parameters)}"
            )
    return {
        name: p.check(name, float(given.get(name, p.default))) for name, p in law.parameters.items()
    }
