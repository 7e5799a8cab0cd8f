"""Orbits of a vectorised step: the cells of a diagram as rows of one array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...arrays import Array
from ...loops.protocol import LoopedMap, LoopError, advance, start

SAME = 1e-9
"""Largest difference, relative to the state, between a row and the same cell by itself."""


class StepRows:
    """Orbits of loops that differ in their parameters alone, from one first state.

    This is an `OrbitBatch` of `loopstab.numerics.orbits.follow`.

    Args:
        step: the step of states (cells, ...), of the parameters and of the input, if it has one.
        columns: the parameters that differ, (cells,) each.
        loops: the same loops one by one, with which the first two iterations are compared.
        e: the input.
        with_input: whether the step takes it.

    Raises:
        LoopError: a row is not what its loop gives.
    """

    def __init__(
        self,
        step: Callable[..., Any],
        columns: Mapping[str, Array],
        loops: Sequence[LoopedMap],
        e: Any,
        with_input: bool,
    ):
        self.step, self.inputs = step, (e,) if with_input else ()
        first = start(loops[0], e)
        self.h = np.repeat(first[None], len(loops), axis=0)
        axes = (slice(None), *(None,) * first.ndim)
        self.columns = {name: column[axes] for name, column in columns.items()}
        kept = self.h
        for _ in range(2):
            alone = np.array([advance(loop, h, e) for loop, h in zip(loops, self.h, strict=True)])
            self.advance()
            if not _close(self.h, alone):
                raise LoopError(
                    "a cell by itself gives another state than in a vectorised step: let it treat"
                    " states (cells, ...) row by row, e.g. h @ w.T for w @ h, or leave out"
                    " vectorised"
                )
        self.h = kept

    def seen(self) -> Array:
        """The states."""
        return self.h

    def advance(self) -> None:
        """One iteration."""
        h = np.asarray(self.step(self.h, *self.inputs, **self.columns))
        if h.shape != self.h.shape:
            raise LoopError(
                f"a vectorised step returned shape {h.shape} for states of shape {self.h.shape},"
                " one in each row: keep the shape, or leave out vectorised"
            )
        self.h = h

    def keep(self, kept: Array) -> None:
        """Keep these orbits and drop the others."""
        self.h = self.h[kept]
        self.columns = {name: column[kept] for name, column in self.columns.items()}


def _close(a: Array, b: Array) -> bool:
    """Whether two arrays of states are equal up to rounding; NaN equals NaN."""
    size = max(float(np.nanmax(np.abs(b), initial=0)), float(np.finfo(float).tiny))
    if not np.isfinite(size):
        return True  # they explode, and say nothing
    return np.allclose(a, b, rtol=0, atol=SAME * size, equal_nan=True)
