"""What a function uses: the modules, tensors, containers and generators that it can change."""

from __future__ import annotations

import random
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

LIBRARIES = {
    *sys.stdlib_module_names,
    *("torch", "numpy", "scipy", "optree", "matplotlib"),
    __name__.partition(".")[0],
}
"""Packages whose objects are not looked into."""
PACKAGE = Path(__file__).resolve().parents[2]
LARGEST = 10_000
"""Largest container whose entries are looked at."""
NAMESPACES = (types.SimpleNamespace,)
REGISTERED = ("_parameters", "_buffers", "_modules")
GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)


@dataclass(frozen=True)
class Used:
    """A tensor or an array that a function can change.

    Args:
        name: its path from the module that holds it, or the name of its variable.
        value: the tensor or the array.
        owner: the module that holds it directly; None if none does.
        registered: whether it is a parameter or a buffer of the owner.
    """

    name: str
    value: Any
    owner: nn.Module | None
    registered: bool


class Reach:
    """Everything that functions can reach and change.

    That is what they hold in closures, default arguments, attributes and bound objects, and in the
    global variables that their code names; and so on, through containers, objects of the user's
    classes and functions of the user, but not into libraries.

    Args:
        roots: functions, modules and other objects, each with a name.

    Example:
        >>> import torch
        >>> from loopstab.models.loops.reach import Reach
        >>> net = torch.nn.Sequential(torch.nn.BatchNorm1d(2))
        >>> found = Reach({"step": lambda h, e: net(h) + e})
        >>> [used.name for used in found.used if used.registered][:3]
        ['net:0.running_mean', 'net:0.running_var', 'net:0.num_batches_tracked']
    """

    def __init__(self, roots: dict[str, Any]):
        self.modules: list[tuple[str, nn.Module]] = []
        """Modules and their paths; the path of an outermost one is its variable and a colon."""
        self.used: list[Used] = []
        self.holders: list[tuple[str, Any]] = []
        """Dicts, lists, sets and deques, with their names: their entries may be exchanged."""
        self.cells: list[tuple[str, types.CellType, Any]] = []
        self.globals: list[tuple[dict[str, Any], str, Any]] = []
        self.generators: list[Any] = []
        self._seen: set[int] = set()
        self._alive: list[Any] = []  # so that no id is used twice
        self._waiting: list[tuple[str, Any, nn.Module | None, bool]] = [
            (name, value, None, False) for name, value in reversed(roots.items())
        ]
        while self._waiting:
            self._visit(*self._waiting.pop())

    def _visit(self, name: str, value: Any, owner: nn.Module | None, registered: bool) -> None:
        if value is None or isinstance(value, str | bytes | int | float | complex | type):
            return
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        self._alive.append(value)
        if isinstance(value, Tensor | np.ndarray):
            self.used.append(Used(name, value, owner, registered))
        elif isinstance(value, nn.Module):
            self._module(name if registered else f"{name}:", value)
        elif isinstance(value, GENERATORS):
            self.generators.append(value)
        elif isinstance(value, types.MethodType):
            self._push(name, [("", value.__self__), ("", value.__func__)])
        elif isinstance(value, partial):
            self._push(name, [("", value.func), ("", value.args), ("", value.keywords)])
        elif isinstance(value, types.FunctionType):
            self._function(name, value)
        elif isinstance(value, dict | list | set | deque | tuple):
            self._container(name, value)
        elif _is_own(type(value)):
            self._object(name, value)

    def _module(self, path: str, module: nn.Module) -> None:
        self.modules.append((path, module))
        if isinstance(module, torch.jit.ScriptModule):  # its attributes are not in Python
            for name, tensor in (*module.named_parameters(), *module.named_buffers()):
                self._waiting.append((_joined(path, name), tensor, module, False))
            return
        attributes = vars(module)
        self.holders.append((path, attributes))
        for key, value in attributes.items():
            if key not in REGISTERED:
                self._waiting.append((_joined(path, key), value, module, False))
                continue
            self.holders.append((path, value))
            self._seen.add(id(value))
            for inner, entry in reversed(value.items()):
                self._waiting.append((_joined(path, inner), entry, module, True))
        if _is_own(type(module)):
            self._push("", [("", f) for f in _methods(type(module))])

    def _object(self, name: str, value: Any) -> None:
        if hasattr(value, "__dict__"):
            self.holders.append((name, vars(value)))
            self._push(name, vars(value).items())
        slots = [s for kind in type(value).__mro__ for s in getattr(kind, "__slots__", ())]
        self._push(name, [(s, getattr(value, s, None)) for s in slots])
        self._push(name, [("", f) for f in _methods(type(value))])

    def _container(self, name: str, value: Any) -> None:
        if not isinstance(value, tuple):
            self.holders.append((name, value))
        if len(value) <= LARGEST:
            items = value.items() if isinstance(value, dict) else enumerate(value)
            self._push(name, [(str(key), entry) for key, entry in items])

    def _function(self, name: str, function: types.FunctionType) -> None:
        if (inner := getattr(function, "__wrapped__", None)) is not None:
            self._push(name, [("", inner)])
        compiled = getattr(function, "_torchdynamo_orig_callable", None)
        self._push(name, [("", compiled)])
        if not _is_own_file(function.__code__.co_filename):
            return
        self.holders.append((name, vars(function)))
        self._push(name, vars(function).items())
        code, defaults = function.__code__, function.__defaults__ or ()
        given = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
        self._push("", zip(given, defaults, strict=True))
        self._push("", (function.__kwdefaults__ or {}).items())
        for variable, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
            self.cells.append((variable, cell, content))
            self._push("", [(variable, content)])
        names = set(_names(code))
        for variable in sorted(names & function.__globals__.keys()):
            content = function.__globals__[variable]
            self.globals.append((function.__globals__, variable, content))
            if isinstance(content, types.ModuleType):
                if _is_own_name(content.__name__):
                    inside = vars(content)
                    self._push("", [(key, inside[key]) for key in sorted(names & inside.keys())])
            else:
                self._push("", [(variable, content)])

    def _push(self, name: str, items: Iterable[tuple[Any, Any]]) -> None:
        self._waiting.extend(
            (_joined(name, str(key)), value, None, False)
            for key, value in items
            if value is not None and not isinstance(value, str | int | float)
        )


