"""A batch of orbits, loop by loop; samples that have stopped leave the computation, so memory and
time stop growing with the loops.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..network.arithmetic import without_autocast
from ..network.transformer import LoopedTransformer

COMPACT = 0.125
"""share of stopped samples in the running batch at which it is cut down: copying has its price too
"""
LOOK_EVERY = {"cpu": 1, "cuda": 10}
"""loops between two looks at how many samples have stopped: on a GPU each look waits for the device
"""


class Orbit:
    """`h` is the state of every sample after the loops done so far, (samples, cells, width);
    `running` are the samples still advanced.

    `h` may be written to in place by the next `advance`: clone it to keep it.

    A sample stops when a loop changes no bit of its state: the step is a function of state and
    input alone, so dropping it is exact. Most loops end in rounding noise instead: with `ulps` > 0
    a sample also stops when its relative step falls to that many rounding units of its dtype, below
    which T more loops move it by less than T times as much, unless it sits on a saddle. States of
    half precision stop by repeating to the bit only, because there that many units are a step of
    several per cent. Autocast is switched off.
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
        """One loop of the running samples."""
        if not len(self.running):
            return
        with without_autocast(self.h.device):
            new = self.model.advance(self._state, self._context)
        moving = (
            (new != self._state).flatten(1).any(1)
        )  # bits, because norms under- and overflow; NaN counts as moving
        if self.tolerance:
            step = (new - self._state).flatten(1).norm(dim=1)
            moving &= ~(
                step <= self.tolerance * self._state.flatten(1).norm(dim=1)
            ) | ~torch.isfinite(step)
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
        """Go on with these samples alone (ascending indices), numbered anew."""
        number = torch.full((len(self.h),), -1, device=self.h.device)
        number[kept] = torch.arange(len(kept), device=self.h.device)
        self.h = self.h[kept]
        running = number[self.running]
        self.running = self._cut(running, running >= 0)

    def _cut(self, running: Tensor, mask: Tensor) -> Tensor:
        """Leave samples out of the computation; those of `running` that stay."""
        self._state, self._stopped, self._context = (
            self._state[mask],
            self._stopped[mask],
            self._context.of(mask),
        )
        return running[mask]
