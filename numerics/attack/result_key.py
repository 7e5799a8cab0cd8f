"""The key of a result: a hash of what it depends on, which is derived again when it is read."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...support.sources import PACKAGE, source_digest
from ...theory.formulas import formula_modules
from .budget import Budget
from .case import digest
from .suite import Suite

SEARCH = f"{__package__}.search"
"""The module that draws and judges, which no suite imports."""


def result_key(suite: Suite, budget: Budget, seed: int) -> str:
    """Hash of the limits, the seed, the version of loopstab, and the sources.

    The sources are those of every function of the suite and of whatever their modules import, of
    the formulas, and of the search; not those of other packages, such as Hypothesis and NumPy.

    The key tells results of these sources from others. It has no secret, so it proves nothing about
    who wrote a result, or that the cases were tried.
    """
    return digest(
        {
            "suite": suite.label,
            "profile": asdict(budget),
            "seed": seed,
            "version": version("loopstab"),
            "source": _source(suite),
        }
    )


def modules_of(suite: Suite) -> tuple[str, ...]:
    """The modules that define the functions of a suite: how cases are drawn, checked and judged.

    Those of Hypothesis, which a strategy always carries along, are left out.
    """
    parts = [suite.cases, suite.judge, suite.larger, suite.broken]
    parts += [drop.cases for drop in suite.drops]
    found = {name for name in _modules(parts) if not name.startswith("hypothesis")}
    return tuple(sorted(found))


def _source(suite: Suite) -> str:
    """Hash of the sources of a suite; of modules outside loopstab, their own files alone."""
    modules = modules_of(suite)
    own = [name for name in modules if name.startswith(f"{PACKAGE}.")]
    found = sha256(source_digest(*own, *formula_modules(), SEARCH).encode())
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None)
        if name not in own and file is not None:
            found.update(f"{name} {sha256(Path(file).read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def _modules(pending: list[Any]) -> Iterator[str]:
    """The modules of these functions, and of all functions and objects that they carry along."""
    seen: dict[int, Any] = {}  # it keeps the objects alive, so that no id is used twice
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen[id(item)] = item
        if isinstance(item, list | tuple | set | frozenset):
            pending += item
        elif isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, partial):
            pending += [item.func, item.args, item.keywords]
        elif isinstance(item, types.MethodType):
            pending += [item.__self__, item.__func__]
        elif isinstance(item, types.FunctionType):
            yield item.__module__
            pending += [item.__defaults__, item.__kwdefaults__, *_closure(item)]
        elif isinstance(item, type):
            yield item.__module__
        elif is_dataclass(item) or callable(item):
            yield type(item).__module__
            if is_dataclass(item):
                pending += [getattr(item, field.name) for field in fields(item)]


def _closure(function: types.FunctionType) -> list[Any]:
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not filled yet
            continue
    return found
