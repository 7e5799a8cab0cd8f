"""How a model carries a state from one call of its submodule to the next."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ...numerics.loops.protocol import LoopError
from .calls import ROUNDINGS, Place, RecordedCall, alike, close, combined, part, parts


@dataclass(frozen=True)
class CarriedState:
    """How the state goes from one call to the next.

    Args:
        places: the arguments that hold it.
        path: where it stands in the output.
        residual: whether the model adds the output to the state, h + core(h).
        shift: what else the model adds between two calls; None if nothing.
    """

    places: tuple[Place, ...]
    path: tuple[Place, ...]
    residual: bool = False
    shift: Any = None

    def state(self, call: RecordedCall) -> Any:
        """The state before a recorded call."""
        held = call.arguments[self.places[0]]
        plain = self.residual or self.shift is None
        return held if plain else combined(operator.sub, held, self.shift)

    def next_state(self, call: RecordedCall) -> Any:
        """The state after a recorded call."""
        return self._after(call.arguments[self.places[0]], call.output, self.shift)

    def image(
        self, core: Callable[..., Any], h: Any, arguments: dict[Place, Any], shift: Any
    ) -> Any:
        """The state after a new call.

        Args:
            core: the submodule.
            h: the state before.
            arguments: the other arguments.
            shift: what the model adds.
        """
        plain = self.residual or shift is None
        arguments = arguments | dict.fromkeys(
            self.places, h if plain else combined(operator.add, h, shift)
        )
        ordered = [arguments[i] for i in sorted(key for key in arguments if isinstance(key, int))]
        named = {key: value for key, value in arguments.items() if isinstance(key, str)}
        return self._after(h, core(*ordered, **named), shift)

    def _after(self, h: Any, output: Any, shift: Any) -> Any:
        out = part(output, self.path)
        if not self.residual:
            return out
        out = combined(operator.add, h, out)
        return out if shift is None else combined(operator.add, out, shift)


def find_carried(calls: list[RecordedCall], loop: str, state: Place | None) -> CarriedState:
    """How the state is carried: as it is, or with what the model adds between the calls.

    Args:
        calls: the recorded calls, at least two.
        loop: the name of the submodule, for messages.
        state: the argument that is the state, if it is known.

    Raises:
        LoopError: no argument is carried in one of these ways.
    """
    pairs = list(pairwise(calls))
    places = [key for key in calls[0].arguments if state is None or key == state]
    if not places:
        known = ", ".join(repr(key) for key in calls[0].arguments) or "no arguments"
        raise LoopError(f"{loop!r} has no argument {state!r}; it is called with {known}")
    shaped = [
        (place, path)
        for path, output in parts(calls[0].output).items()
        for place in places
        if alike(calls[0].arguments[place], output)
    ]
    for _, path in shaped:
        same = [
            place
            for place, at in shaped
            if at == path
            and all(close(b.arguments.get(place), part(a.output, path)) for a, b in pairs)
        ]
        if same:
            return CarriedState(tuple(same), path)
    if len(pairs) > 1:  # after two calls, h + core(h) may be core(h) + constant as well
        for place, path in shaped:
            plain = CarriedState((place,), path, residual=True)
            after = [(b.arguments[place], plain.next_state(a)) for a, b in pairs]
            if all(close(held, value, ROUNDINGS) for held, value in after):
                return plain
        for place, path in shaped:
            for residual in (False, True):
                found = _with_shift(pairs, place, path, residual)
                if found is not None:
                    return found
    raise LoopError(_refusal(calls, loop, shaped))


def _with_shift(
    pairs: list[tuple[RecordedCall, RecordedCall]],
    place: Place,
    path: tuple[Place, ...],
    residual: bool,
) -> CarriedState | None:
    """The same tensor is added after every call, and the outputs move, so that this is seen."""
    plain = CarriedState((place,), path, residual)
    after = [plain.next_state(a) for a, _ in pairs]
    shift = combined(operator.sub, pairs[0][1].arguments[place], after[0])
    if close(after[0], after[1], ROUNDINGS):
        return None
    shifted = [combined(operator.add, value, shift) for value in after]
    held = [b.arguments[place] for _, b in pairs]
    same = all(close(a, b, ROUNDINGS) for a, b in zip(held, shifted, strict=True))
    return CarriedState((place,), path, residual, shift) if same else None


def _refusal(calls: list[RecordedCall], loop: str, shaped: list[Any]) -> str:
    by_hand = "write one iteration as a function step(h, e) and give it to TorchLoop"
    if not shaped:
        return (
            f"no argument of {loop!r} has the structure and shapes of its output, so none is the"
            f" state: name the submodule that maps a state to a state, or {by_hand}"
        )
    if len(calls) < 3:
        return (
            f"the model changes the state between the two calls of {loop!r}: ask it for three"
            f" iterations or more, so that it shows how, or {by_hand}"
        )
    return (
        f"the model changes the state between the calls of {loop!r}, and not by adding a constant:"
        f" name a submodule that encloses the change, or {by_hand}"
    )
