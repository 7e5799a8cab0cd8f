"""A state that counts its own iterations: the count is split off, and the rest is a timed loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from ..loops.protocol import LoopedMap, arrays, at

SAME = 1e-9
"""Largest relative difference of two increments that are equal."""
NEARBY = 0.1
"""Distance of the states and inputs whose increments are compared, relative to their size."""


def clocks(loop: LoopedMap, h: Array, e: Any) -> Array:
    """Which coordinates of a state grow by one fixed amount for every state and input, (n,) bool.

    A drift depends on the input or on the state; a count of the iterations depends on neither.
    """
    rng = np.random.default_rng(0)
    places = [(h, e), (np.asarray(loop.step(h, e)), e), (_beside(h, rng), e)]
    inputs = arrays(loop, e)
    if isinstance(e, np.ndarray) and np.issubdtype(e.dtype, np.floating) and len(inputs) == 1:
        places.append((h, _beside(e, rng)))
    steps = np.array([(loop.step(state, x) - state).ravel() for state, x in places])
    same = np.abs(steps - steps[0]) <= SAME * np.abs(steps[0])
    return same.all(axis=0) & (steps[0] != 0) & np.isfinite(steps).all(axis=0)


def _beside(x: Array, rng: np.random.Generator) -> Array:
    size = max(float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))), 1.0)
    return (x + NEARBY * size * rng.standard_normal(x.shape)).astype(x.dtype)


class Unclocked:
    """The coordinates of a loop that are no clock, as a loop whose step depends on the time.

    Args:
        loop: the loop.
        h: its first state, packed.
        e: its input.
        clock: which coordinates count the iterations, as `clocks` finds them.
    """

    timed = True

    def __init__(self, loop: LoopedMap, h: Array, e: Any, clock: Array):
        self._loop, self._shape, self._clock = loop, h.shape, clock
        self._first = h.ravel()[clock]
        self._pace = (loop.step(h, e) - h).ravel()[clock]
        self._rest, self._time = h.ravel()[~clock], 0
        if hasattr(loop, "linearize"):
            self.linearize = self._linearize

    def at(self, time: int) -> Unclocked:
        """The step of iteration `time`."""
        other = object.__new__(Unclocked)
        other.__dict__.update(self.__dict__)
        other._time = time
        if "linearize" in other.__dict__:
            other.linearize = other._linearize
        return other

    def initial(self, e: Any) -> Array:
        """The first state without the clock."""
        return self._rest.copy()

    def step(self, h: Array, e: Any) -> Array:
        """The next state without the clock."""
        return self._loop.step(self.whole(h), e).ravel()[~self._clock]

    def unpack(self, h: Array, e: Any) -> Any:
        """The state in the structure that the functions use, with the clock."""
        unpack: Any = getattr(self._loop, "unpack", None)
        whole = self.whole(h)
        return whole if unpack is None else unpack(whole, e)

    def arrays(self, e: Any) -> list[Array]:
        """The arrays of an input."""
        return arrays(self._loop, e)

    def resolution(self, h: Array, e: Any) -> float:
        """The precision of the loop."""
        own: Any = getattr(self._loop, "resolution", None)
        return 0.0 if own is None else own(self.whole(h), e)

    def whole(self, h: Array) -> Array:
        """The packed state of the loop, with the clock at the time of this step."""
        whole = np.empty(self._clock.size, h.dtype)
        whole[self._clock] = self._first + self._time * self._pace
        whole[~self._clock] = h.ravel()
        return whole.reshape(self._shape)

    def _linearize(self, h: Array, e: Any) -> _Part:
        loop: Any = at(self._loop, self._time)
        return _Part(loop.linearize(self.whole(h), e), self._shape, ~self._clock)


class _Part:
    """Products with the block of J that belongs to some coordinates."""

    def __init__(self, record: Any, shape: tuple[int, ...], mask: Array):
        self._record, self._shape, self._mask = record, shape, mask
        self.forward = getattr(record, "forward", True)

    def __call__(self, v: Array) -> Array:
        return self._through(self._record, v)

    def adjoint(self, u: Array) -> Array:
        return self._through(self._record.adjoint, u)

    def _through(self, product: Any, v: Array) -> Array:
        whole = np.zeros(self._mask.size, v.dtype)
        whole[self._mask] = v.ravel()
        return product(whole.reshape(self._shape)).ravel()[self._mask]
