"""A batch of orbits, iteration by iteration.

Samples that have stopped leave the computation, so that long orbits cost little once they converge.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..network.arithmetic import without_autocast
from ..network.transformer import LoopedTransformer

COMPACT = 0.125
"""Share of stopped samples at which the running batch is cut down; copying the rest costs time
too.
"""
LOOK_EVERY = {"cpu": 1, "cuda": 10}
"""Iterations between two counts of the samples that have stopped; on a GPU every count waits for
the device.
"""


class Orbit:
    """The states of a batch of samples, which are advanced together.

    A sample stops when an iteration changes no bit of its state: the step is a function of state
    and input alone, so leaving it out is exact. Most orbits end in rounding noise instead. With
    `ulps` > 0 a sample therefore also stops when its relative step falls to that many rounding
    units of its dtype: T more iterations then move it by less than T times as much, unless it sits
    on a saddle. States of half precision stop only by repeating to the bit, because so many units
    are a step of several per cent there. Autocast is switched off.

    Args:
        model: the network.
        x: inputs, (samples, cells, channels).
        ulps: rounding units; see above.

    Attributes:
        h: the state of every sample, (samples, cells, width); `advance` may write to it in place.
        running: indices of the samples that are still advanced.
    """

    def __init__(self, model: LoopedTransformer, x: Tensor, ulps: float = 0.0):
        self.model = model
        with without_autocast(x.device):
            e = model.encode(x)
            self.h = model.initial(e).clone()
            self._state, self._context = self.h, model.prepare(e, folded=True)
        self.running = torch.arange(len(x), device=x.device)
        eps = torch.finfo(self.h.dtype).eps
        self.tolerance = ulps * eps if eps <= torch.finfo(torch.float32).eps else 0.0
        self._stopped = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        self._loops, self._look_every = 0, LOOK_EVERY.get(x.device.type, 1)

    def advance(self) -> None:
        """Do one iteration of the running samples."""
        if not len(self.running):
            return
        with without_autocast(self.h.device):
            new = self.model.advance(self._state, self._context)
        # bits are compared, because norms under- and overflow; NaN counts as moving
        moving = (new != self._state).flatten(1).any(1)
        if self.tolerance:
            step = (new - self._state).flatten(1).norm(dim=1)
            small = step <= self.tolerance * self._state.flatten(1).norm(dim=1)
            moving &= ~small | ~torch.isfinite(step)
        self._state = new
        if len(self.running) == len(self.h):
            self.h = new
        else:
            self.h[self.running] = new
        self._stopped |= ~moving
        self._loops += 1
        if self._loops % self._look_every:
            return
        stopped = int(self._stopped.sum())
        if stopped and stopped >= COMPACT * len(self.running):
            self.running = self._cut(self.running, ~self._stopped)

    def keep(self, kept: Tensor) -> None:
        """Drop all samples but these (ascending indices), which are renumbered from 0."""
        number = torch.full((len(self.h),), -1, device=self.h.device)
        number[kept] = torch.arange(len(kept), device=self.h.device)
        self.h = self.h[kept]
        running = number[self.running]
        self.running = self._cut(running, running >= 0)

    def _cut(self, running: Tensor, mask: Tensor) -> Tensor:
        """Keep the samples of the mask in the computation; returns those of `running`."""
        self._state, self._stopped, self._context = (
            self._state[mask],
            self._stopped[mask],
            self._context.of(mask),
        )
        return running[mask]
