"""What a step checked as HTML, with its formulas as MathML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from docutils.utils.math import MathError

from .mathml import mathml
from .step_content import checked_items, has_formula, how, is_counted, totals


def html_details(step: Mapping[str, Any]) -> str:
    """A part of a page, folded, that lists every item as a formula; empty without items.

    It is one line of HTML, so that it can stand in Markdown.
    """
    items = checked_items(step)
    if not items:
        return ""
    rows = "".join(
        f'<li class="{"counted" if is_counted(item) else "evaluated"}">{_formula(item)}'
        f'<span class="how">{escape(how(item))}</span></li>'
        for item in items
    )
    title = f"What was checked: {escape(totals([step]))}"
    return f'<details class="checked"><summary>{title}</summary><ol>{rows}</ol></details>'


def _formula(item: Mapping[str, str]) -> str:
    text = escape(" ".join(item["text"].split()))
    if has_formula(item):
        try:
            # a formula does not wrap: on a phone the style of a page shows the text in its place
            plain = f'<code class="plain" hidden="">{text}</code>'
            return f'<div class="formula">{mathml(item["latex"], True)}{plain}</div>'
        except MathError:
            pass  # docutils does not know a command
    return f'<div class="formula"><code>{text}</code></div>'
