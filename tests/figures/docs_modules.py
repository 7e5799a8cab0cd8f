"""The modules that make the pages of the documentation, which are no part of the package."""

import importlib
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def load(name):
    """The module of that name in the folder of the documentation."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DOCS))
