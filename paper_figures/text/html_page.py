"""One self-contained HTML page of text, tables and pictures, readable on a phone.

It has no script and makes no request.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from matplotlib.figure import Figure

from .tables import text_of

STYLE = """
:root{--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--good:#116329;--bad:#a40e26;--tint:#f6f8fa}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:#fff}
main{max-width:84rem;margin:0 auto;padding:1rem 1rem 4rem}
h1{font-size:1.5rem;line-height:1.25;margin:.4rem 0}
h2{font-size:1.2rem;margin:2rem 0 .5rem;border-top:1px solid var(--line);padding-top:1rem}
h3{font-size:1rem;margin:1.2rem 0 .3rem}
p{margin:.5rem 0;max-width:52rem}
li,p,td,summary,figcaption{overflow-wrap:anywhere}
.soft,figcaption,footer{color:var(--soft);font-size:.9rem}
.answer{background:var(--tint);border-left:4px solid #0969da;padding:.6rem 1rem;margin:.8rem 0}
.answer li{margin:.2rem 0}
.scroll{margin:.8rem 0}
table{border-collapse:collapse;font-size:.86rem;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
th{background:var(--tint)}
td.n{font-variant-numeric:tabular-nums}
.good{color:var(--good);font-weight:600}
.bad{color:var(--bad);font-weight:600}
.figures{columns:2;column-gap:2rem}
figure{margin:0 0 1.5rem;break-inside:avoid}
img{width:100%;height:auto;display:block}
details{margin:.4rem 0}
summary{cursor:pointer}
code{font-size:.9em;background:var(--tint);padding:.1em .3em;overflow-wrap:anywhere}
.step{margin:.7rem 0}
.checked{margin:.2rem 0 .2rem 1rem;font-size:.9rem}
.checked summary,.how{color:var(--soft)}
.how{font-size:.8rem}
.formula{overflow-x:auto;overflow-y:hidden;padding:.1rem 0}
.formula math{display:inline math;white-space:nowrap}
.evaluated .formula{opacity:.65}
.claim-graph svg{display:block;width:100%;max-width:52rem}
@media (max-width:700px){
body{font-size:15px}
main{padding:.6rem .7rem 3rem}
.figures{columns:1}
thead{display:none}
table,tbody,tr,td{display:block}
tr{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.3rem .6rem}
td{border:0;padding:.1rem 0}
td[data-label]::before{content:attr(data-label)": ";color:var(--soft);font-weight:400}
.formula math{display:none}
.formula .plain{display:block}
.claim-graph svg{display:none}
}
"""

GOOD = {"proved", "passed", "survived", "none"}
BAD = {"refuted", "failed", "falsified", "broken", "no power"}
"""Words that a table sets in green, and in red."""
DPI = 250
"""Pixels per inch of the pictures."""


class Page:
    """A page that grows from top to bottom; `html` returns it.

    Args:
        title: title and first heading.
        heading: the first heading as HTML, where it is more than the title.
        style: rules that this page needs besides `STYLE`.
    """

    def __init__(self, title: str, heading: str = "", style: str = ""):
        self.title, self.style = title, STYLE + style
        self._parts: list[str] = [f"<h1>{heading or escape(title)}</h1>"]

    def heading(self, text: str, small: bool = False) -> None:
        """Start a section; a small heading starts a part of one."""
        tag = "h3" if small else "h2"
        self._parts.append(f"<{tag}>{escape(text)}</{tag}>")

    def text(self, text: str, soft: bool = False) -> None:
        """Add a paragraph; a soft one is small and grey."""
        kind = ' class="soft"' if soft else ""
        self._parts.append(f"<p{kind}>{escape(text)}</p>")

    def items(self, items: Sequence[str], answer: bool = False) -> None:
        """Add a list; `answer` sets it off as the answer of the page."""
        body = _list(items)
        self._parts.append(f'<div class="answer">{body}</div>' if answer else body)

    def table(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add a table of rows with equal keys; on a phone each row is a card."""
        if not rows:
            return
        head = "".join(f"<th>{escape(k)}</th>" for k in rows[0])
        body = "".join("<tr>" + "".join(map(_cell, row, row.values())) + "</tr>" for row in rows)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        self._parts.append(f'<div class="scroll">{table}</div>')

    def figures(self, figures: Iterable[tuple[Figure, str]]) -> None:
        """Embed pictures two abreast; the caption of each is its alternative text too."""
        found = "".join(_picture(figure, caption) for figure, caption in figures)
        self._parts.append(f'<div class="figures">{found}</div>')

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
            f'<link rel="icon" href="data:,"><style>{self.style}</style></head>'
            f"<body><main>{''.join(self._parts)}</main></body></html>\n"
        )


def _list(items: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _picture(figure: Figure, caption: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    data = base64.b64encode(buffer.getvalue()).decode()
    text = escape(caption)
    image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def _cell(name: str, value: Any) -> str:
    text = text_of(value)
    good = "good" if text in GOOD else "bad" if text in BAD else ""
    kind = "n" if isinstance(value, (int, float)) else good
    style = f' class="{kind}"' if kind else ""
    return f'<td data-label="{escape(name)}"{style}>{escape(text)}</td>'
