"""The source files that a module depends on: stored results expire when one of them changes."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""the folder of the package `loopstab`"""
PACKAGE = __name__.partition(".")[0]
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n(]+)|import[ \t]+([^\n]+))",
    re.MULTILINE,
)
"""an import statement: where from, what, or the modules of a plain `import`"""
WORD = re.compile(r"[\w.]+")
COMMENT = re.compile(r"#[^\n]*")


@cache
def imported_sources(*modules: str) -> tuple[Path, ...]:
    """The files of these modules and of every module of loopstab that they import, transitively.

    Imports are read from the source, including those inside functions; a package stands for its
    `__init__.py`. Two things are not followed. A module that is imported by a computed name cannot
    be seen: name it among `modules`. The `__init__.py` of the packages above a module only
    re-exports names and does not change what the module computes.

    Args:
        modules: dotted names, such as `"loopstab.numerics.phase.diagram"`.

    Returns:
        The files, sorted.

    Raises:
        ModuleNotFoundError: a module of `modules` does not exist.

    Example:
        >>> from loopstab.support.sources import imported_sources
        >>> [path.name for path in imported_sources("loopstab.support.errors")]
        ['errors.py']
    """
    files: dict[str, Path] = {}
    pending = list(modules)
    for name in modules:
        if _file(name) is None:
            raise ModuleNotFoundError(f"loopstab has no module {name}", name=name)
    while pending:
        name = pending.pop()
        path = _file(name)
        if name not in files and path is not None:
            files[name] = path
            pending += _imports(name, path)
    return tuple(sorted(files.values()))


def source_digest(*modules: str) -> str:
    """SHA-256 of the paths and contents of `imported_sources(*modules)`, in hexadecimal digits.

    Args:
        modules: dotted names of modules.

    Example:
        >>> from loopstab.support.sources import source_digest
        >>> len(source_digest("loopstab.support.errors"))
        64
    """
    digest = hashlib.sha256()
    for path in imported_sources(*modules):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(ROOT).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _file(module: str) -> Path | None:
    package, *parts = module.split(".")
    if package != PACKAGE:
        return None
    place = ROOT.joinpath(*parts)
    candidates = (place / "__init__.py", place.parent / f"{place.name}.py")
    return next((path for path in candidates if path.is_file()), None)


@cache
def _imports(module: str, path: Path) -> tuple[str, ...]:
    """Every name that may be an imported module: `a.b` and `a.b.c` for `from a.b import c`.

    Statements are found line by line, which is four times as fast as parsing the file; a line of a
    docstring that reads like an import can only add a file.
    """
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    names: list[str] = []
    for source, imported, plain in IMPORT.findall(path.read_text()):
        if plain:
            names += WORD.findall(plain)
            continue
        level = len(source) - len(source.lstrip("."))
        base = package[: len(package) - level + 1] if level else []
        home = ".".join([*base, *filter(None, [source.lstrip(".")])])
        names += [home, *(f"{home}.{name}" for name in WORD.findall(COMMENT.sub("", imported)))]
    return tuple(names)
