"""A loop without the derivatives that it gives: differences of its step take their place."""

from __future__ import annotations

from typing import Any

from ..arrays import Array
from .protocol import LoopedMap
from .protocol import at as frozen

HIDDEN = ("linearize", "jvp", "vjp", "input_jvp", "input_vjp")


class BareLoop:
    """The step of another loop, as it is iterated, and nothing of its derivatives.

    Args:
        loop: the loop.
        unit: relative rounding error of its step, if it is coarser than what the loop says.
    """

    def __init__(self, loop: LoopedMap, unit: float = 0.0):
        self._loop, self._unit = loop, unit

    def step(self, h: Array, e: Any) -> Array:
        """The next state."""
        return self._loop.step(h, e)

    def initial(self, e: Any) -> Array:
        """The first state."""
        return self._loop.initial(e)

    def resolution(self, h: Array, e: Any) -> float:
        """The coarser of the given unit and that of the loop."""
        own: Any = getattr(self._loop, "resolution", None)
        return max(self._unit, 0.0 if own is None else own(h, e))

    def at(self, time: int) -> BareLoop:
        """The step of iteration `time`."""
        return BareLoop(frozen(self._loop, time), self._unit)

    def __getattr__(self, name: str) -> Any:
        if name in HIDDEN or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._loop, name)
