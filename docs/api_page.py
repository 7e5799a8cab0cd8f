"""The page of the public names: one entry for each, from its docstring."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import loopstab

SECTIONS = {
    "theory": "Claims and predictions",
    "numerics": "Loops and their measurement",
    "models": "Trained loops",
    "paper_figures": "Figures",
    "support": "Errors",
}
"""floors of the package, in the order of the page"""


def api_page() -> str:
    """Markdown with a directive of autodoc for every name of `loopstab.__all__`."""
    lines = [
        "# Python interface",
        "",
        "Everything here is imported from `loopstab`, on first use: `import loopstab` alone imports"
        " neither NumPy nor SymPy nor torch.",
        "",
    ]
    homes = _homes()
    for floor, title in SECTIONS.items():
        lines += [f"## {title}", "", "```{eval-rst}"]
        for name in sorted(name for name, home in homes.items() if home == floor):
            lines += _entry(name)
        lines += ["```", ""]
    return "\n".join(lines)


def _homes() -> dict[str, str]:
    """The floor of every public name, from the stub."""
    assert loopstab.__file__ is not None
    stub = ast.parse(Path(loopstab.__file__).with_suffix(".pyi").read_text())
    froms = (node for node in stub.body if isinstance(node, ast.ImportFrom) and node.module)
    return {a.name: str(node.module).partition(".")[0] for node in froms for a in node.names}


def _entry(name: str) -> list[str]:
    value = getattr(loopstab, name)
    if inspect.isclass(value):
        return [f".. autoclass:: loopstab.{name}", "   :members:", ""]
    return [f".. autofunction:: loopstab.{name}", ""]
