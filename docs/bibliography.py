"""The entries of references.bib, and which of them a reference in words names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from loopstab.paper_figures.text.markup import markdown_of_prose as plain
from loopstab.theory.theorems import THEOREMS


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


def references_page() -> str:
    """The bibliography, and which references of cited theorems were not looked up in full."""
    open_ones = sorted(
        {theorem.reference for theorem in THEOREMS.values() if "looked up" in theorem.reference}
    )
    return "\n".join(
        [
            "# References",
            "",
            "## Not looked up in full",
            "",
            "Every theorem that a proof cites names its source. Of these sources the place was not"
            " looked up, or not in full; each says so wherever it is printed:",
            "",
            *(f"- {plain(reference)}" for reference in open_ones),
            "",
            "## All references",
            "",
            "```{bibliography}",
            ":all:",
            "```",
            "",
        ]
    )
