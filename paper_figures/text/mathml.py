"""Formulas as MathML, which browsers draw by themselves: no script, no font and no network."""

from __future__ import annotations

import re

from docutils.utils.math.latex2mathml import tex2mathml


def mathml(text: str, block: bool) -> str:
    """A formula in LaTeX, without $ signs, as MathML.

    Raises `docutils.utils.math.MathError` for a command that docutils does not know.
    """
    # TeX takes one character as an argument; docutils would read a_1,1 as a with the index 1,1, and
    # \frac12 as \frac{12}
    text = re.sub(r"([_^])(\d)", r"\1{\2}", text)
    text = re.sub(
        r"\\([td]?frac)(?![A-Za-z])\s*([0-9A-Za-z])(?=\s*[{\\0-9A-Za-z])", r"\\\1{\2}", text
    )
    text = re.sub(r"\\iff(?![A-Za-z])", r"\\Longleftrightarrow", text)
    text = re.sub(r"\\([td]?frac\{[0-9A-Za-z]\})\s*([0-9A-Za-z])", r"\\\1{\2}", text)
    # browsers give a bar between letters the space of a relation
    return re.sub(
        r"<mo[^>]*>\|</mo>",
        '<mo lspace="0" rspace="0" stretchy="false">|</mo>',
        re.sub(r">\s+<", "><", tex2mathml(text, as_block=block)),
    )
