"""What the orbits of many inputs do, in float32: outcomes, iterations, and changes of answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...numerics.arrays import Array
from ...numerics.orbits.diagnosis import Diagnosis
from ...numerics.orbits.follow import follow_batch
from ...theory.outcome import Outcome
from ..measure.orbit import Orbit
from ..network.transformer import LoopedTransformer
from ..tasks.task import Batch, Task

ENTRIES = 1 << 19
"""Numbers in the states that are followed at a time: the last 80 of them are kept, 168 MB."""
SHOWN = 30
"""Iterations after which an early accuracy is counted: the most of a training step in the paper."""
FINE = 1e-6
"""Relative step to which iterations are counted; float32 resolves about 1e-7."""
STOOD = 2e-6
"""Largest last relative step of an orbit whose limit is compared with others."""
ULPS = 8
"""Rounding units to which a relative step falls before its orbit leaves the computation; they are
less than `FINE`.
"""
PARTS = 40
"""Parts into which quantiles divide a distribution."""
TIMES = (1, 2, 5, 10, 20, 30, 50, 100, 200, 500)
"""Iterations for which the median relative step is recorded."""


@dataclass(frozen=True)
class ManyOrbits:
    """The orbits of a batch of inputs.

    Attributes:
        diagnoses: of each orbit, at the look that decided it or at the last one.
        fine: for each orbit the first iteration whose relative step is at most `FINE`, or -1.
        last: the last state of each orbit, (inputs, cells, width), float32.
        stood: whether the orbit reached a fixed point and its last relative step is at most
            `STOOD`, (inputs,) bool.
        changed: for each input the last of the first `loops` iterations that changed its answer,
            (inputs,); 0 where none did.
        right: number of inputs whose every cell is right after each iteration, (loops + 1,).
        steps: median relative step at each of the first `loops` iterations, infinite where most
            orbits have left, (loops,).
    """

    diagnoses: list[Diagnosis]
    fine: Array
    last: Array
    stood: Array
    changed: Array
    right: Array
    steps: Array

    def to_json(self) -> dict[str, Any]:
        """Counts and quantiles, without the states."""
        outcomes = [str(d.outcome) for d in self.diagnoses]
        fixed = np.array([outcome == Outcome.FIXED_POINT for outcome in outcomes])
        differs = np.flatnonzero(np.diff(self.right))
        return {
            "outcomes": _counts(outcomes),
            "decided": _counts(
                [d.loops for d in self.diagnoses if d.outcome is not Outcome.UNDECIDED]
            ),
            "loops": quantiles(self.fine[fixed & (self.fine >= 0)]),
            "right_30": int(self.right[min(SHOWN, len(self.right) - 1)]),
            "right_500": int(self.right[-1]),
            "right_best": int(self.right.max()),
            "right_best_at": int(self.right.argmax()),
            "right_last_change": int(differs[-1]) + 1 if len(differs) else 0,
            "answer_last_change": quantiles(self.changed),
            "answer_last_change_fixed": quantiles(self.changed[fixed]),
            "periods": _counts([d.period for d in self.diagnoses if d.outcome is Outcome.CYCLE]),
            "step_median": {
                str(t): float(self.steps[t - 1]) if np.isfinite(self.steps[t - 1]) else None
                for t in TIMES
                if t <= len(self.steps)
            },
        }


def follow_inputs(
    model: LoopedTransformer, task: Task, batch: Batch, loops: int, limit: int
) -> ManyOrbits:
    """Follow the orbits of a batch of inputs in the dtype of the weights.

    An orbit leaves the computation when its relative step has fallen to `ULPS` rounding units, or
    when it is decided after `loops` iterations.

    Args:
        model: the network, in float32.
        task: its task, which decides whether an answer is right.
        batch: the inputs.
        loops: iterations before the first look.
        limit: iterations before the last look at an undecided orbit.
    """
    size = max(1, ENTRIES // (batch.x.shape[1] * model.config.width))
    diagnoses, fine, last, stood, changed, curves = [], [], [], [], [], []
    right = np.zeros(loops + 1, int)
    for start in range(0, len(batch.x), size):
        part = batch.of(slice(start, start + size))
        answers = _Answers(model, task, part, loops)
        for orbit in follow_batch(answers, loops, limit):
            t, found = orbit.trajectory, orbit.diagnosis
            steps = t.relative_steps
            diagnoses.append(found)
            small = np.flatnonzero(steps <= FINE)
            fine.append(int(small[0]) + 1 if len(small) else -1)
            last.append(t.tail[-1].reshape(part.x.shape[1], -1))
            stood.append(found.outcome is Outcome.FIXED_POINT and steps[-1] <= STOOD)
            # an orbit ends early when it stands still, or has left towards infinity
            rest = (0, max(loops - len(steps), 0))
            curves.append(np.pad(steps[:loops], rest, constant_values=np.inf if t.left else 0))
        answers.finish()
        changed.append(answers.changed.numpy())
        right += answers.right
    return ManyOrbits(
        diagnoses,
        np.array(fine),
        np.array(last),
        np.array(stood),
        np.concatenate(changed),
        right,
        np.median(curves, axis=0),
    )


class _Answers:
    """A batch as `follow_batch` advances it, which also counts right answers and their changes.

    No input leaves the computation before `loops` iterations.
    """

    def __init__(self, model: LoopedTransformer, task: Task, batch: Batch, loops: int):
        self.model, self.task, self.target, self.loops = model, task, batch.target, loops
        with torch.no_grad():
            self.orbit = Orbit(model, batch.x, ULPS)
            logits = model.head(self.orbit.h)
        self.answer = logits.argmax(-1)
        self.correct = task.correct(logits, batch.target)
        self.changed = torch.zeros(len(batch.x), dtype=torch.int64)
        self.right = np.zeros(loops + 1, int)
        self.right[0] = int(self.correct.sum())
        self.seen_rows, self.time = torch.arange(len(batch.x)), 0

    def seen(self) -> Array:
        """The states of the inputs that are still followed."""
        return self.orbit.h[self.seen_rows].numpy()

    @torch.no_grad()
    def advance(self) -> None:
        """Do one iteration."""
        rows = self.orbit.running
        self.orbit.advance()
        self.time += 1
        if self.time > self.loops:
            return
        if len(rows):
            logits = self.model.head(self.orbit.h[rows])
            answer = logits.argmax(-1)
            self.changed[rows[(answer != self.answer[rows]).any(1)]] = self.time
            self.answer[rows] = answer
            self.correct[rows] = self.task.correct(logits, self.target[rows])
        self.right[self.time] = int(self.correct.sum())

    def keep(self, kept: Array) -> None:
        """Follow these inputs alone; it happens at a look, after the answers were counted."""
        self.orbit.keep(torch.from_numpy(kept))
        self.seen_rows = torch.arange(len(kept))

    def finish(self) -> None:
        """Do what is missing of the first `loops` iterations, after all orbits have ended."""
        while self.time < self.loops:
            self.advance()


def quantiles(values: Array) -> dict[str, Any]:
    """The number of values and their quantiles at 0, 1/`PARTS`, ..., 1, each one of the values.

    Example:
        >>> import numpy as np
        >>> from loopstab.models.forecast.measured_orbits import quantiles
        >>> found = quantiles(np.arange(81))
        >>> found["n"], found["quantiles"][:3], found["quantiles"][-1]
        (81, [0, 2, 4], 80)
    """
    if not len(values):
        return {"n": 0, "quantiles": []}
    at = np.linspace(0, 1, PARTS + 1)
    found = np.quantile(values, at, method="inverted_cdf")
    return {"n": len(values), "quantiles": found.tolist()}


def _counts(values: list[Any]) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    found = {str(value): values.count(value) for value in sorted(set(values))}
    return dict(sorted(found.items(), key=lambda item: -item[1]))