def _joined(path: str, key: str) -> str:
    return f"{path}{'' if path.endswith(':') else '.'}{key}" if path and key else path or key


def _names(code: types.CodeType) -> Iterator[str]:
    """Names of global variables and attributes in a code object and those inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _methods(kind: type) -> Iterator[Any]:
    """The user's functions among the methods of a class and its bases."""
    for base in kind.__mro__:
        if _is_own(base):
            yield from (f for f in vars(base).values() if isinstance(f, types.FunctionType))


def _is_own(kind: type) -> bool:
    return issubclass(kind, NAMESPACES) or _is_own_name(kind.__module__)


def _is_own_name(module: str) -> bool:
    return str(module).partition(".")[0] not in LIBRARIES


@cache
def _is_own_file(name: str) -> bool:
    """Whether the user wrote the code in it: it is no part of a library or of this package."""
    path = Path(name)
    if {"site-packages", "dist-packages"} & set(path.parts):
        return False
    if not path.is_absolute() or not path.exists():
        return True  # a notebook, a prompt, or code that was made on the spot
    inside = path.resolve().parents
    return Path(sysconfig.get_path("stdlib")).resolve() not in inside and not _in_package(path)


def _in_package(path: Path) -> bool:
    inside = path.resolve().parents
    floors = ("support", "theory", "numerics", "models", "paper_figures")
    return any(PACKAGE / floor in inside for floor in floors)
