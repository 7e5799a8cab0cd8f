"""A Python file in which a user defines a loop."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ...support.errors import LoopstabError, UsageError


def load(file: Path) -> ModuleType:
    """Execute a file that defines step(h, e), initial(e) and e.

    Raises:
        UsageError: there is no such file, it cannot be executed, or it does not define them.
    """
    # as for a script, so that the file can import the modules beside it
    sys.path.insert(0, str(file.resolve().parent))
    spec = importlib.util.spec_from_file_location("user_loop", file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"no Python file at {file}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user must see whatever their file raises
        raise UsageError(f"{file} cannot be executed: {type(error).__name__}: {error}") from None
    missing = [name for name in ("step", "initial", "e") if not hasattr(module, name)]
    if missing:
        raise UsageError(
            f"{file} defines no {', '.join(missing)}: it must define step(h, e), initial(e) and an"
            " array e"
        )
    return module


def one_line(file: Path, name: str, function: Any) -> Callable[..., Any]:
    """A function of the user, whose error becomes one line that names the line of the file."""
    if not callable(function):
        raise UsageError(f"{file}: {name} is {type(function).__name__}, not a function")

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
