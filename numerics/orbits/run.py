"""Follow one orbit of a loop until its outcome is decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...support.progress_bar import progress_bar
from ..arrays import Array
from ..loops.protocol import LoopedMap, advance, at, packed, protected, start
from .follow import LOOPS, Followed, follow


def run(
    loop: LoopedMap,
    e: Any,
    loops: int = LOOPS,
    h: Any = None,
    *,
    limit: int | None = None,
    time: int = 0,
    view: Callable[[Array], Array] | None = None,
    unit: float | None = None,
    confirm: Callable[[Followed], bool] | None = None,
    progress: bool = False,
) -> Followed:
    """Follow the orbit of a loop until its outcome is decided or the limit is reached.

    Args:
        loop: Looped map with `initial(e)` and `step(h, e)` (`LoopedMap`).
        e: Input, as the loop expects it.
        loops: Iterations before the first look; at least 16.
        h: Initial state; default `loop.initial(e)`.
        limit: Largest number of iterations; default 16 times `loops`. While the orbit is undecided,
            its length is doubled until it reaches the limit.
        time: Number of the first iteration, where the step depends on it.
        view: Function from a batch of one state to what is recorded of it; default: all.
        unit: Relative rounding error of what is recorded; default: that of its dtype.
        confirm: Function that may accept, on evidence other than the orbit, a fixed point that is
            still far away; default: such an orbit is followed further.
        progress: Whether to show a progress bar.

    Returns:
        The recorded `trajectory` and its `diagnosis`, as a `Followed`.

    Raises:
        UsageError: If `loops` is below 16, or `limit` is below `loops`.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, run
        >>> halve = FunctionLoop(lambda h, e: h / 2 + e, lambda e: np.zeros_like(e))
        >>> found = run(halve, np.ones(2), loops=100)
        >>> found.diagnosis.outcome.value
        'fixed-point'
        >>> found.trajectory.tail[-1]
        array([2., 2.])
    """
    bar = progress_bar(total=loops, shown=progress, unit="loop", desc="orbit")
    numbers = iter(range(time, 2**62))
    h = start(at(loop, 0), e) if h is None else packed(loop, h, e)

    def step(states: Array) -> Array:
        bar.update()
        new = advance(at(loop, next(numbers)), states[0], e)
        return np.array(new, copy=True)[None]

    with protected(loop), bar:
        return follow(step, h[None], loops, limit, view=view, unit=unit, confirm=confirm)[0]
