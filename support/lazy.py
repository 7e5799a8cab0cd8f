"""Public names that are imported on first use and listed once, in a stub beside the package."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def attach(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make `__getattr__`, `__dir__` and `__all__` for a package from its `__init__.pyi`.

    The stub holds one line for each public name, such as
    `from .numerics.verdicts.diagnose import diagnose as diagnose`. Type checkers read it too,
    so there is no second list to keep in step.

    Args:
        package: `__name__` of the package.
        file: `__file__` of the package; the stub lies beside it.

    Returns:
        The three values, in the order in which the package's `__init__.py` assigns them.
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_bytes())
    homes = {
        alias.name: f".{node.module}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    names = sorted(homes)
    return get, lambda: names, names
