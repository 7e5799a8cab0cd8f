"""The generated pages: claims, ledger, table, trained loops, Python interface."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from api_page import api_page
from zoo_page import zoo_page

from loopstab import check, ledger
from loopstab.paper_figures.drawings.gallery import gallery
from loopstab.paper_figures.drawings.save import save_figure
from loopstab.paper_figures.text.claim_words import predictions, scope
from loopstab.paper_figures.text.markup import markdown_of_latex
from loopstab.paper_figures.text.markup import markdown_of_prose as plain
from loopstab.support.files import write_atomic
from loopstab.theory.checking.cache import default_cache
from loopstab.theory.checking.check import ClaimReport
from loopstab.theory.table import Cell, paper_table


def write_pages(folder: Path) -> None:
    """Check the ledger and write every generated page and its figures; stale pages are deleted."""
    store = default_cache()
    reports = [check(claim, store) for claim in ledger()]
    entries = references(folder / "references.bib")
    pages = {f"claims/{slug(r.claim.id)}.md": claim_page(r, entries) for r in reports}
    pages |= {
        "ledger.md": ledger_page([r.to_json() for r in reports]),
        "table.md": table_page(paper_table(ledger())),
        "zoo.md": zoo_page(),
        "api.md": api_page(),
        "gallery.md": gallery_page(folder / "_static"),
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
        "`loopstab figures` draws these figures, which need no measurement of their own; `loopstab"
        " report` shows the others, and `loopstab phase` draws your own phase diagram.",
        "",
    ]
    for name, figure in gallery().items():
        save_figure(figure.draw(), folder / name)
        lines += [f"## {figure.section}", "", f"![{figure.caption}](_static/{name}.svg)", ""]
        lines += [f"*{figure.caption}*", ""]
    return "\n".join(lines)


def slug(claim: str) -> str:
    """The id of a claim in file names and link targets."""
    return claim.replace("'", "-prime")


def references(path: Path) -> dict[str, dict[str, str]]:
    """Entries of a BibTeX file with one field a line: key -> fields."""
    entries = {}
    for head, body in re.findall(
        r"^@\w+\{(\S+),\n(.*?)^\}", path.read_text(), re.MULTILINE | re.DOTALL
    ):
        entries[head] = {
            name: re.sub(r"[{}]", "", value)
            for name, value in re.findall(r"^ *(\w+) = \{(.*)\},?$", body, re.MULTILINE)
        }
    return entries


def keys_of(reference: str, entries: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The entries that a reference in words names: its first author's surname together with (four
    words of) its title or its year.
    """
    found = []
    for key, entry in entries.items():
        surname = _letters(entry["author"].split(" and ")[0].split(",")[0])
        title = " ".join(entry["title"].casefold().split()[:4])
        if surname in _letters(reference) and (
            title in reference.casefold() or entry["year"] in reference
        ):
            found.append(key)
    # Topics in Matrix Analysis also holds the title Matrix Analysis
    titles = {key: entries[key]["title"].casefold() for key in found}
    return [
        key
        for key in found
        if not any(titles[key] != other and titles[key] in other for other in titles.values())
    ]


def _letters(text: str) -> str:
    """Without the accents that BibTeX writes as commands, in lower case."""
    return re.sub(r"\\.|[^\w ,.()]", "", text).casefold()


def ledger_page(reports: Sequence[Mapping[str, Any]]) -> str:
    """The list of claims."""
    lines = [
        "# The ledger",
        "",
        "| id | claim | verdict | steps | attacks |",
        "|---|---|---|---|---|",
    ]
    for r in reports:
        kinds = Counter(step["kind"] for step in r["steps"])
        steps = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
        link = f"[{plain(r['id'])}](claims/{slug(r['id'])}.md)"
        found = sum(f["fired"] for f in r["falsifiers"])
        fired = f"{found} of {len(r['falsifiers'])} falsifiers found a counterexample"
        lines.append(
            f"| {link} | {plain(r['title'])} | {_verdict(r['verdict'])} | {steps} | {fired} |"
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


def claim_page(report: ClaimReport, entries: Mapping[str, Mapping[str, str]]) -> str:
    """One claim in full."""
    data = report.to_json()
    name = slug(data["id"])
    statement = (
        markdown_of_latex(f"claim {data['id']}", data["latex"])
        if data["latex"]
        else plain(data["statement"])
    )
    lines = [
        f"# {plain(data['id'])}: {plain(data['title'])}",
        "",
        f"{_verdict(data['verdict'])} · source: {plain(data['source'])}",
        "",
        statement,
        "",
    ]
    lines += ["## Hypotheses", ""]
    for item in data["hypotheses"]:
        lines += [
            f"({name}-{item['name']})=",
            f"**{plain(item['name'])}**: {plain(item['statement'])}",
            "",
        ]
    lines += ["## Proof", ""]
    for number, step in enumerate(data["steps"], 1):
        lines += _step(name, number, step, entries)
    lines += ["## Attacks", ""]
    for item in data["falsifiers"]:
        found = item["counterexample"] or "no counterexample"
        link = _links(name, [item["drops"]])
        lines += [
            f"- **{plain(item['name'])}**: without {link}, against “{plain(item['conclusion'])}”:"
            f" {plain(found)}"
        ]
    if data["consequences"] or predictions(report.claim):
        lines += ["", "## Consequences", ""]
        lines += [
            f"- {c['axis']}: **{plain(c['answer'])}** ({plain(scope(c))}). {plain(c['statement'])}"
            for c in data["consequences"]
        ]
        lines += [f"- {plain(text)}" for text in predictions(report.claim)]
    if data["notes"]:
        lines += ["", "## Notes", "", *(f"- {plain(note)}" for note in data["notes"])]
    return "\n".join([*lines, ""])


def _step(
    claim: str, number: int, step: Mapping[str, Any], entries: Mapping[str, Mapping[str, str]]
) -> list[str]:
    lines = [
        f"({claim}-{step['name']})=",
        f"### {number}. {plain(step['name'])}",
        "",
        f"*{step['kind']}* · {plain(step['dimensions'])} · {_verdict(step['verdict'])}",
        "",
        plain(step["statement"]),
        "",
    ]
    if step["uses"]:
        lines += [f"Uses {_links(claim, step['uses'])}.", ""]
    if "theorem" in step:
        theorem = step["theorem"]
        cite = "".join(f" {{cite}}`{key}`" for key in keys_of(theorem["reference"], entries))
        lines += [
            (
                f"> **{plain(theorem['title'])}.** {plain(theorem['statement'])}"
                f" [{plain(theorem['reference'])}]{cite}"
            ),
            "",
        ]
        lines += [
            f"- {plain(h['statement'])}: by {_links(claim, h['discharged_by']) or 'nothing'}"
            for h in theorem["hypotheses"]
        ]
        lines += [""]
    elif step["machine_checked"] or step["kind"] == "measured":
        lines += [f"Evidence: {plain(step['detail'])}.", ""]
    return lines


def _links(claim: str, names: Iterable[str]) -> str:
    return ", ".join(f"[{plain(name)}](#{claim}-{name})" for name in names)


def _verdict(verdict: str) -> str:
    return f'<span class="{verdict}">{verdict}</span>'
