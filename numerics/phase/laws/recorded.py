"""A user's law as the file of a diagram knows it: its name and parameters, without the step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....support.errors import UsageError
from ....support.schema import Flag, MapOf, ObjectOf, Text
from .law import LoopLaw, Parameter, Point, Samples
from .step_arguments import number

DESCRIPTION = ObjectOf({"sensitivity": Text(200), "whole": MapOf(Flag(), 100)})
"""What is written of a law: what its sensitivity is, and which of its parameters are whole."""


class RecordedLaw(LoopLaw):
    """A law that can be drawn, and not be measured.

    Args:
        name: its name.
        described: what `described` wrote.
    """

    def __init__(self, name: str, described: Mapping[str, Any]):
        self.name = self.title = name
        self.sensitivity = described["sensitivity"]
        self._parameters = {key: number(0.0, whole) for key, whole in described["whole"].items()}

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Those of the law that was measured."""
        return self._parameters

    def point(self, values: Mapping[str, float]) -> Point:
        """The value of every parameter."""
        return tuple(float(values[name]) for name in self.parameters)

    def measure(self, seed: tuple[int, ...], points: Sequence[Point]) -> Samples:
        """Refuse to: the step is not in the file."""
        raise UsageError(
            f"the step of {self.name} is not in the file of the diagram: give it to phase_diagram"
        )


def described(law: LoopLaw) -> dict[str, Any]:
    """What a file holds of a law that has no name of its own."""
    whole = {name: p.integer for name, p in law.parameters.items()}
    return {"sensitivity": law.sensitivity, "whole": whole}
