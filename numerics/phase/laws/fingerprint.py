"""What tells two versions of a user's functions apart: their code, and all that it refers to."""

from __future__ import annotations

import dis
import functools
import hashlib
import importlib
import random
import sys
import sysconfig
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ....support.sources import PACKAGE, source_digest

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range, slice)
LIBRARIES = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")
)
"""Folders whose modules are known by the version of their package."""
CODE = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags")
SKIPPED = ("__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__")
"""Entries of a class that do not change what it does."""


class Fingerprint:
    """A digest of objects: functions by their code, and everything that they refer to.

    The values of closures, defaults, attributes and global variables count, as do functions and
    classes of the user; a function of a library counts by its name and the version of its package,
    and a module of the user by its text and by what is taken from it.

    Args:
        roots: the objects, by name.

    Attributes:
        libraries: the top-level packages that they refer to.
        untold: the first object of which no digest exists, such as a random number generator;
            empty if there is none.

    Example:
        >>> from loopstab.numerics.phase.laws.fingerprint import Fingerprint
        >>> def decay(rate):
        ...     return lambda h, e: rate * h + e
        >>> one, same, other = (Fingerprint({"step": decay(r)}) for r in (0.5, 0.5, 0.6))
        >>> one.digest == same.digest, one.digest == other.digest
        (True, False)
    """

    def __init__(self, roots: Mapping[str, Any]):
        self.libraries: set[str] = set()
        self.untold = ""
        self._hash = hashlib.sha256()
        self._seen: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no id is used twice
        self._add("python", *sys.version_info[:3])
        for name, value in roots.items():
            self._add(name)
            self._visit(name, value)

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal digits."""
        return self._hash.hexdigest()

    def _add(self, *parts: Any) -> None:
        for part in parts:
            raw = part if isinstance(part, bytes) else repr(part).encode()
            self._hash.update(f"{type(part).__name__} {len(raw)} ".encode() + raw)

    def _visit(self, name: str, value: Any) -> None:
        if isinstance(value, PLAIN):
            self._add(value)
            return
        if id(value) in self._seen:
            self._add("seen", self._seen[id(value)])
            return
        self._seen[id(value)] = len(self._seen)
        self._alive.append(value)
        self._add(type(value).__name__)
        if isinstance(value, np.ndarray | np.generic) or _is_tensor(value):
            self._array(name, value)
        elif isinstance(value, types.FunctionType):
            self._function(name, value)
        elif isinstance(value, types.MethodType):
            self._parts(name, {"self": value.__self__, "function": value.__func__})
        elif isinstance(value, functools.partial):
            self._parts(name, {"f": value.func, "args": value.args, "keywords": value.keywords})
        elif isinstance(value, list | tuple):
            self._parts(name, dict(enumerate(value)))
        elif isinstance(value, dict):
            self._parts(name, {"keys": list(value), "values": list(value.values())})
        elif isinstance(value, set | frozenset):
            self._add(*sorted(Fingerprint({"": item}).digest for item in value))
        elif isinstance(value, types.ModuleType):
            self._module(value)
        elif isinstance(value, type):
            self._class(name, value)
        elif isinstance(value, types.BuiltinFunctionType):
            self._add(value.__name__, self._library(value.__module__))
            self._visit(name, value.__self__)
        elif isinstance(value, np.ufunc):
            self._add(value.__name__, self._library("numpy"))
        elif isinstance(value, staticmethod | classmethod):
            self._visit(name, value.__func__)
        elif isinstance(value, property):
            self._visit(name, value.fget)
        else:
            self._object(name, value)

    def _parts(self, name: str, parts: Mapping[Any, Any]) -> None:
        self._add(len(parts))
        for key, part in parts.items():
            self._add(key)
            self._visit(f"{name}.{key}", part)

    def _array(self, name: str, value: Any) -> None:
        if _is_tensor(value):
            self.libraries.add("torch")
            self._add(str(value.dtype), tuple(value.shape))
            value = value.detach().cpu().tolist()  # exact, for every dtype
        elif value.dtype.hasobject:
            value = value.tolist()
        else:
            self._add(value.dtype.str, value.shape, value.tobytes())
            return
        self._visit(name, value)

    def _function(self, name: str, value: types.FunctionType) -> None:
        typed = value.__code__.co_filename.startswith("<")  # at a prompt, in whatever module
        library = None if typed else self._library(value.__module__)
        if library is not None:
            self._add(value.__qualname__, library)
            return
        cells = [cell.cell_contents for cell in value.__closure__ or () if _filled(cell)]
        self._parts(name, {"": value.__defaults__, "kw": value.__kwdefaults__, "of": cells})
        names = self._code(value.__code__)
        if "torch" in names:
            self.libraries.add("torch")
        used = {key: value.__globals__[key] for key in names if key in value.__globals__}
        for key in _imports(value.__code__):
            try:
                used[key] = importlib.import_module(key)
            except ImportError:  # the step says so when it runs
                self._add(key)
        for key, part in used.items():
            self._add(key)
            self._visit(key, part)
            if isinstance(part, types.ModuleType):
                self._taken(key, part, names, ())

    def _taken(
        self, name: str, module: types.ModuleType, names: list[str], inside: tuple[Any, ...]
    ) -> None:
        """Add what a function that uses some names may take from a module of the user."""
        if module in inside or self._library(module.__name__) is not None:
            return
        for key, part in ((key, vars(module)[key]) for key in names if key in vars(module)):
            self._add(key)
            self._visit(f"{name}.{key}", part)
            if isinstance(part, types.ModuleType):
                self._taken(f"{name}.{key}", part, names, (*inside, module))

    def _code(self, code: types.CodeType) -> list[str]:
        """Add the code; returns the names that it uses."""
        self._add(*(getattr(code, part) for part in CODE))
        names = list(code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                names += self._code(constant)
            else:
                self._add(
                    sorted(constant, key=repr) if isinstance(constant, frozenset) else constant
                )
        return list(dict.fromkeys(names))

    def _module(self, value: types.ModuleType) -> None:
        library = self._library(value.__name__)
        text = Path(value.__file__).read_bytes() if library is None and value.__file__ else b""
        self._add(value.__name__, library, text)

    def _class(self, name: str, value: type) -> None:
        if (library := self._library(value.__module__)) is not None:
            self._add(value.__qualname__, library)
            return
        own = {key: part for key, part in vars(value).items() if key not in SKIPPED}
        self._parts(name, {key: part for key, part in own.items() if not _slot(part)})
        self._parts(name, dict(enumerate(value.__bases__)))

    def _object(self, name: str, value: Any) -> None:
        self._visit(name, type(value))
        state = getattr(value, "__dict__", None)
        if state is None or isinstance(value, random.Random):
            self.untold = self.untold or f"{name} ({type(value).__name__})"
            return
        self._parts(name, state)

    def _library(self, module: str | None) -> str | None:
        """The package of a module and its version; None for a module of the user."""
        found = sys.modules.get(module or "")
        top = (module or "").partition(".")[0]
        path = getattr(found, "__file__", None)
        if found is None or top == "__main__":
            return None
        file = None if path is None else Path(path).resolve()
        if top == PACKAGE:
            return f"{module} {source_digest(str(module))}"
        if file is not None and not any(file.is_relative_to(folder) for folder in LIBRARIES):
            return None
        self.libraries.add(top)
        return f"{module} {getattr(sys.modules.get(top), '__version__', '')}"


def _imports(code: types.CodeType) -> list[str]:
    """The modules that a function imports when it runs, by absolute names."""
    done = [one for one in dis.get_instructions(code) if one.opname != "EXTENDED_ARG"]
    found = [
        one.argval
        for level, _, one in zip(done, done[1:], done[2:], strict=False)
        if one.opname == "IMPORT_NAME" and level.argval == 0
    ]
    inner = [part for part in code.co_consts if isinstance(part, types.CodeType)]
    return [*found, *(key for part in inner for key in _imports(part))]


def _filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _is_tensor(value: Any) -> bool:
    """Whether it is one of torch, which is not imported here."""
    return hasattr(type(value), "detach") and hasattr(type(value), "dtype")


def _slot(value: Any) -> bool:
    return isinstance(value, types.GetSetDescriptorType | types.MemberDescriptorType)
