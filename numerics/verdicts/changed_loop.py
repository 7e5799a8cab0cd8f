"""A loop whose step is changed from outside; the user's loop stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ..arrays import Array
from ..loops.function_loop import FunctionLoop
from ..loops.protocol import LoopedMap, advance, at, protected, start
from ..loops.resolution import Resolution
from .change import Change

EPS = 1e-12
"""The constant under the root of the norm, relative to the mean square that it gives."""


class ChangedLoop(FunctionLoop):
    """A loop after a `Change`, on packed states. Its derivatives are differences of the step.

    Args:
        loop: the loop.
        change: what is changed.
        recalled: x, what is recalled, as a function of the input; needed where the change recalls.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, diagnose
        >>> from loopstab.numerics.verdicts.change import Change
        >>> from loopstab.numerics.verdicts.changed_loop import ChangedLoop
        >>> flip = FunctionLoop(lambda h, e: e - h, np.zeros_like)
        >>> diagnose(ChangedLoop(flip, Change(damp=0.5)), np.ones(2)).state
        array([0.5, 0.5])
    """

    def __init__(
        self, loop: LoopedMap, change: Change, recalled: Callable[[Any], Array] | None = None
    ):
        self._inner, self._change, self._recalled = loop, change, recalled
        self._memo: tuple[Any, Any, Any] | None = None

        def timed(h: Array, e: Any, t: int) -> Array:
            return self._changed(at(loop, t), h, e)

        def plain(h: Array, e: Any) -> Array:
            return self._changed(loop, h, e)

        super().__init__(timed if getattr(loop, "timed", False) else plain, self._first)

    def protect(self) -> AbstractContextManager[Any]:
        """A context after which the model of the loop is as it was."""
        return protected(self._inner)

    def _first(self, e: Any) -> Array:
        h = start(at(self._inner, 0), e)
        return np.zeros_like(h) if self._change.restart else h

    def _changed(self, inner: LoopedMap, h: Array, e: Any) -> Array:
        change = self._change
        recalled, given = self._parts(e)
        z = advance(inner, h if recalled is None else (h + recalled).astype(h.dtype), given)
        if change.norm is not None:
            square = np.mean(np.square(z, dtype=np.float64), axis=-1, keepdims=True)
            z = change.norm * z / np.sqrt(square + EPS * change.norm**2)
        if change.damp != 1:
            z = h + change.damp * (z - h)
        return z.astype(h.dtype)

    def _parts(self, e: Any) -> tuple[Any, Any]:
        """What is recalled, and the input that the step reads; the same for the same input."""
        if self._memo is None or self._memo[0] is not e:
            change, recalled = self._change, None
            if change.recall and self._recalled is not None:
                recalled = change.recall * self._recalled(e)
            self._memo = e, recalled, e if change.scale == 1 else change.scale * e
        return self._memo[1:]

    def _find_resolution(self, h: Array, e: Any) -> Resolution:
        own: Any = getattr(self._inner, "resolution", None)
        if own is None:
            return super()._find_resolution(h, e)
        state, name = self._layout(e).unpack(h), getattr(self._inner, "precision_name", None)
        return Resolution(own(state, e), None if name is None else name(state, e))
