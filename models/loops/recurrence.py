"""Find the loop inside a model: the submodule that it calls again and again on its own output."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ...numerics.loops.protocol import LoopError
from .calls import ROUNDINGS, Place, RecordedCall, close, part_of, record_calls
from .carried_state import CarriedState, find_carried
from .tensor_structure import to_tensor
from .torch_loop import TorchLoop


def recurrence(
    module: nn.Module, loop: str = "core", input: Any = None, *, state: Place | None = None
) -> tuple[TorchLoop, Any]:
    """The loop of a model that calls one of its submodules or methods again and again.

    The model is run once, and the arguments and outputs of the submodule are recorded. The argument
    that equals the output of the call before is the state; the others are frozen as the input of
    the loop. A model that adds the output to the state, or adds a constant tensor to it between
    the calls, is understood as well. Integers that grow from call to call become the time of the
    step. At last the loop is held against the recorded run. The model is left as it was.

    Args:
        module: the model, called as it is in use; put it into evaluation mode first.
        loop: the name of the submodule, as in `module.named_modules()`, or of a method of the model
            or of a submodule that does one iteration ("transformer.one_loop"); default "core".
        input: the input of the model: a tensor, a tuple of arguments, or a dict of keywords.
        state: the position or the keyword of the argument that is the state; default None: it is
            found.

    Returns:
        The loop, which starts where the model starts, and its input e: the tensors that stay the
        same from call to call, alone or in a dict by argument; None if there are none.

    Raises:
        LoopError: the submodule does not exist or is called less than twice, no argument is its
            output before, or other arguments change from call to call; the message says what was
            found and what to do.

    Example:
        >>> import torch
        >>> from loopstab import diagnose, recurrence
        >>> class Model(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.core = torch.nn.GRUCell(3, 3)
        ...     def forward(self, x):
        ...         h = torch.zeros_like(x)
        ...         for _ in range(4):
        ...             h = self.core(x, h)
        ...         return h
        >>> _ = torch.manual_seed(0)
        >>> loop, e = recurrence(Model().double(), "core", torch.ones(2, 3).double())
        >>> str(diagnose(loop, e).outcome)
        'fixed-point'
    """
    calls, core = record_calls(module, loop, input), part_of(module, loop)
    carried = find_carried(calls, loop, state)
    rest = {k: v for k, v in calls[0].arguments.items() if k not in carried.places}
    times = _times(calls, rest, loop)
    held = {str(key): value for key, value in rest.items() if isinstance(value, Tensor)}
    if carried.shift is not None:
        held["added"] = carried.shift
    single = len(held) == 1 and isinstance(next(iter(held.values())), Tensor)
    e = next(iter(held.values())) if single else held or None

    def step(h: Any, e: Any, t: int) -> Any:
        given = {next(iter(held)): e} if single else e or {}
        arguments = {key: given.get(str(key), value) for key, value in rest.items()}
        arguments |= {key: start + t * by for key, (start, by) in times.items()}
        return carried.image(core, h, arguments, given.get("added"))

    first = carried.state(calls[0])
    timed = step if times else lambda h, e: step(h, e, 0)
    found = TorchLoop(timed, first, modules=[module])
    for time, call in enumerate(calls):
        _check(found.at(time) if times else found, e, call, carried, loop)
    return found, e


def _times(
    calls: list[RecordedCall], rest: dict[Place, Any], loop: str
) -> dict[Place, tuple[int, int]]:
    """The first value and the increment of every argument that counts the calls."""
    found = {}
    for place, first in rest.items():
        values = [call.arguments.get(place) for call in calls]
        if all(close(value, first) for value in values):
            continue
        by = values[1] - first if all(type(value) is int for value in values) else 0
        if not by or values != [first + by * t for t in range(len(values))]:
            raise LoopError(
                f"the argument {place!r} of {loop!r} changes from call to call, so the loop depends"
                " on the time: write it as step(h, e, t) for TorchLoop, or keep the argument fixed"
                " in the model"
            )
        found[place] = (first, by)
    return found


def _check(found: TorchLoop, e: Any, call: RecordedCall, carried: CarriedState, loop: str) -> None:
    """The loop must do what the model did in a recorded call."""
    h, wanted = (found.pack(s, e) for s in (carried.state(call), carried.next_state(call)))
    if not close(to_tensor(found.step(h, e)), to_tensor(wanted), ROUNDINGS):
        raise LoopError(
            f"{loop!r} gives another result when it is called again with the same arguments: it is"
            " random or keeps a memory; call module.eval() first"
        )
