"""A part of the state of a loop, while the other coordinates are pinned: padding, or a clock."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array
from .protocol import LoopedMap, LoopError, arrays, at, packed, start


class PinnedLoop:
    """Some coordinates of a loop; the others keep their first values, or move at a fixed pace.

    Args:
        loop: the loop.
        h: its first state, packed.
        pinned: which coordinates of the state are pinned, (n,) bool.
        pace: what the pinned coordinates gain at every iteration; default nothing. With a pace the
            step depends on the number of the iteration.
    """

    def __init__(self, loop: LoopedMap, h: Array, pinned: Array, pace: Array | None = None):
        self._loop, self._shape, self._pinned = loop, h.shape, pinned
        self._first, self._rest = h.ravel()[pinned], h.ravel()[~pinned]
        self._pace, self._time = pace, 0
        self.timed = pace is not None or bool(getattr(loop, "timed", False))

    def at(self, time: int) -> PinnedLoop:
        """The step of iteration `time`."""
        other = object.__new__(PinnedLoop)
        other.__dict__.update(self.__dict__)
        other._time, other._loop = time, at(self._loop, time)
        return other

    def initial(self, e: Any) -> Array:
        """The first state of the coordinates that move."""
        return self._rest.copy()

    def step(self, h: Array, e: Any) -> Array:
        """The next state of the coordinates that move."""
        return self._loop.step(self.whole(h), e).ravel()[~self._pinned]

    def unpack(self, h: Array, e: Any) -> Any:
        """The whole state, in the structure that the functions use."""
        unpack: Any = getattr(self._loop, "unpack", None)
        whole = self.whole(h)
        return whole if unpack is None else unpack(whole, e)

    def pack(self, state: Any, e: Any) -> Array:
        """The coordinates that move, of a state of the structure that the functions use."""
        if isinstance(state, np.ndarray) and state.shape == self._rest.shape:
            return state
        return packed(self._loop, state, e).ravel()[~self._pinned]

    def arrays(self, e: Any) -> list[Array]:
        """The arrays of an input."""
        return arrays(self._loop, e)

    def resolution(self, h: Array, e: Any) -> float:
        """The precision of the loop."""
        own: Any = getattr(self._loop, "resolution", None)
        return 0.0 if own is None else own(self.whole(h), e)

    def whole(self, h: Array) -> Array:
        """The packed state of the loop, with the pinned coordinates at the time of this step."""
        whole = np.empty(self._pinned.size, h.dtype)
        gained = 0 if self._pace is None else self._time * self._pace
        whole[self._pinned] = self._first + gained
        whole[~self._pinned] = h.ravel()
        return whole.reshape(self._shape)

    def __getattr__(self, name: str) -> Any:
        if name == "linearize" and hasattr(self.__dict__.get("_loop"), "linearize"):
            return self._linearize
        if name in ("protect", "seeded", "random_modules"):
            return getattr(self._loop, name)
        raise AttributeError(f"PinnedLoop has no {name}")

    def _linearize(self, h: Array, e: Any) -> _Block:
        loop: Any = self._loop
        return _Block(loop.linearize(self.whole(h), e), self._shape, ~self._pinned)


class _Block:
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


def restricted(loop: LoopedMap, e: Any, keep: Any) -> PinnedLoop:
    """A loop on a part of its state, for example without the cells that are padding.

    The other coordinates keep their first values, so that neither their motion nor their
    derivatives count.

    Args:
        loop: the loop.
        e: the input.
        keep: which coordinates count: an array of bool in the shape of the state, or a state of the
            loop's structure whose entries are not 0 where they count.

    Raises:
        LoopError: `keep` has another shape than the state, or keeps nothing.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, diagnose, restricted
        >>> loop = FunctionLoop(lambda h, e: np.array([0.5, 1.0]) * h + e, np.zeros_like)
        >>> str(diagnose(loop, np.ones(2)).outcome)
        'drift'
        >>> part = restricted(loop, np.ones(2), np.array([True, False]))
        >>> found = diagnose(part, np.ones(2))
        >>> str(found.outcome), found.state
        ('fixed-point', array([2., 0.]))
    """
    h = start(at(loop, 0), e)
    flat = np.asarray(keep if isinstance(keep, np.ndarray) else packed(loop, keep, e)).ravel() != 0
    if flat.size != h.size or not flat.any():
        raise LoopError(
            f"keep has {flat.size} entries, {int(flat.sum())} of them true, for a state of"
            f" {h.size}: give one entry for each coordinate of the state, and keep at least one"
        )
    return PinnedLoop(loop, h, ~flat)
