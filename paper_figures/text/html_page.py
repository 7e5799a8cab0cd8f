"""One self-contained HTML page of text, tables and pictures, readable on a phone.

It has no script and makes no request.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from matplotlib.figure import Figure

from .tables import text_of

STYLE = """
:root{--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--good:#116329;--bad:#a40e26;--tint:#f6f8fa}
*{box-sizing:border-box}
body{margin:0;font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:#fff}
main{max-width:64rem;margin:0 auto;padding:1.2rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:.6rem 0}
h2{font-size:1.2rem;margin:2.4rem 0 .5rem;border-top:1px solid var(--line);padding-top:1.2rem}
p{margin:.6rem 0}
.soft,figcaption,footer{color:var(--soft);font-size:.9rem}
.answer{background:var(--tint);border-left:4px solid #0969da;padding:.8rem 1rem;margin:1rem 0}
.answer li{margin:.25rem 0}.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch;margin:.8rem 0}
table{border-collapse:collapse;font-size:.86rem;min-width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
th{background:var(--tint)}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}
.good{color:var(--good);font-weight:600}
.bad{color:var(--bad);font-weight:600}
figure{margin:1rem 0}
img{width:100%;max-width:40rem;height:auto;display:block}
details{margin:.5rem 0}
summary{cursor:pointer}
code{font-size:.9em;background:var(--tint);padding:.1em .3em;overflow-wrap:anywhere}
li{overflow-wrap:anywhere}
.step{margin:.7rem 0;overflow-wrap:anywhere}
.checked{margin:.2rem 0 .2rem 1rem;font-size:.9rem}
.checked summary,.how{color:var(--soft)}
.how{font-size:.8rem}
.formula{overflow-x:auto;overflow-y:hidden;padding:.1rem 0}
.formula math{display:inline math;white-space:nowrap}
.evaluated .formula{opacity:.65}
.claim-graph svg{display:block;width:100%;min-width:600px;max-width:52rem}
"""

GOOD = {"proved", "passed", "survived", "none"}
BAD = {"refuted", "failed", "falsified", "broken", "no power"}
"""Words that a table sets in green, and in red."""
DPI = 160
"""Pixels per inch of the pictures."""


class Page:
    """A page that grows from top to bottom; `html` returns it.

    Args:
        title: title and first heading.
    """

    def __init__(self, title: str):
        self.title = title
        self._parts: list[str] = [f"<h1>{escape(title)}</h1>"]

    def heading(self, text: str) -> None:
        """Start a section."""
        self._parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str, soft: bool = False) -> None:
        """Add a paragraph; a soft one is small and grey."""
        kind = ' class="soft"' if soft else ""
        self._parts.append(f"<p{kind}>{escape(text)}</p>")

    def items(self, items: Sequence[str], answer: bool = False) -> None:
        """Add a list; `answer` sets it off as the answer of the page."""
        body = _list(items)
        self._parts.append(f'<div class="answer">{body}</div>' if answer else body)

    def table(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add a table of rows with equal keys; a wide one scrolls inside its own box."""
        if not rows:
            return
        head = "".join(f"<th>{escape(k)}</th>" for k in rows[0])
        body = "".join("<tr>" + "".join(map(_cell, row.values())) + "</tr>" for row in rows)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        self._parts.append(f'<div class="scroll">{table}</div>')

    def figure(self, figure: Figure, caption: str) -> None:
        """Embed a picture; the caption is its alternative text too."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI)
        data = base64.b64encode(buffer.getvalue()).decode()
        text = escape(caption)
        image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
        self._parts.append(f"<figure>{image}<figcaption>{text}</figcaption></figure>")

    def details(self, summary: str, items: Sequence[str]) -> None:
        """Add a list that opens on a tap."""
        title = f"<summary>{escape(summary)}</summary>"
        self._parts.append(f"<details>{title}{_list(items)}</details>")

    def block(self, html: str) -> None:
        """Add a block of HTML as it stands, such as a drawing."""
        self._parts.append(html)

    def html(self) -> str:
        """The whole page."""
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.title)}</title>"
            f'<link rel="icon" href="data:,"><style>{STYLE}</style></head>'
            f"<body><main>{''.join(self._parts)}</main></body></html>\n"
        )


def _list(items: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _cell(value: Any) -> str:
    text = text_of(value)
    if isinstance(value, (int, float)):
        return f'<td class="n">{escape(text)}</td>'
    kind = "good" if text in GOOD else "bad" if text in BAD else ""
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"
