"""Regime of a user's own loop."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Annotated, Any

import tyro

from theory.errors import UsageError


def diagnose(
    file: Annotated[Path, tyro.conf.Positional],
    loops: int = 2000,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Diagnose a loop of your own: a Python file that defines step(h, e), initial(e) and an array `e`.

    The file is executed. Exit status 1 if the loop returns non-finite values. Example: loopstab diagnose mine.py --json

    Args:
        file: Python file with step, initial and e (NumPy).
        loops: Loops to run at most.
        seed: Seed of the perturbation and of the eigenvalue solver.
        json_: Print the diagnosis as JSON.
    """
    from numerics import FunctionLoop, Outcome, check_loop
    from numerics import diagnose as measure

    module = _load(file)
    missing = [name for name in ("step", "initial", "e") if not hasattr(module, name)]
    if missing:
        raise UsageError(f"{file} defines no {', '.join(missing)}: it must define step(h, e), initial(e) and an array e")
    loop = FunctionLoop(module.step, module.initial)
    check_loop(loop, module.e)
    result = measure(loop, module.e, loops=loops, seed=seed)
    print(json.dumps(result.to_json(), indent=1) if json_ else "\n".join(f"{k}: {v}" for k, v in result.to_json().items()))
    return 1 if result.outcome is Outcome.NON_FINITE else 0


def _load(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location("user_loop", file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"no Python file at {file}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises is the user's to see, in one line
        raise UsageError(f"{file} cannot be executed: {type(error).__name__}: {error}") from None
    return module
