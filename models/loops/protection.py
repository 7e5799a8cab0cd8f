"""The user's model is measured and left as it was; a step that changes it has a memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from ...numerics.loops.protocol import LoopError
from .process_state import random_numbers
from .reach import Reach, Used
from .snapshot import Snapshot

SHOWN = 6
"""Names in a message."""


class Guard:
    """Watches what functions can reach, and puts it back after the outermost `protect`.

    Args:
        roots: the functions, by name.
        modules: modules that they use; default None: those that `Reach` finds are used.

    Example:
        >>> import torch
        >>> from loopstab.models.loops.protection import Guard
        >>> net = torch.nn.Linear(2, 2)
        >>> with Guard({"step": net}).protect():
        ...     _ = net.eval()
        >>> net.training
        True
    """

    def __init__(self, roots: dict[str, Any], modules: Any = None):
        self._roots = dict(roots)
        if modules is not None:
            given = [modules] if isinstance(modules, nn.Module) else list(modules)
            self._roots |= {f"modules[{i}]": module for i, module in enumerate(given)}
        self._depth = 0
        self._looked: set[str] = set()
        self._before: Snapshot | None = None
        self._clones: dict[int, Any] = {}

    def reach(self) -> Reach:
        """What the functions can reach now."""
        return self._before.reach if self._before is not None else Reach(self._roots)

    @contextmanager
    def protect(self) -> Iterator[None]:
        """A context after which everything is as before; contexts inside it cost nothing.

        Raises `LoopError` at its end if the functions have changed parameters, buffers or other
        tensors in place.
        """
        self._depth += 1
        try:
            if self._depth > 1:
                yield
                return
            self._before, self._looked = self._snapshot(), set()
            found: list[Used] = []
            try:
                yield
            finally:
                before, self._before = self._before, None
                found = before.restore()
                self._clones = before.clones
            if found:
                raise LoopError(memory_message(found))
        finally:
            self._depth -= 1

    def check(self, function: str) -> None:
        """Raise `LoopError` if a call has changed tensors since `protect` began.

        The first call of each function is followed by a comparison of all contents, and later ones
        of what has a new version; the end of `protect` compares all contents again.
        """
        if self._before is None:
            return
        found = self._before.changed(contents=function not in self._looked)
        self._looked.add(function)
        if found:  # some operations change tensors and not their versions: name them all
            raise LoopError(memory_message(self._before.changed(contents=True)))

    def random_numbers(self) -> Any:
        """The state of all generators, as a function that restores it."""
        return random_numbers(self.reach().generators)

    def random_modules(self) -> list[str]:
        """Names of the submodules in training mode that draw random numbers, with their classes."""
        named = [(path, m) for path, m in self.reach().modules if m.training and _is_random(m)]
        return _in_words([(path, type(module).__name__) for path, module in named])

    def exchanged(self, call: Callable[[], object]) -> list[str]:
        """Names of the attributes, variables and containers of Python that a call changes."""
        with self.protect():
            before = self._snapshot()
            call()
            return _in_words([(name, "") for name in before.exchanged()])

    def _snapshot(self) -> Snapshot:
        try:
            return Snapshot(Reach(self._roots), self._clones)
        except ValueError as error:
            raise LoopError(
                f"the parameter {str(error).rpartition(':')[2]} is lazy and has no values yet:"
                " call the model once before you measure it"
            ) from None


def memory_message(found: list[Used]) -> str:
    """What a step has changed, by name, and what to do."""
    names = _in_words(
        [(used.name, type(used.owner).__name__ if used.owner else "") for used in found]
    )
    advice = (
        "make it a part of the state, or make a new tensor inside the step instead of changing one"
        " in place"
    )
    training = [u.owner for u in found if u.owner is not None and u.owner.training]
    if training and not any(isinstance(used.value, nn.Parameter) for used in found):
        library = all(type(owner).__module__.startswith("torch.") for owner in training)
        evaluation = "call .eval() on the model first"
        advice = evaluation if library else f"{evaluation}; if it still does, {advice}"
    return f"the step changes {', '.join(names)}: a step with memory is no looped map; {advice}"


def _in_words(found: list[tuple[str, str]]) -> list[str]:
    """Names, each run of one class with the class behind it; the prefix is left out if alone."""
    prefixes = {name.partition(":")[0] for name, _ in found if ":" in name}
    if len(prefixes) == 1:
        found = [(name.rpartition(":")[2] or name.rstrip(":"), kind) for name, kind in found]
    kinds = [kind for _, kind in found]
    words = [
        f"{name} ({kind})" if kind and kind not in kinds[i + 1 : i + 2] else name
        for i, (name, kind) in enumerate(found)
    ]
    more = len(words) - SHOWN
    return [*words[:SHOWN], f"and {more} more"] if more > 0 else words


def _is_random(module: nn.Module) -> bool:
    rate = getattr(module, "dropout", None)
    return (
        "drop" in type(module).__name__.lower()
        or isinstance(module, nn.RReLU)
        or (isinstance(rate, float) and rate > 0)
    )
