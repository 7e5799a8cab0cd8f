"""The mathematics of the pages as MathML."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from sphinx.util import logging

from loopstab.paper_figures.text.mathml import mathml

LOGGER = logging.getLogger(__name__)


def _write(self: Any, node: nodes.Node, block: bool) -> None:
    text = node.astext()
    try:
        self.body.append(mathml(text, block))
    except MathError as error:
        LOGGER.warning("cannot draw %s: %s", text, error, location=node)
        self.body.append(self.encode(text))
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer `mathml`."""
    app.add_html_math_renderer(
        "mathml",
        (lambda self, node: _write(self, node, False), None),
        (lambda self, node: _write(self, node, True), None),
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
