"""The page of a claim: its statement, proof with everything that was checked, and attacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bibliography import keys_of

from loopstab.paper_figures.text.claim_words import from_cache, predictions, scope
from loopstab.paper_figures.text.markup import markdown_of_latex
from loopstab.paper_figures.text.markup import markdown_of_prose as plain
from loopstab.paper_figures.text.step_content import totals
from loopstab.paper_figures.text.step_html import html_details
from loopstab.theory.checking.check import ClaimReport


def slug(claim: str) -> str:
    """The id of a claim in file names and link targets."""
    return claim.replace("'", "-prime")


def claim_page(report: ClaimReport, entries: Mapping[str, Mapping[str, str]]) -> str:
    """One claim in full."""
    data = report.to_json()
    name = slug(data["id"])
    statement = (
        markdown_of_latex(f"claim {data['id']}", data["latex"])
        if data["latex"]
        else plain(data["statement"])
    )
    cached = f" ({text})" if (text := from_cache(data)) else ""
    lines = [
        f"# {plain(data['id'])}: {plain(data['title'])}",
        "",
        f"{verdict_html(data['verdict'])}{cached} · source: {plain(data['source'])} · checked:"
        f" {totals(data['steps']) or 'nothing by a machine'}",
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
    lines += ["## Sentences and falsifiers", "", *_predicates(name, data), *_unneeded(name, data)]
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


def _predicates(claim: str, data: Mapping[str, Any]) -> list[str]:
    """Each sentence that is a program too, what it needs, and the cases in which it fails."""
    lines = [
        "Each sentence below is a program too. It evaluates exactly whether the hypotheses and the"
        " conclusion hold in a case. A falsifier is a case in which one hypothesis fails, all"
        " others of the sentence hold, and the conclusion fails.",
        "",
    ]
    for item in data["predicates"]:
        lines += [
            f"**{plain(item['name'])}**: “{plain(item['sentence'])}” Concluded by"
            f" {_links(claim, item['concluded_by'])}; needs"
            f" {_links(claim, item['hypotheses']) or 'no hypothesis'}.",
            "",
        ]
        for attack in data["falsifiers"]:
            if attack["predicate"] == item["name"]:
                found = attack["counterexample"] or "no counterexample"
                if attack["breach"]:
                    found += ", although every hypothesis holds"
                lines += [
                    f"- without {_links(claim, [attack['drops']])}: {plain(found)}"
                    f" ({plain(attack['name'])})"
                ]
        lines += [""]
    return lines


def _unneeded(claim: str, data: Mapping[str, Any]) -> list[str]:
    """The hypotheses that no falsifier drops."""
    dropped = {attack["drops"] for attack in data["falsifiers"]}
    names = [item["name"] for item in data["hypotheses"] if item["name"] not in dropped]
    if not names:
        return []
    return [f"No falsifier shows that these hypotheses are needed: {_links(claim, names)}.", ""]


def _step(
    claim: str, number: int, step: Mapping[str, Any], entries: Mapping[str, Mapping[str, str]]
) -> list[str]:
    lines = [
        f"({claim}-{step['name']})=",
        f"### {number}. {plain(step['name'])}",
        "",
        f"*{step['kind']}* · {plain(step['dimensions'])} · {verdict_html(step['verdict'])}",
        "",
        plain(step["statement"]),
        "",
    ]
    if step["uses"]:
        lines += [f"Uses {_links(claim, step['uses'])}.", ""]
    if step["induction"]:
        base, onward = (_links(claim, [name]) for name in step["induction"])
        lines += [f"By induction: {base} is the base case, {onward} the induction step.", ""]
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
    checked = html_details(step)
    if checked:
        lines += [checked, ""]
    if step["verdict"] != "passed" or step["kind"] == "measured":
        lines += [f"Evidence: {plain(step['detail'])}.", ""]
    return lines


def _links(claim: str, names: Iterable[str]) -> str:
    return ", ".join(f"[{plain(name)}](#{claim}-{name})" for name in names)


def verdict_html(verdict: str) -> str:
    """A verdict in its colour."""
    return f'<span class="{verdict}">{verdict}</span>'
