"""Sphinx configuration; generated pages are written before Sphinx reads the folder."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from pages import write_pages

project = "loopstab"
author = "The loopstab developers"
project_copyright = author
release = version = importlib.metadata.version("loopstab")
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "sphinxcontrib.bibtex",
    "mathml",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
autodoc_typehints = "none"  # the parts on arguments say shapes and units, which types do not
autodoc_member_order = "bysource"
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


def as_restructured_text(
    app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Docstrings are plain text with `code`: what else reStructuredText would act on is escaped."""
    lines[:] = MARKS.sub(_escaped, "\n".join(lines)).split("\n")


MARKS = re.compile(
    r"(?P<example>^ *>>>(?:.|\n(?! *\n))*)|`(?P<code>[^`]+)`|(?P<mark>[*|\\]|(?<=\w)_(?!\w))",
    re.MULTILINE,
)


def _escaped(match: re.Match[str]) -> str:
    if match["code"]:
        return f"``{' '.join(match['code'].split())}``"
    return match["example"] or f"\\{match['mark']}"


def setup(app: Any) -> None:
    """Connect the handler of docstrings, before that of napoleon."""
    app.connect("autodoc-process-docstring", as_restructured_text, priority=100)
