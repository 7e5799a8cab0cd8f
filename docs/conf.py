"""Sphinx configuration; the pages of the claims are written from the ledger before Sphinx reads
them (`make docs`).
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


from pages import write_pages

project = "loopstab"
author = "The loopstab developers"
project_copyright = author
release = version = importlib.metadata.version("loopstab")
extensions = ["myst_parser", "sphinxcontrib.bibtex", "mathml"]
myst_enable_extensions = ["dollarmath", "deflist"]
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
