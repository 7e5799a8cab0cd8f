"""A claim in full as a folded part of an HTML page, from the JSON object of its check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from .step_html import html_details


def claim_link(claim: str) -> str:
    """The address of a claim on the page."""
    return "#claim-" + claim.replace("'", "-prime")


def claim_html(claim: Mapping[str, Any]) -> str:
    """The statement, every step with what was checked, and the falsifiers, folded."""
    title = f"{claim['id']} {claim['title']}"
    steps = "".join(_step(number, step) for number, step in enumerate(claim["steps"], 1))
    hypotheses = _items(f"{item['name']}: {item['statement']}" for item in claim["hypotheses"])
    return (
        f'<details id="{claim_link(claim["id"])[1:]}"><summary>{escape(title)}</summary>'
        f"<p>{escape(claim['statement'])}</p>{hypotheses}{steps}{_predicates(claim)}</details>"
    )


def _step(number: int, step: Mapping[str, Any]) -> str:
    qualities = f"{step['kind']}; {step['dimensions']}; {step['verdict']}"
    names = [*step["uses"], *step["induction"]]
    uses = f" Uses {', '.join(names)}." if names else ""
    return (
        f'<div class="step"><b>{number}. {escape(step["name"])}</b>'
        f' <span class="soft">{escape(qualities)}</span><br>{escape(step["statement"])}.'
        f"{escape(uses)}{_theorem(step)}{html_details(step)}</div>"
    )


def _theorem(step: Mapping[str, Any]) -> str:
    if "theorem" not in step:
        return ""
    theorem = step["theorem"]
    met = _items(
        f"{item['statement']}: by {', '.join(item['discharged_by']) or 'nothing'}"
        for item in theorem["hypotheses"]
    )
    text = f"{theorem['title']}: {theorem['statement']} [{theorem['reference']}]"
    return f"<br><i>{escape(text)}</i>{met}"


def _predicates(claim: Mapping[str, Any]) -> str:
    return "".join(
        f'<div class="step"><b>{escape(item["name"])}</b>: {escape(item["sentence"])}'
        + _items(
            f"without {attack['drops']}: {attack['counterexample'] or 'no counterexample'}"
            for attack in claim["falsifiers"]
            if attack["predicate"] == item["name"]
        )
        + "</div>"
        for item in claim["predicates"]
    )


def _items(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
