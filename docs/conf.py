"""Sphinx configuration; generated pages are written before Sphinx reads the folder."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from notebook_pages import copy_notebooks
from pages import write_pages

from loopstab import ledger

project = "loopstab"
author = "The loopstab developers"
project_copyright = author
release = version = importlib.metadata.version("loopstab")
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "sphinxcontrib.bibtex",
    "mathml",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "substitution"]
myst_substitutions = {"claims": len(ledger())}
myst_heading_anchors = 3
nb_execution_mode = "off"  # they are kept with their outputs, and the tests execute them
autodoc_typehints = "none"  # the parts on arguments say shapes and units, which types do not
autodoc_member_order = "bysource"
napoleon_use_ivar = True
napoleon_attr_annotations = False
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "loopstab"
html_static_path = ["_static"]
html_css_files = ["ledger.css"]
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrt"
exclude_patterns = ["build"]
smartquotes = False  # h' is a letter with a prime
nitpicky = True

write_pages(Path(__file__).parent)
copy_notebooks(Path(__file__).parent / "notebooks")


COLON = "\ue000"
"""stands for a colon that napoleon would take for the end of a type"""
MARKS = re.compile(
    r"(?P<example>^ *>>>(?:.|\n(?! *\n))*)|`(?P<code>[^`]+)`|(?P<mark>[*|\\]|(?<=\w)_(?!\w))",
    re.MULTILINE,
)


def before_napoleon(
    app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Docstrings are plain text with `code`: what else reStructuredText would act on is escaped."""
    lines[:] = MARKS.sub(_escaped, "\n".join(lines)).split("\n")
    section = what if what in ("attribute", "property") else ""
    for i, line in enumerate(lines):
        if line.strip() in ("Args:", "Returns:", "Raises:", "Example:", "Attributes:"):
            section = line.strip().lower()
        elif section in ("attribute", "property", "returns:"):
            lines[i] = line.replace(":", COLON)


def after_napoleon(
    app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Put the colons back."""
    lines[:] = [line.replace(COLON, ":") for line in lines]


def _escaped(match: re.Match[str]) -> str:
    if match["code"]:
        return f"``{' '.join(match['code'].split())}``"
    return match["example"] or f"\\{match['mark']}"


def setup(app: Any) -> None:
    """Connect the handlers of docstrings; napoleon has the priority 500."""
    app.connect("autodoc-process-docstring", before_napoleon, priority=100)
    app.connect("autodoc-process-docstring", after_napoleon, priority=900)
