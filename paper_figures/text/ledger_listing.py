"""The ledger on the terminal: as a table, a claim in full, the table of the paper, the mutants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ...theory.kernel.claim import Axis
from ...theory.table import rows
from .claim_words import claim_row, complaints, predictions, scope, summary, verdict_words
from .step_content import text_lines
from .tables import print_paragraph, print_rows

if TYPE_CHECKING:
    from ...theory.checking.check import ClaimReport
    from ...theory.checking.mutation import MutationReport
    from ...theory.table import Cell


def print_claims(reports: Sequence[ClaimReport]) -> None:
    """Print the ledger as a table, and below it everything that is wrong and the time."""
    objects = [r.to_json() for r in reports]
    print_rows([claim_row(o) for o in objects], "ledger")
    for o in objects:
        for line in complaints(o):
            print(line)
    now, cold = sum(r.seconds for r in reports), sum(r.cold_seconds for r in reports)
    print(f"{summary(objects)} {now:.1f} s now, {cold:.1f} s without the cache")
    if any(r.cached_steps or r.cached_falsifiers for r in reports):
        print("--no-cache checks everything again")


def print_claim(report: ClaimReport) -> None:
    """Print one claim in full."""
    o = report.to_json()
    print(
        f"{o['id']}  {o['title']}  [{o['source']}]  {verdict_words(o)}, {report.seconds:.2f} s"
        f" ({report.cold_seconds:.2f} s without the cache)"
    )
    print_paragraph(o["statement"])
    print("\nHypotheses")
    for item in o["hypotheses"]:
        print_paragraph(f"{item['name']}: {item['statement']}")
    print("\nSteps")
    for number, step in enumerate(o["steps"], 1):
        _print_step(number, step)
    print("\nSentences, and the case in which each fails without a hypothesis")
    for item in o["predicates"]:
        _print_predicate(item, o["falsifiers"])
    print("\nConsequences")
    lines = [
        f"{c['axis']}: {c['answer']} ({scope(c)}). {c['statement']}" for c in o["consequences"]
    ]
    for line in [*lines, *predictions(report.claim)] or ["none stated"]:
        print_paragraph(line)
    if o["notes"]:
        print("\nNotes")
        for note in o["notes"]:
            print_paragraph(note)


def _print_predicate(item: Mapping[str, Any], falsifiers: Sequence[Mapping[str, Any]]) -> None:
    needs = ", ".join(item["hypotheses"]) or "no hypothesis"
    print_paragraph(f"{item['name']}: {item['sentence']}")
    print_paragraph(f"concluded by {', '.join(item['concluded_by'])}; needs {needs}", 6)
    for attack in falsifiers:
        if attack["predicate"] == item["name"]:
            found = attack["counterexample"] or "no counterexample"
            print_paragraph(f"without {attack['drops']}: {found} ({attack['name']})", 6)


def _print_step(number: int, step: Mapping[str, Any]) -> None:
    qualities = f"{step['kind']}; {step['dimensions']}; {step['verdict']}"
    print(f"  {number:2}. {step['name']}  [{qualities}]")
    print_paragraph(step["statement"], 6)
    if step["uses"]:
        print_paragraph(f"uses {', '.join(step['uses'])}", 6)
    if step["induction"]:
        base, onward = step["induction"]
        print_paragraph(f"by induction from {base} by {onward}", 6)
    for line in text_lines(step):
        print_paragraph(line, 6)
    print_paragraph(f"evidence: {step['detail']}", 6)
    if "theorem" in step:
        theorem = step["theorem"]
        print_paragraph(f"{theorem['title']}: {theorem['statement']} [{theorem['reference']}]", 6)
        for item in theorem["hypotheses"]:
            by = ", ".join(item["discharged_by"]) or "nothing"
            print_paragraph(f"{item['name']}: {item['statement']}; by {by}", 8)


def print_table(cells: Sequence[Cell]) -> None:
    """Print the table of the paper; its cells are sentences, so each has a line of its own."""
    for section, regimes in groupby(
        rows(cells), lambda row: (row["recall"], row["outer norm"], row["residual"])
    ):
        recall, norm, residual = section
        outer = "outer norm" if norm == "yes" else "no outer norm"
        print(f"{recall} recall, {outer}, residual {residual}")
        for row in regimes:
            print(f"  {row['regime']}")
            for axis in Axis:
                print_paragraph(f"{axis:<17} {row[axis]}", 4, 22)
    if any(entry.measured for cell in cells for entry in cell.entries):
        print("* rests on a measured step: not proved")


def print_mutants(report: MutationReport) -> None:
    """Print how many mutants were killed, by kind of step, and every survivor."""
    counts = {str(kind): numbers for kind, numbers in report.by_kind().items()}
    total = len(report.mutants)
    counts["all"] = (total - len(report.survivors), total)
    print_rows(
        [{"kind": kind, "killed": k, "mutants": n} for kind, (k, n) in counts.items()], "mutants"
    )
    cached = f"; {report.cached} mutants from the cache" if report.cached else ""
    print(f"{100 * report.rate:.1f} % killed; {len(report.survivors)} survivor(s){cached}")
    for mutant in report.survivors:
        print(mutant)
