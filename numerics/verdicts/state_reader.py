"""The answers at the states of several inputs: which they are, and which of them are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...support.errors import UsageError
from ..arrays import Array
from .input_set import InputSet

EXACT = "biuUS"
"""Kinds of arrays that can be compared exactly."""


@dataclass(frozen=True)
class StateReader:
    """How the states of some inputs are read.

    Args:
        inputs: the inputs.
        readout: the answer at a state, in the structure of the loop's functions; None: not known.
        correct: whether the answer of input i is right at a state; None: not known.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop
        >>> from loopstab.numerics.verdicts.state_reader import StateReader
        >>> from loopstab.numerics.verdicts.input_set import InputSet
        >>> inputs = InputSet(FunctionLoop(lambda h, e: h / 2 + e, np.zeros_like), np.eye(2))
        >>> read = StateReader(inputs, np.argmax, lambda i, h: np.argmax(h) == i)
        >>> read.of([np.array([1.0, 0.0]), np.array([2.0, 1.0])])
        [array(0), array(0)]
        >>> read.right([np.array([1.0, 0.0]), np.array([2.0, 1.0])])
        0.5
    """

    inputs: InputSet
    readout: Callable[[Any], Any] | None = None
    correct: Callable[[int, Any], bool] | None = None

    def of(self, states: list[Array]) -> list[Array]:
        """The answer of every input at its state; none without a readout.

        Raises:
            UsageError: the readout raises an error, or returns numbers that are not exact.
        """
        if self.readout is None:
            return []
        return [self._answer(self.inputs.shown(i, h)) for i, h in enumerate(states)]

    def right(self, states: Sequence[Array | None]) -> float | None:
        """The share of the inputs whose answer is right; None where nobody says so.

        An input without a state has no answer.
        """
        if self.correct is None:
            return None
        found = [False for h in states if h is None]
        for i, h in enumerate(states):
            if h is None:
                continue
            state = self.inputs.shown(i, h)
            try:
                found.append(bool(self.correct(i, state)))
            except Exception as error:  # the user must see whatever their function raises
                raise UsageError(_raised("correct", error)) from error
        return float(np.mean(found))

    def _answer(self, state: Any) -> Array:
        assert self.readout is not None
        try:
            answer = self.readout(state)
        except Exception as error:  # the user must see whatever their function raises
            raise UsageError(_raised("readout", error)) from error
        detach: Any = getattr(answer, "detach", None)
        found = np.asarray(answer if detach is None else detach().cpu().numpy())
        if found.dtype.kind not in EXACT:
            raise UsageError(
                f"readout returned {found.dtype}: return the answer itself, as integers, truth"
                " values or text, for example logits.argmax(-1)"
            )
        return found


def same(a: list[Array], b: list[Array]) -> list[bool]:
    """Which answers are equal.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.verdicts.state_reader import same
        >>> same([np.array(1), np.array(2)], [np.array(1), np.array(3)])
        [True, False]
    """
    return [np.array_equal(x, y) for x, y in zip(a, b, strict=True)]


def _raised(name: str, error: Exception) -> str:
    return f"{name} raised {type(error).__name__}: {' '.join(str(error).split())[:200]}"
