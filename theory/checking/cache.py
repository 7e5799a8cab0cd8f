"""A cache of proofs that passed, so that an unchanged ledger is not proved again and again.

An entry is valid only while everything that it depends on is the same: the sources of the family
of the claim and of all that it imports, the kernel, the formulas, and the versions of Python,
SymPy, mpmath, z3, cvc5 and flint. Only what passed is stored: steps, and falsifiers that found the
counterexample that they must find. Failures, undecided steps, and falsifiers that found none, or
found one within the assumptions, run every time. The folder can be deleted at any time; a damaged
entry is ignored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...support.sources import source_digest
from ..claims import families, modules_of
from ..formulas import formula_modules

VARIABLE = "LOOPSTAB_CACHE"
"""environment variable: the folder of the cache, or `off`"""
WORTH = 0.002
"""seconds below which a result is not stored: reading it back would save nothing"""
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
    if it is not set. None if the variable is `off`.
    """
    folder = os.environ.get(VARIABLE, "")
    return None if folder == "off" else ProofCache(Path(folder) if folder else default_folder())


class ProofCache:
    """Small JSON files `CLAIM/NAME.json` in a folder.

    Files that are unreadable, damaged or outdated count as absent.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def find(self, claim: str, name: str) -> dict[str, Any] | None:
        """The value that is stored under a claim and a name, or None if there is no valid one."""
        key = _key(claim)
        if key is None:
            return None
        try:
            entry = json.loads(self._path(claim, name).read_text())
            found = entry["value"] if entry["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if isinstance(found, dict) else None

    def keep(self, claim: str, name: str, value: dict[str, Any], seconds: float) -> None:
        """Store a result that took this many seconds.

        Nothing is stored for a claim outside the ledger, for a result that took less than `WORTH`,
        and where the folder cannot be written.
        """
        key = _key(claim)
        if key is None or seconds < WORTH:
            return
        path = self._path(claim, name)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        # no fsync: an entry that a crash damages is recomputed
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps({"key": key, "value": value}))
            os.replace(temporary, path)

    def _path(self, claim: str, name: str) -> Path:
        return self.folder / quote(claim, safe="") / f"{quote(name, safe='')}.json"


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
