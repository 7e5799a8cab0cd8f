"""A Python file in which a user defines a loop: `step`, `initial` and `e`, or `loop` and `e`."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...support.errors import LoopstabError, UsageError
from ...support.user_module import load

if TYPE_CHECKING:
    from types import ModuleType

    from ...numerics.loops.protocol import LoopedMap


def user_loop(file: Path) -> tuple[LoopedMap, Any]:
    """The loop and the input that a file defines; a step on torch tensors becomes a `TorchLoop`.

    Raises:
        UsageError: as in `load`; or a name stands for something that is no function.
    """
    file = file.absolute()  # tracebacks name files like this
    return loop_of(file, load(file, ("loop",), ("step", "initial")))


def loop_of(file: Path, module: ModuleType) -> tuple[LoopedMap, Any]:
    """The loop and the input that a module defines, which `load` made of a file.

    Raises:
        UsageError: a name stands for something that is no function.
    """
    from ...numerics.loops.function_loop import PRODUCTS, FunctionLoop
    from ...numerics.loops.protocol import LoopedMap

    e = getattr(module, "e", None)
    step = getattr(module, "step", None)
    own = getattr(module, "loop", getattr(step, "__self__", None))
    if isinstance(own, LoopedMap):
        return own, e
    initial = module.initial
    if callable(initial):
        initial = one_line(file, "initial", initial)
    step = one_line(file, "step", step)
    if _has_tensors(e) or _has_tensors(module.initial):
        from ...models.loops.torch_loop import TorchLoop

        return TorchLoop(step, initial), e
    products = {
        name: one_line(file, name, getattr(module, name))
        for name in PRODUCTS
        if hasattr(module, name)
    }
    return FunctionLoop(step, initial, **products), e


def _has_tensors(tree: Any) -> bool:
    """Whether a tree holds torch tensors; torch itself is not imported."""
    import optree

    return any(type(leaf).__module__.startswith("torch") for leaf in optree.tree_leaves(tree))


def one_line(file: Path, name: str, function: Any) -> Callable[..., Any]:
    """A function of the user, whose error becomes one line that names the line of the file."""
    if not callable(function):
        raise UsageError(f"{file}: {name} is {type(function).__name__}, not a function")

    @wraps(function)
    def called(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (LoopstabError, MemoryError):
            raise
        except Exception as error:  # the user must see whatever their function raises
            own = [
                frame.lineno
                for frame in traceback.extract_tb(error.__traceback__)
                if Path(frame.filename) == file
            ]
            place = f"{file}, line {own[-1]}" if own else str(file)
            raise UsageError(f"{place}: {name} raised {type(error).__name__}: {error}") from None

    return called
