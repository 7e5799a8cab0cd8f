"""The notebooks: executed (`python docs/notebook_pages.py`), and copied into the documentation."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import loopstab
from loopstab.support.files import write_atomic

SOURCES = Path(loopstab.__file__).resolve().parent / "notebooks"
METADATA = {
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
}
LIMIT = 1800
"""Most seconds of a cell, on a machine that is busy with other work."""


def copy_notebooks(folder: Path) -> None:
    """Copy the executed notebooks into a folder of the documentation; stale copies are deleted."""
    folder.mkdir(exist_ok=True)
    texts = {path.name: path.read_text() for path in sorted(SOURCES.glob("*.ipynb"))}
    for old in folder.glob("*.ipynb"):
        if old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        path = folder / name
        # an unchanged page keeps its date, so that Sphinx does not read it again
        if not path.exists() or path.read_text() != text:
            write_atomic(path, text)


def execute(source: Path) -> None:
    """Run a notebook and write it, with its outputs, beside the script.

    Times, versions and random names of cells are left out, so that the same outputs give the same
    file.
    """
    # of the extra `test`, which building the pages does not need
    import jupytext
    import nbformat
    from nbclient import NotebookClient

    notebook: Any = jupytext.read(source)
    NotebookClient(
        notebook,
        timeout=LIMIT,
        kernel_name=METADATA["kernelspec"]["name"],
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(source.parent)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.from_dict({})
        cell["id"] = hashlib.sha256(f"{number} {cell.source}".encode()).hexdigest()[:8]
    write_atomic(source.with_suffix(".ipynb"), nbformat.writes(notebook) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for script in sys.argv[1:] or sorted(SOURCES.glob("*.py")):
        print(script, flush=True)
        execute(Path(script))
