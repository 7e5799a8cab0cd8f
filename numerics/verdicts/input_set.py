"""Several inputs of one loop: in one batch, or one by one where the step takes a single input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import optree

from ...support.errors import UsageError
from ...theory.outcome import Outcome
from ..arrays import Array
from ..loops.function_loop import PRODUCTS, FunctionLoop
from ..loops.protocol import (
    LoopedMap,
    LoopError,
    advance,
    arrays,
    at,
    equal,
    image,
    packed,
    start,
    unpacked,
)
from ..loops.structure import NAMESPACE
from ..orbits.follow import Followed, follow
from ..orbits.trajectory import Trajectory
from .investigation import COUPLED, TINY_NORM, Investigation
from .reconcile import verdict

QUIET = 1e-3
"""Relative step from which an orbit that moves may be moved by rounding alone."""
CALM = (Outcome.FIXED_POINT, Outcome.CRITICAL, Outcome.NEUTRAL)


@dataclass(frozen=True)
class TrialLimits:
    """How long orbits are followed, and what a spectrum may cost.

    Args:
        loops: iterations before the first look.
        limit: iterations before the last look.
        products: largest number of products with J for one spectral radius.
        seed: seed of the solvers.
    """

    loops: int
    limit: int
    products: int
    seed: int


@dataclass(frozen=True)
class InputVerdict:
    """What a loop does on one input.

    Args:
        outcome: the outcome, confirmed by the spectrum where it is a fixed point.
        period: the period of a cycle.
        rho: the spectral radius at a fixed point that was reached; otherwise None.
        confirmed: whether the spectrum confirms it.
        state: the last state, packed.
        trajectory: the record of the orbit.
    """

    outcome: Outcome
    period: int | None
    rho: float | None
    confirmed: bool
    state: Array
    trajectory: Trajectory

    @property
    def name(self) -> str:
        """The outcome with its period."""
        return f"{self.period}-cycle" if self.outcome is Outcome.CYCLE else str(self.outcome)


class InputSet:
    """The inputs on which a loop and its changes are measured.

    Args:
        loop: the loop.
        inputs: a list of inputs, each of which the step takes by itself; or one batch, in which the
            first axis of every array of the state and of the input counts the inputs; or None, for
            a loop without input.

    Attributes:
        loop: the loop on packed states.
        plain: whether a state is one array, in its own shape.
        first: the first state of every input, packed, without an axis of the batch.

    Raises:
        UsageError: the list is empty.
        LoopError: the batch has no rows, or they influence each other.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop
        >>> from loopstab.numerics.verdicts.input_set import InputSet
        >>> halve = FunctionLoop(lambda h, e: h / 2 + e, np.zeros_like)
        >>> len(InputSet(halve, np.ones((3, 2)))), len(InputSet(halve, [np.ones(2)]))
        (3, 1)
    """

    def __init__(self, loop: LoopedMap, inputs: Any):
        inputs = [None] if inputs is None else inputs
        self.each, self.inputs = isinstance(inputs, list), inputs
        self._base, self.loop = loop, loop
        if self.each:
            if not inputs:
                raise UsageError("advise needs an input: the list of inputs is empty")
            first = [start(at(loop, 0), e) for e in inputs]
            self.plain = isinstance(unpacked(loop, first[0], inputs[0]), np.ndarray)
            image(at(loop, 0), first[0], inputs[0])
            self.first = first
            return
        if not isinstance(loop, FunctionLoop):
            own = {name: getattr(loop, name) for name in PRODUCTS if hasattr(loop, name)}
            self._base = FunctionLoop(loop.step, loop.initial, **own)
        self._batched(inputs)

    def _batched(self, inputs: Any) -> None:
        base: Any = self._base
        leaves = base.arrays(inputs)
        counts = {leaf.shape[:1] for leaf in leaves}
        alone = "for one input, or a step that takes no batch, give a list, [e], or no --inputs"
        if len(counts) != 1 or counts == {()}:
            raise LoopError(f"the inputs are no batch, whose first axes count the inputs: {alone}")
        count = int(leaves[0].shape[0])
        try:
            first = start(at(base, 0), inputs)
            self.plain = isinstance(unpacked(base, first, inputs), np.ndarray)
            self.loop = base if self.plain else base.rowwise()
            h = start(at(self.loop, 0), inputs)
            if h.shape[:1] != (count,):
                raise LoopError(f"the states of {count} inputs have shape {h.shape}")
            self.first = list(h)
            new = image(at(self.loop, 0), h, inputs)
            self._check_independent(h, new, 0)
            later = np.array(advance(at(self.loop, 1), new, inputs), copy=True)
            self._check_independent(new, later, 1)  # h_0 may hide what mixes: 0 has no mean
        except LoopError as error:
            raise LoopError(f"{error}; {alone}") from None

    def _check_independent(self, h: Array, new: Array, time: int) -> None:
        for i in range(len(h) if len(h) > 1 else 0):
            alone = advance(at(self.loop, time), h[i : i + 1], self.one(i))[0]
            gap = float(np.linalg.norm(alone.astype(np.float64) - new[i]))
            size = max(float(np.linalg.norm(new[i].astype(np.float64))), TINY_NORM)
            if gap > COUPLED * float(np.finfo(h.dtype).eps) * size:
                raise LoopError(
                    f"the inputs of the batch influence each other: alone, the step of input {i}"
                    f" differs by {gap / size:.0e} of its size"
                )

    def __len__(self) -> int:
        return len(self.first)

    def one(self, i: int) -> Any:
        """The input with that number, as the loop takes it: in a batch, a batch of one."""
        base: Any = self._base
        return self.inputs[i] if self.each else base.take(self.inputs, np.array([i]))

    @cached_property
    def alike(self) -> bool:
        """Whether all inputs are equal, as a single one is."""
        first, *others = (arrays(self._base, self.one(i)) for i in range(len(self)))
        return all(len(first) == len(other) and all(map(equal, first, other)) for other in others)

    def whole(self, state: Array) -> Array:
        """The state of one input as the loop takes it."""
        return state if self.each else state[None]

    def bare(self, state: Array) -> Array:
        """The state of one input without the axis of the batch."""
        return state if self.each else state[0]

    def shown(self, i: int, state: Array) -> Any:
        """The state of input i in the structure that the functions of the loop use."""
        found = unpacked(self.loop, self.whole(state), self.one(i))
        if self.each:
            return found
        return optree.tree_map(lambda leaf: leaf[0], found, namespace=NAMESPACE)  # type: ignore[arg-type]

    def advanced(self, loop: LoopedMap, states: list[Array], time: int) -> list[Array]:
        """The next state of every input."""
        now = at(loop, time)
        if self.each:
            pairs = zip(states, self.inputs, strict=True)
            return [np.array(advance(now, h, e), copy=True) for h, e in pairs]
        return list(np.array(advance(now, np.stack(states), self.inputs), copy=True))

    def orbit(self, loops: int) -> Iterator[list[Array]]:
        """The states of every input after 0, 1, ..., loops iterations of the loop."""
        states = [h.copy() for h in self.first]
        yield states
        for time in range(loops):
            states = self.advanced(self.loop, states, time)
            yield states

    def verdicts(self, loop: LoopedMap, limits: TrialLimits) -> list[InputVerdict]:
        """What a loop, changed or not, does on every input.

        Orbits that settle, and those that rounding may move, are reconciled with the spectrum as in
        `diagnose`; for the others the orbit decides.
        """
        found = []
        for i, orbit in enumerate(self._followed(loop, limits)):
            t, given, seen = orbit.trajectory, self.one(i), orbit.diagnosis
            state = t.tail[-1].reshape(self.first[i].shape)
            still = seen.outcome.bounded or seen.outcome is Outcome.UNDECIDED
            if seen.outcome in CALM or (still and seen.residual < QUIET):
                # the batch has shown already that the step is repeatable
                h = start(at(loop, 0), given)
                known = h, advance(at(loop, 0), h, given)
                case = Investigation(
                    loop, given, limits.loops, limits.limit, limits.products, limits.seed, known
                )
                case.sized(t)
                seen = verdict(case, orbit, len(t.steps))
                state = self.bare(packed(loop, seen.state, given).reshape(case.h.shape))
            settled = seen.outcome in CALM
            rho = seen.rho.value if settled and seen.rho is not None else None
            confirmed = seen.confirmed is not None and not seen.contradiction
            found.append(InputVerdict(seen.outcome, seen.period, rho, confirmed, state, t))
        return found

    def _followed(self, loop: LoopedMap, limits: TrialLimits) -> list[Followed]:
        given = self.inputs if self.each else [self.inputs]
        found = []
        for e in given:
            numbers = iter(range(2**62))

            def step(states: Array, e: Any = e, numbers: Iterator[int] = numbers) -> Array:
                now = at(loop, next(numbers))
                if self.each:
                    return np.array(advance(now, states[0], e), copy=True)[None]
                return np.array(advance(now, states, e), copy=True)

            h = start(at(loop, 0), e)
            h = h[None] if self.each else h
            found += follow(step, h, limits.loops, limits.limit)
        return found
