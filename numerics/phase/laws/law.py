"""What a law is: a family of loops with named parameters, its closed form, and its measurement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ....support.errors import UsageError
from ...arrays import Array

Point = tuple[float, ...]
"""All that a measurement depends on, besides its random draw."""
INF = float("inf")


@dataclass(frozen=True)
class Parameter:
    """A named number with its default and its domain.

    The domain is low < value < high, or low <= value < high if `closed`. A parameter that is
    another form of one with a default names it in `form_of`; the two exclude each other.
    """

    default: float
    low: float
    high: float
    text: str
    closed: bool = False
    integer: bool = False
    form_of: str = ""

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


class ClosedForm(NamedTuple):
    """What the theory says at n points, (n,) each; NaN where it says nothing.

    `rho`: the spectral radius at the fixed point; `sensitivity`: the sensitivity to the input;
    `trust`: the finite-width scaling variable, from 3 on for a closed form that is to be trusted.
    """

    rho: Array
    sensitivity: Array
    trust: Array

    @classmethod
    def none(cls, like: Array) -> ClosedForm:
        """No closed form, at as many points."""
        return cls(*(np.full(np.shape(like), np.nan) for _ in range(3)))


class LoopLaw(ABC):
    """A family of random loops: its closed form, and how a loop is measured.

    Attributes:
        name: the name, under which `law_named` finds a law of this package.
        title: the loop as a formula, for a figure.
        sensitivity: what `Samples.sensitivity` is, as a formula.
        shared: how many leading entries all points of one call of `measure` must share.
        batch: how many points are best measured together.
        backend: how several calls of `measure` may run at a time, as a backend of joblib.
        portable: whether processes on other machines can load it.
        untold: why its samples cannot be kept; empty if they can.
    """

    name: str
    title: str
    sensitivity: str
    shared: int = 0
    batch: int = 1
    backend: Literal["threading", "loky", "sequential"] = "threading"
    portable: bool = True
    untold: str = ""

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters by name."""

    @property
    def identity(self) -> str:
        """What tells it from other laws of its class, in the keys of samples: its name."""
        return self.name

    def closed_form(self, values: Mapping[str, Array]) -> ClosedForm:
        """What the theory says at the given values of all parameters, (n,) each."""
        return ClosedForm.none(next(iter(values.values())))

    @abstractmethod
    def point(self, values: Mapping[str, float]) -> Point:
        """What a sample at these values depends on."""

    @abstractmethod
    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """One sample for each point, from the random draw of that seed."""


def complete(law: LoopLaw, given: Mapping[str, float]) -> dict[str, float]:
    """All parameters of a law, from those given and the defaults, each checked.

    Of two forms of one parameter, the result has the one that is given, or the usual one.

    Raises:
        UsageError: a name is unknown, a value out of range, or a parameter is given in two forms.
    """
    for name in given:
        if name not in law.parameters:
            raise UsageError(
                f"law {law.name} has no parameter {name!r}: use one of {', '.join(law.parameters)}"
            )
    for name, p in law.parameters.items():
        if np.isnan(p.default) and name not in given:
            raise UsageError(
                f"parameter {name} of law {law.name} has no value: give one in settings"
                f" (--set {name}=VALUE), or a default in the step"
            )
    out = {
        name: p.check(name, float(given.get(name, p.default))) for name, p in law.parameters.items()
    }
    for name, p in law.parameters.items():
        if p.form_of and {name, p.form_of} <= set(given):
            raise UsageError(
                f"{p.form_of} and {name} are two forms of one parameter ({name} is the {p.text}):"
                " give one of them"
            )
        if p.form_of:
            out.pop(p.form_of if name in given else name)
    return out
