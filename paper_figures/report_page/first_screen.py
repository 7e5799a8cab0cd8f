"""The first screen of the report: a row for each statement, on a phone a card with its verdict.

It is HTML without a script; `STYLE` belongs to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from ..text.claim_html import claim_link
from .ruling import Judgement
from .statements import LINK, PAPER, Row

HEADING = f'<a href="{LINK}">{escape(PAPER)}</a> (arXiv 2604.15259): what of its abstract holds?'
TITLE = f"{PAPER}: what of its abstract holds?"
COLUMNS = ("the abstract says", "claims", "proof", "attack", "trained loops", "verdict")
COLOURS = {
    Judgement.HOLDS: "#116329",
    Judgement.HYPOTHESIS: "#0550ae",
    Judgement.CORRECTED: "#8a3ffc",
    Judgement.OPEN: "#57606a",
}
STYLE = """
.statements{margin:.8rem 0;font-size:.8rem;line-height:1.35}
.statement{display:grid;grid-template-columns:10rem 3.5rem 12rem 11rem 1.2fr 1fr;gap:.2rem .8rem;
border-bottom:1px solid var(--line);padding:.4rem 0}
.statement>*{min-width:0;overflow-wrap:anywhere}
.columns{font-weight:600;color:var(--soft);padding:.2rem 0}
.statement q{font-weight:600}
.verdict b{color:#fff;border-radius:4px;padding:.05rem .4rem;margin-right:.3rem}
.verdict details{margin:0;color:var(--soft)}
@media (max-width:700px){
.statements{font-size:.95rem}
.statement{display:flex;flex-direction:column;border:1px solid var(--line);border-radius:6px;
margin:.6rem 0;padding:.5rem .7rem}
.statement.columns,.statement>div:empty{display:none}
.statement .verdict{display:contents}
.verdict b{order:-3;align-self:flex-start}
.statement .quote{order:-2}
.verdict span{order:-1}
.statement [data-label]::before{content:attr(data-label)": ";color:var(--soft)}
}
"""


def tally(rows: Sequence[Row]) -> str:
    """How many statements have which verdict."""
    found = Counter(row.ruling.verdict for row in rows)
    parts = [f"{verdict}: {found[verdict]}" for verdict in Judgement]
    return f"The {len(rows)} statements of the abstract. {', '.join(parts).capitalize()}."


def statements_html(rows: Sequence[Row]) -> str:
    """The table of the statements."""
    head = "".join(f"<div>{escape(name)}</div>" for name in COLUMNS)
    body = "".join(map(_row, rows))
    return f'<div class="statements"><div class="statement columns">{head}</div>{body}</div>'


def _row(row: Row) -> str:
    statement, ruling = row.statement, row.ruling
    links = " ".join(
        f'<a href="{escape(claim_link(claim))}">{escape(claim)}</a>' for claim in statement.claims
    )
    badge = f'<b style="background:{COLOURS[ruling.verdict]}">{escape(ruling.verdict)}</b>'
    rule = f"<details><summary>rule</summary>{escape(statement.rule)}</details>"
    runs = row.finding.runs
    behind = f" [{runs} run{'s' * (runs != 1)}]" if runs else ""
    trained = row.finding.text + behind
    cells = (
        f'<div class="quote"><q>{escape(statement.quote)}</q></div>',
        _cell("claims", links),
        _cell("proof", escape(row.proof)),
        _cell("attack", escape(row.attack)),
        _cell("trained", escape(trained)),
        f'<div class="verdict">{badge}<span>{escape(ruling.because)}</span>{rule}</div>',
    )
    return f'<div class="statement" id="{statement.name}">{"".join(cells)}</div>'


def _cell(label: str, html: str) -> str:
    """A cell; without content it is empty, and a phone does not show it."""
    return f'<div data-label="{label}">{html}</div>' if html else "<div></div>"
