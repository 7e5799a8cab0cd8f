"""What a loop does on all inputs before anything is changed, and how changes compare with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Array
from ..loops.protocol import LoopError
from .damping import damping
from .input_set import InputSet, InputVerdict, TrialLimits
from .solves import SolvedPoint, by_newton
from .state_reader import StateReader, same
from .tried_change import DIGITS, SETTLED, Effect

ONE = 1e-6
"""Relative distance below which two end states count as one."""
SLOW = 1000
"""Iterations for 8 digits from which a loop is slow."""
LEAST = DIGITS ** (1 / SLOW)
"""The spectral radius of such a loop."""
HALF = 0.5
"""Damping factor that is tried where no eigenvalues ask for another."""


class Baseline:
    """A loop on its inputs, as it is.

    Args:
        inputs: the inputs, with the loop.
        limits: bounds of the work.
        answers: how states are read.

    Attributes:
        found: what the loop does on each input.
        moving: the inputs that do not settle.
        slow: the inputs that settle slowly.
        timed: whether the step depends on the number of the iteration.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop
        >>> from loopstab.numerics.verdicts.state_reader import StateReader
        >>> from loopstab.numerics.verdicts.baseline import Baseline
        >>> from loopstab.numerics.verdicts.input_set import InputSet, TrialLimits
        >>> inputs = InputSet(FunctionLoop(lambda h, e: e - h, np.zeros_like), np.eye(2))
        >>> Baseline(inputs, TrialLimits(100, 200, 100, 0), StateReader(inputs)).moving
        [0, 1]
    """

    def __init__(self, inputs: InputSet, limits: TrialLimits, answers: StateReader):
        self.inputs, self.limits, self.answers = inputs, limits, answers
        self.found = inputs.verdicts(inputs.loop, limits)
        self.ends = [one.state for one in self.found]
        self.last_answers = answers.of(self.ends)
        self.moving = [i for i, one in enumerate(self.found) if one.name != SETTLED]
        self.slow = [i for i, one in enumerate(self.found) if _is_slow(one)]
        self.timed = bool(getattr(inputs.loop, "timed", False))

    @property
    def hard(self) -> list[int]:
        """The inputs for which a fixed point has to be solved for: they move, or are slow."""
        return sorted([*self.moving, *self.slow])

    @cached_property
    def effect(self) -> Effect:
        """What the loop does; rho is that of the fixed point inside where the orbit moves."""
        effect = self.effect_of(self.found)
        inside = [None if point is None else point.rho for point in self.newton]
        pairs = zip(effect.rho, inside, strict=True)
        return replace(effect, rho=tuple(a if a is not None else b for a, b in pairs))

    @cached_property
    def newton(self) -> list[SolvedPoint | None]:
        """The fixed point that Newton's method finds for each input that is hard to reach.

        It starts from the mean of the last states, and else from the first one.
        """
        out: list[SolvedPoint | None] = [None] * len(self.inputs)
        for i in self.hard if not self.timed else ():
            tail = self.found[i].trajectory.tail.astype(np.float64)
            first = self.inputs.first[i]
            mean = tail.mean(axis=0).reshape(first.shape).astype(first.dtype)
            starts = [self.inputs.whole(h) for h in (mean, first)]
            out[i] = by_newton(self.inputs.loop, starts, self.inputs.one(i), self.limits)
        return out

    @cached_property
    def damping_factor(self) -> float:
        """The factor with the least radius at all fixed points where damping helps."""
        values = []
        for point in self.newton:
            if point is None or point.spectrum is None:
                continue
            try:
                own, whole = point.spectrum.eigenvalues
            except LoopError:
                continue
            # an eigenvalue that is not known counts like the least of those that are, at worst
            own = own if whole else np.append(own, np.abs(own).min())
            if damping(own, True) is not None:
                values.append(own)
        best = damping(np.concatenate(values), True) if values else None
        return HALF if best is None else float(f"{best.factor:.4g}")

    def effect_of(self, found: list[InputVerdict]) -> Effect:
        """The verdicts on all inputs as one effect."""
        names = tuple(one.name for one in found)
        return Effect(
            names,
            tuple(one.rho for one in found),
            tuple(one.confirmed for one in found),
            different([one.state for one in found if one.name == SETTLED]),
            self.answers.right([one.state for one in found]),
            self.inputs.alike,
        )

    def compared(self, states: Sequence[Array | None]) -> dict[str, Any]:
        """How far some states are from the last ones, and which share of the answers is the same.

        No distance is given where the orbit is not bounded. An input without a state has no answer.
        """
        moved = []
        for h, one in zip(states, self.found, strict=True):
            if h is None:
                moved.append(None)
                continue
            gap = float(np.linalg.norm(h.astype(np.float64) - one.state))
            size = float(np.linalg.norm(one.state.astype(np.float64)))
            fine = one.outcome.bounded and np.isfinite(gap) and size > 0
            moved.append(gap / size if fine else None)
        unchanged = None
        if self.answers.readout is not None:
            known = [end if h is None else h for h, end in zip(states, self.ends, strict=True)]
            equal = same(self.answers.of(known), self.last_answers)
            pairs = zip(equal, states, strict=True)
            unchanged = float(np.mean([one and h is not None for one, h in pairs]))
        return {"moved": tuple(moved), "unchanged": unchanged}


def different(states: list[Array]) -> int:
    """The number of states that differ by more than rounding.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.verdicts.baseline import different
        >>> different([np.ones(2), np.ones(2) + 1e-12, np.zeros(2)])
        2
    """
    found: list[Array] = []
    for h in states:
        near = (
            h.shape == other.shape
            and np.linalg.norm(h.astype(np.float64) - other) <= ONE * np.linalg.norm(other)
            for other in found
        )
        if not any(near):
            found.append(h)
    return len(found)


def _is_slow(one: InputVerdict) -> bool:
    """Whether an input settles after more than `SLOW` iterations, as rho predicts."""
    return one.name == SETTLED and one.rho is not None and LEAST < one.rho < 1
