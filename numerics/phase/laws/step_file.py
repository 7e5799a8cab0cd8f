"""A law in a Python file of a user."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from ....support.errors import UsageError
from ....support.user_module import load
from .fingerprint import Fingerprint
from .step_law import StepLaw

ADVICE = (
    "it must define step(h, e, **parameters), and may define initial, e, weights, rho, parameters"
    " and vectorised"
)
PARTS = ("initial", "e", "weights", "rho", "parameters", "vectorised")


class FileLaw(StepLaw):
    """The law of a file that defines `step`, and what else a `StepLaw` is made of, by these names.

    Its samples expire when the text of the file changes, or anything that its functions refer to.
    Another process executes the file again.

    Args:
        file: the file; it is executed.

    Raises:
        UsageError: there is no such file, it cannot be executed, or its names do not fit together.
    """

    def __init__(self, file: Path):
        self.file = file.absolute()
        module: ModuleType = load(self.file, needed=("step",), advice=ADVICE)
        parts: dict[str, Any] = {
            name: getattr(module, name) for name in PARTS if hasattr(module, name)
        }
        if not isinstance(parts.get("parameters", {}), dict):
            raise UsageError(f"{self.file}: parameters must be a dict of names and numbers")
        super().__init__(module.step, **parts, name=file.name)
        self._text = self.file.read_bytes()

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.file, list(self.parameters), self.identity)

    @cached_property
    def _fingerprint(self) -> Fingerprint:
        found = Fingerprint({"file": self._text, **self._roots()})
        found.untold = ""  # the text of the file says how it was made
        return found

    @property
    def portable(self) -> bool:  # type: ignore[override]
        """Whether other processes can execute the file: always."""
        return True


_laws: dict[tuple[Path, str], FileLaw] = {}


def _again(file: Path, names: list[str], identity: str) -> FileLaw:
    """The same law in another process, which executes the file once."""
    if (file, identity) not in _laws:
        law = FileLaw(file)
        law.taking(names)
        if law.identity != identity:
            raise UsageError(
                f"{file} defines another law each time it is executed, or was changed meanwhile:"
                " give what it draws a seed, and run the command again"
            )
        _laws[file, identity] = law
    return _laws[file, identity]
