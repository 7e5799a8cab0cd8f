"""A Python file of a user, executed for the names that it defines."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from .errors import UsageError

LOOP = "it must define step(h, e), initial(e) and an array e"


def load(
    file: Path,
    *choices: tuple[str, ...],
    needed: tuple[str, ...] = ("step", "initial", "e"),
    advice: str = LOOP,
) -> ModuleType:
    """Execute a file and check that it defines what is needed.

    Args:
        file: the file.
        *choices: sets of names, one of which suffices; default: all of `needed`.
        needed: the names that an error asks for.
        advice: what the error says that a file must define.

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
    if any(all(hasattr(module, name) for name in names) for names in choices):
        return module
    missing = [name for name in needed if not hasattr(module, name)]
    if missing:
        raise UsageError(f"{file} defines no {', '.join(missing)}: {advice}")
    return module
