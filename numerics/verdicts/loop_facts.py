"""What decides which changes are candidates for a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import Array
from ..loops.protocol import LoopError, advance, arrays, at, start
from .baseline import SLOW, Baseline
from .candidates import Facts
from .input_set import InputSet

OTHERS = 3
"""Other inputs with which the step of an input is tried."""


def loop_facts(base: Baseline) -> Facts:
    """What is known of a loop on its inputs.

    Args:
        base: what the loop does.
    """
    inputs, loop = base.inputs, base.inputs.loop
    new = [
        np.asarray(advance(at(loop, 0), inputs.whole(h), inputs.one(i)))
        for i, h in enumerate(inputs.first)
    ]
    size = float(np.median([np.sqrt(np.mean(np.square(h, dtype=np.float64))) for h in new]))
    parts = "" if inputs.plain else "the state has several parts, and only you know which to change"
    one_number = "" if inputs.first[0].shape[-1:] > (1,) else "a norm of one number keeps its sign"
    e = inputs.one(0)
    return Facts(
        unsettled=bool(base.moving),
        slow=bool(base.slow),
        blind=e is not None and not reads_input(inputs),
        inputless=e is None,
        factor=base.damping_factor,
        recall=parts or recalled(inputs)[1],
        norm=parts or one_number,
        scale="" if _one_array(inputs, e) else "the input is no single array of floats",
        size=size,
        at_zero=not any(h.any() for h in inputs.first),
    )


def problems(base: Baseline, facts: Facts) -> tuple[str, ...]:
    """What is wrong with a loop, one sentence each; empty if nothing needs a change.

    Args:
        base: what the loop does.
        facts: what is known of it.
    """
    out = []
    if base.moving:
        total, count = len(base.inputs), len(base.moving)
        words = f"{count} of {total} inputs {'does' if count == 1 else 'do'} not settle"
        out.append(words if total > 1 else "the input does not settle")
    if facts.blind:
        out.append("the step does not read its input, which enters through the start alone")
    if facts.slow:
        out.append(
            f"an input that settles needs more than {SLOW} iterations for 8 digits, as its"
            " spectral radius predicts"
        )
    return tuple(out)


def recalled(inputs: InputSet) -> tuple[Callable[[Any], Array] | None, str]:
    """What a recall can add to the state, as a function of the input; or None and the reason.

    It is the input where it has the shape of the state, and otherwise the first state, where that
    depends on the input.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop
        >>> from loopstab.numerics.verdicts.input_set import InputSet
        >>> from loopstab.numerics.verdicts.loop_facts import recalled, reads_input
        >>> inputs = InputSet(FunctionLoop(lambda h, e: np.tanh(h), np.copy), np.eye(2))
        >>> recalled(inputs)[0](np.ones((1, 2))), reads_input(inputs)
        (array([[1., 1.]]), False)
    """
    loop, first, e = inputs.loop, inputs.first, inputs.one(0)
    if _one_array(inputs, e) and arrays(loop, e)[0].shape == inputs.whole(first[0]).shape:
        return lambda given: arrays(loop, given)[0], ""
    alike = len(first) > 1 and all(np.array_equal(h, first[0]) for h in first)
    if first[0].any() and not alike:
        return lambda given: start(at(loop, 0), given), ""
    return None, "nothing that depends on the input has the shape of the state"


def reads_input(inputs: InputSet) -> bool:
    """Whether another input changes the step at a first state or at its image.

    True where that cannot be told: one input of several arrays, or images that are not finite.

    Args:
        inputs: the inputs, with the loop.
    """
    loop, compared = at(inputs.loop, 0), False
    for i, h in enumerate(inputs.first):
        own = inputs.one(i)
        others = [inputs.one(k) for k in range(len(inputs)) if k != i][:OTHERS]
        if all(_equal(inputs, own, other) for other in others):
            if not _one_array(inputs, own):
                return True
            others = [2.0 * own, own + 1.0]
        state = inputs.whole(h)
        for now in (state, np.array(advance(loop, state, own), copy=True)):
            here = np.array(advance(loop, now, own), copy=True)
            if not np.isfinite(here).all():
                break
            compared = True
            if any(_differs(inputs, now, here, other) for other in others):
                return True
    return not compared


def _differs(inputs: InputSet, h: Array, here: Array, other: Any) -> bool:
    try:
        there = advance(at(inputs.loop, 0), h, other)
    except LoopError:  # an input of another shape
        return False
    return not np.array_equal(here, there, equal_nan=True)


def _equal(inputs: InputSet, a: Any, b: Any) -> bool:
    pairs = arrays(inputs.loop, a), arrays(inputs.loop, b)
    if len(pairs[0]) != len(pairs[1]):
        return False
    return all(np.array_equal(x, y) for x, y in zip(*pairs, strict=True))


def _one_array(inputs: InputSet, e: Any) -> bool:
    """Whether an input is one array of floats, on which one can compute."""
    if e is None or not hasattr(e, "__rmul__"):
        return False
    leaves = arrays(inputs.loop, e)
    return len(leaves) == 1 and leaves[0].dtype.kind == "f"
