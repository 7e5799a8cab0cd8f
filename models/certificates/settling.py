"""Where the orbit of one input settles, in floating point: a fixed point or a cycle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ...numerics.arrays import Array
from ...numerics.enclosures.contraction import NotCertified
from ...numerics.orbits.run import run
from ..loops.torch_loop import TorchLoop
from ..network.transformer import LoopedTransformer

LONGEST_PERIOD = 8
"""Longest cycle that is looked for."""
CLOSER = 1e-4
"""A cycle returns closer than this share of a step."""
STILL = 1e-12
"""Relative distance below which a state counts as returned."""


@dataclass(frozen=True)
class Settled:
    """A float orbit that has settled.

    Args:
        states: h_0, h_1, ... up to the settled state, (loops + 1, cells, width).
        period: the period; 1 for a fixed point.
    """

    states: Array
    period: int

    @property
    def center(self) -> Array:
        """The last state."""
        return self.states[-1]


@torch.no_grad()
def settle(model: LoopedTransformer, x: Array, loops: int) -> Settled:
    """Iterate until the orbit has returned to itself after at most `LONGEST_PERIOD` iterations.

    Args:
        model: the network, in float64.
        x: the input, (cells, channels).
        loops: iterations after which it is given up.

    Raises:
        NotCertified: the orbit does not settle; the message says what it does instead.
    """
    e = model.encode(torch.from_numpy(x)[None])
    context = model.prepare(e)

    def step(h: Array) -> Array:
        return model.advance(torch.from_numpy(h)[None], context)[0].numpy()

    first = model.initial(e)[0].numpy()
    return settle_map(step, first, loops, lambda: outcome_of(TorchLoop.of(model), e.numpy(), loops))


def settle_map(
    step: Callable[[Array], Array], first: Array, loops: int, outcome: Callable[[], str]
) -> Settled:
    """Iterate any map until its orbit has returned to itself; see `settle`.

    Args:
        step: one iteration.
        first: h_0.
        loops: iterations after which it is given up.
        outcome: what the orbit does, in words, where it does not settle.

    Raises:
        NotCertified: the orbit does not settle; the message says what it does instead.
    """
    states, best = [first], np.inf
    for _ in range(loops):
        states.append(step(states[-1]))
        with np.errstate(over="ignore"):
            finite = np.isfinite(np.linalg.norm(states[-1]))
        if not finite:
            raise NotCertified(
                f"the norm of the state is not finite after {len(states) - 1} iterations"
            )
        moved, period = _returned(states)
        if period == 1 and 0 < moved < best:
            best = moved  # it still approaches, down to rounding
        elif period:
            return Settled(np.array(states), period)
    moved = np.linalg.norm(states[-1] - states[-2]) / np.linalg.norm(states[-1])
    raise NotCertified(
        f"the orbit does not settle within {loops} iterations ({outcome()}): the last one moved the"
        f" state by {moved:.2g} of its norm, and there is no cycle of period up to"
        f" {LONGEST_PERIOD}"
    )


def _returned(states: list[Array]) -> tuple[float, int]:
    """How far the state is from the one a period ago, and the period; 0 if there is none."""
    last, small = states[-1], STILL * np.linalg.norm(states[-1])
    step = float(np.linalg.norm(last - states[-2]))
    if step <= small:
        return step, 1
    for period in range(2, min(LONGEST_PERIOD, len(states) - 1) + 1):
        moved = float(np.linalg.norm(last - states[-1 - period]))
        if moved <= min(small, CLOSER * step):  # a spiral returns, but not closer than it steps
            return moved, period
    return step, 0


def outcome_of(loop: TorchLoop, e: Array, loops: int) -> str:
    """The outcome of the orbit in words, by the classification that `diagnose` uses."""
    loops = max(loops, 16)  # the fewest that can be classified
    return str(run(loop, e, loops, limit=loops).diagnosis.outcome)
