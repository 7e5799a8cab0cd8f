"""A cache of proofs that passed, so that an unchanged ledger is not proved again and again.

An entry is valid only while everything that it depends on is the same: the sources of the family
of the claim and of all that it imports, the kernel, the formulas, and the versions of Python,
SymPy, mpmath, z3, cvc5 and flint. Only what passed is stored: steps, and falsifiers that found the
counterexample that they must find. Failures, undecided steps, and falsifiers that found none, or
found one within the assumptions, run every time. The folder can be deleted at any time; a damaged
entry is ignored.

The key of an entry tells that it belongs to these sources. It has no secret: whoever can write the
folder can write an entry that says passed. So the cache trusts its folder: it is not used where
others can write, and every verdict tells how many of its steps came from it. With
LOOPSTAB_CACHE=off everything is checked.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import stat
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...support.errors import LoopstabError
from ...support.files import clear_unfinished, write_atomic
from ...support.printable import printable
from ...support.regular_file import read_regular
from ...support.schema import Anything, ObjectOf, Text
from ...support.sources import source_digest
from ...support.strict_json import parse_json
from ..claims import families, modules_of
from ..formulas import formula_modules

VARIABLE = "LOOPSTAB_CACHE"
"""environment variable: the folder of the cache, or `off`"""
WORTH = 0.002
"""seconds below which a result is not stored: reading it back would save nothing"""
MOST_BYTES = 10_000_000
"""bytes of an entry"""
TEXT = 1_000_000
"""characters of a text in an entry"""
PACKAGES = ("sympy", "mpmath", "z3-solver", "cvc5", "python-flint")
"""distributions whose versions an entry depends on"""
CHECKERS = ("check", "mutation", "claim_mutants")
"""modules of this package that turn a step into a verdict"""
CHILD = f"{(__package__ or '').rpartition('.')[0]}.kernel.cvc5_child"
"""the program of the child process that runs cvc5, which nothing imports"""


def default_folder() -> Path:
    """`loopstab` in the user's cache directory."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "loopstab"


def default_cache() -> ProofCache | None:
    """The cache that commands and tests use.

    Its folder is the one that the environment variable `LOOPSTAB_CACHE` names, or `default_folder`
    if it is not set. None if the variable is `off`, and if others can write the folder: then one
    line on the error stream says so.
    """
    folder = os.environ.get(VARIABLE, "")
    if folder == "off":
        return None
    found = ProofCache(Path(folder) if folder else default_folder())
    refusal = found.refusal()
    if refusal is None:
        return found
    text = f"loopstab: warning: the cache of proofs is not used: {refusal}"
    print(printable(text, kept=frozenset()), file=sys.stderr)
    return None


_ENTRY = ObjectOf({"key": Text(64), "value": Anything()})


class ProofCache:
    """Small JSON files `CLAIM/NAME.json` in a folder of the user.

    Files that are unreadable, damaged or outdated, links, and files that others can write count as
    absent. Nothing is read or written where `refusal` has something to say.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def refusal(self) -> str | None:
        """Why the cache must not be used, and what to do; None if nobody else can write it."""
        problem = _exposure(self.folder, links=True)
        if problem is not None or not self.folder.is_dir():
            return problem
        try:
            claims = sorted(self.folder.iterdir())
        except OSError:
            return None  # nothing can be read from it either
        found = (_exposure(item, links=False) for item in claims if item.is_dir())
        return next((problem for problem in found if problem is not None), None)

    def find(self, claim: str, name: str, kind: ObjectOf) -> dict[str, Any] | None:
        """The value that is stored under a claim and a name, or None if there is no valid one.

        `kind` has the fields of the value.
        """
        key = _key(claim)
        if key is None or self._exposed(claim):
            return None
        path = self._path(claim, name)
        try:
            if _exposure(path, links=False, regular=True) is not None:
                return None
            entry = parse_json(read_regular(path, MOST_BYTES, links=False))
            _ENTRY.check(entry, "")
            kind.check(entry["value"], "value")
        except (OSError, ValueError):
            return None
        return entry["value"] if entry["key"] == key else None

    def keep(self, claim: str, name: str, value: dict[str, Any], seconds: float) -> None:
        """Store a result that took this many seconds.

        Nothing is stored for a claim outside the ledger, for a result that took less than `WORTH`,
        and where the folder cannot be written or others can write it.
        """
        key = _key(claim)
        if key is None or seconds < WORTH:
            return
        path = self._path(claim, name)
        with contextlib.suppress(OSError, LoopstabError):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.folder, path.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            if self._exposed(claim):
                return
            clear_unfinished(path.parent)
            # no flush: an entry that a crash damages is recomputed
            write_atomic(path, json.dumps({"key": key, "value": value}), mode=0o600, flush=False)

    def _exposed(self, claim: str) -> bool:
        """Whether others can write where the entries of a claim lie."""
        home = self._path(claim, "").parent
        return (
            _exposure(self.folder, links=True) is not None
            or _exposure(home, links=False) is not None
        )

    def _path(self, claim: str, name: str) -> Path:
        return self.folder / quote(claim, safe="") / f"{quote(name, safe='')}.json"


def _exposure(path: Path, *, links: bool, regular: bool = False) -> str | None:
    """Why others could have written a folder or, if `regular`, a file; None if they could not.

    Nothing is wrong with a path that does not exist, or on a system without users.
    """
    try:
        found = path.stat() if links else path.lstat()
    except OSError:
        return None
    off = f"or set {VARIABLE}=off"
    if not (stat.S_ISREG if regular else stat.S_ISDIR)(found.st_mode):
        what = "regular file" if regular else "folder"
        return f"{path} is no {what}: delete it, {off}"
    if not hasattr(os, "getuid"):
        return None
    if found.st_uid != os.getuid():
        return f"{path} belongs to another user: name a folder of your own in {VARIABLE}, {off}"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others can write {path}: chmod go-w {path}, {off}"
    return None


@cache
def _key(claim: str) -> str | None:
    """A hash of all that the proofs of a claim depend on; None for a claim outside the ledger."""
    family = families().get(claim)
    return None if family is None else _family_key(family)


@cache
def _family_key(family: str) -> str:
    """A hash of all that the proofs of a family depend on."""
    digest = hashlib.sha256(platform.python_version().encode())
    for package in PACKAGES:
        digest.update(f"{package} {version(package)}\n".encode())
    digest.update(source_digest(*_modules(family)).encode())
    return digest.hexdigest()


def _modules(family: str) -> tuple[str, ...]:
    """What the proofs of a family depend on, apart from what these modules import.

    They are the modules of the family, those that register formulas, and those that check a step:
    all that is imported by a computed name.
    """
    return (
        *modules_of(family),
        *formula_modules(),
        *(f"{__package__}.{name}" for name in CHECKERS),
        CHILD,
    )
