"""Mathematics as MathML, which browsers draw by themselves: pages need no script, no font and no
network.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def mathml(text: str, block: bool) -> str:
    """A formula as MathML; `MathError` for a command that docutils does not know."""
    # TeX takes one character as an argument; docutils would read a_1,1 as a with the index 1,1, and
    # \frac12 as \frac{12}
    text = re.sub(r"([_^])(\d)", r"\1{\2}", text)
    text = re.sub(
        r"\\([td]?frac)(?![A-Za-z])\s*([0-9A-Za-z])(?=\s*[{\\0-9A-Za-z])", r"\\\1{\2}", text
    )
    text = re.sub(r"\\([td]?frac\{[0-9A-Za-z]\})\s*([0-9A-Za-z])", r"\\\1{\2}", text)
    # browsers give a bar between letters the space of a relation
    return re.sub(
        r"<mo[^>]*>\|</mo>",
        '<mo lspace="0" rspace="0" stretchy="false">|</mo>',
        tex2mathml(text, as_block=block),
    )


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
