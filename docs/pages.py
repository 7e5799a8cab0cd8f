"""The generated pages: claims, ledger, table, trained loops, Python interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from api_page import api_page
from bibliography import references, references_page
from claim_page import claim_page, slug, verdict_html
from mean_field_page import mean_field_page
from scores_page import scores_page
from zoo_page import zoo_page

from loopstab import check, ledger
from loopstab.paper_figures.drawings.gallery import gallery
from loopstab.paper_figures.drawings.save import save_figure
from loopstab.paper_figures.text.claim_graph import claim_graph
from loopstab.paper_figures.text.claim_words import from_cache, summary
from loopstab.paper_figures.text.graph_svg import graph_html
from loopstab.paper_figures.text.markup import markdown_of_prose as plain
from loopstab.paper_figures.text.step_content import totals
from loopstab.support.files import write_atomic
from loopstab.theory.checking.cache import default_cache
from loopstab.theory.table import Cell, paper_table


def write_pages(folder: Path) -> None:
    """Check the ledger and write every generated page and its figures; stale pages are deleted."""
    store = default_cache()
    reports = [check(claim, store) for claim in ledger()]
    data = [report.to_json() for report in reports]
    entries = references(folder / "references.bib")
    pages = {f"claims/{slug(r.claim.id)}.md": claim_page(r, entries) for r in reports}
    pages |= {
        "ledger.md": ledger_page(data),
        "table.md": table_page(paper_table(ledger())),
        "zoo.md": zoo_page(),
        "mean_field.md": mean_field_page(),
        "scores.md": scores_page(),
        "api.md": api_page(),
        "gallery.md": gallery_page(folder / "_static"),
        "references.md": references_page(),
        "_static/claims.html": graph_html(
            claim_graph(ledger(), data), lambda name: f"claims/{slug(name)}.html"
        ),
    }
    (folder / "claims").mkdir(exist_ok=True)
    for old in (folder / "claims").glob("*.md"):
        if f"claims/{old.name}" not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        # an unchanged page keeps its date, so that Sphinx does not read it again
        if not path.exists() or path.read_text() != text:
            write_atomic(path, text)


def gallery_page(folder: Path) -> str:
    """Draw the figures of the gallery into the folder, and show each with its caption."""
    lines = [
        "# Gallery",
        "",
        "`loopstab figures` draws these figures from closed forms, the records of the shipped runs"
        " and shipped measurements; `loopstab report` shows the others, and `loopstab phase` draws"
        " your own phase diagram.",
        "",
    ]
    figures = gallery()
    for section in sorted({figure.section for figure in figures.values()}):
        lines += [f"## {section}", ""]
        for name, figure in figures.items():
            if figure.section == section:
                save_figure(figure.draw(), folder / name, ("svg",))
                lines += [figure.text, ""] if figure.text else []
                lines += [f"![{figure.caption}](_static/{name}.svg)", ""]
                lines += [f"*{figure.caption}*", ""]
                if figure.commands:
                    lines += [f"Data: {', '.join(f'`{one}`' for one in figure.commands)}", ""]
    return "\n".join(lines)


def ledger_page(reports: Sequence[Mapping[str, Any]]) -> str:
    """The list of claims, and what was checked in all."""
    lines = [
        "# The ledger",
        "",
        f"{plain(summary(reports))} The [graph of the claims](index.md) shows which claim uses"
        " which, and [how to read a claim](reading.md) explains the words.",
        "",
        "| id | claim | verdict | steps | checked | falsifiers |",
        "|---|---|---|---|---|---|",
    ]
    for r in reports:
        kinds = Counter(step["kind"] for step in r["steps"])
        steps = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
        link = f"[{plain(r['id'])}](claims/{slug(r['id'])}.md)"
        found = sum(f["fired"] for f in r["falsifiers"])
        cached = f" ({text})" if (text := from_cache(r)) else ""
        lines.append(
            f"| {link} | {plain(r['title'])} | {verdict_html(r['verdict'])}{cached} | {steps} |"
            f" {plain(totals(r['steps']))} | {found} of {len(r['falsifiers'])} |"
        )
    pages = [f"claims/{slug(r['id'])}" for r in reports]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *pages, "```", ""])


def table_page(cells: Sequence[Cell]) -> str:
    """The table of the paper: a section for each class of architectures, regimes as rows, axes as
    columns.
    """
    lines = [
        "# What the claims say",
        "",
        (
            "By architecture, spectral regime at the fixed point, and axis; the claims that justify"
            " an answer stand behind it. A star marks a claim that rests on a measured step. Where"
            " no claim speaks, nothing is claimed."
        ),
        "",
    ]
    blocks: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (recall, norm, residual), group in groupby(
        cells, lambda c: (c.recall, c.outer_norm, c.residual)
    ):
        name = "no" if recall == "none" else str(recall)
        section = f"{name.capitalize()} recall, {'outer norm' if norm else 'no outer norm'}"
        body = ["```{list-table}", ":header-rows: 1", ":widths: 13 29 29 29", ""]
        rows = [list(row) for _, row in groupby(group, lambda c: c.regime)]
        body += ["* - regime", *(f"  - {cell.axis}" for cell in rows[0])]
        for row in rows:
            body += [f"* - {row[0].regime}", *(_table_cell(cell) for cell in row)]
        blocks.setdefault((section, (*body, "```", "")), []).append(str(residual))
    for section, group in groupby(blocks.items(), lambda item: item[0][0]):
        lines += [f"## {section}", ""]
        for (_, body), residuals in group:
            lines += [f"Residual {' and '.join(residuals)}:", "", *body]
    return "\n".join(lines)


def _table_cell(cell: Cell) -> str:
    entries = []
    for entry in cell.entries:
        when = f" when {plain(entry.consequence.when)}" if entry.consequence.when else ""
        star = r"\*" if entry.measured else ""
        entries.append(
            f"**{plain(entry.consequence.answer)}**{when}"
            f" ([{plain(entry.claim)}](claims/{slug(entry.claim)}.md){star})"
        )
    return "  - " + "\n\n    ".join(entries) if entries else "  - not claimed"
