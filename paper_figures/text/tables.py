"""Tables for the terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from ...theory.architecture import Architecture
from ...theory.kernel.claim import Axis
from ...theory.outcome import Outcome
from ...theory.prediction import Weights
from ...theory.table import rows
from .appendix import scope

if TYPE_CHECKING:
    from ...theory.checking.check import ClaimReport
    from ...theory.checking.mutation import MutationReport
    from ...theory.kernel.claim import Claim
    from ...theory.prediction import Prediction
    from ...theory.table import Cell


def text_of(value: Any) -> str:
    """A cell: floats with four figures, None as a dash."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_rows(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Print rows with equal keys as one table; too wide for the terminal, it folds rather than
    cuts.
    """
    table = Table(title=title)
    for key in rows[0] if rows else ():
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*map(text_of, row.values()))
    Console().print(table)


def claim_row(report: Mapping[str, Any]) -> dict[str, Any]:
    """One line about a checked claim from its JSON object."""
    kinds = Counter(step["kind"] for step in report["steps"])
    fired = sum(f["fired"] for f in report["falsifiers"])
    return {
        "id": report["id"],
        "title": report["title"],
        "source": report["source"],
        "verdict": report["verdict"],
        "steps": ", ".join(f"{n}\N{NO-BREAK SPACE}{kind}" for kind, n in kinds.items()),
        "falsifiers": f"{fired} of {len(report['falsifiers'])} fired",
        "seconds": float(report["seconds"]),
    }


def print_claims(reports: Sequence[ClaimReport]) -> None:
    """Print the ledger as a table; under it every step that did not pass, every falsifier that
    misbehaved, and the time.
    """
    objects = [r.to_json() for r in reports]
    print_rows([claim_row(o) for o in objects], "ledger")
    for o in objects:
        for line in complaints(o):
            print(line)
    kinds = Counter(step["kind"] for o in objects for step in o["steps"])
    now, cold = sum(r.seconds for r in reports), sum(r.cold_seconds for r in reports)
    print(
        f"{len(objects)} claims, {kinds.total()} steps"
        f" ({', '.join(f'{n} {kind}' for kind, n in kinds.items())}); {now:.1f} s now, {cold:.1f} s"
        " without the cache"
    )


def complaints(report: Mapping[str, Any]) -> list[str]:
    """What is wrong with a checked claim, a line for each step and falsifier, naming both."""
    lines = [
        f"{report['id']} step {step['name']} ({step['kind']}): {step['verdict']}: {step['detail']}"
        for step in report["steps"]
        if step["verdict"] != "passed"
    ]
    for item in report["falsifiers"]:
        if item["breach"]:
            lines.append(f"{report['id']} falsifier {item['name']}: {item['counterexample']}")
        elif not item["fired"]:
            lines.append(
                f"{report['id']} falsifier {item['name']}: no counterexample without"
                f" {item['drops']} in {item['trials']} trials"
            )
    return lines


def print_claim(report: ClaimReport) -> None:
    """Print one claim in full."""
    o = report.to_json()
    print(
        f"{o['id']}  {o['title']}  [{o['source']}]  {o['verdict']}, {report.seconds:.2f} s"
        f" ({report.cold_seconds:.2f} s without the cache)"
    )
    _paragraph(o["statement"])
    print("\nHypotheses")
    for item in o["hypotheses"]:
        _paragraph(f"{item['name']}: {item['statement']}")
    print("\nSteps")
    for number, step in enumerate(o["steps"], 1):
        print(
            f"  {number:2}. {step['name']}  [{step['kind']}; {step['dimensions']};"
            f" {step['verdict']}]"
        )
        _paragraph(step["statement"], 6)
        if step["uses"]:
            _paragraph(f"uses {', '.join(step['uses'])}", 6)
        if "theorem" in step:
            theorem = step["theorem"]
            _paragraph(f"{theorem['title']}: {theorem['statement']} [{theorem['reference']}]", 6)
            for item in theorem["hypotheses"]:
                _paragraph(
                    f"{item['name']}: {item['statement']}; by"
                    f" {', '.join(item['discharged_by']) or 'nothing'}",
                    8,
                )
        else:
            _paragraph(f"evidence: {step['detail']}", 6)
    print("\nFalsifiers")
    for item in o["falsifiers"]:
        found = item["counterexample"] or f"no counterexample in {item['trials']} trials"
        _paragraph(
            f"{item['name']}: against '{item['conclusion']}' without {item['drops']}: {found}"
        )
    print("\nConsequences")
    for item in o["consequences"]:
        _paragraph(f"{item['axis']}: {item['answer']} ({scope(item)}). {item['statement']}")
    for text in predictions(report.claim):
        _paragraph(text)
    if not o["consequences"] and not predictions(report.claim):
        _paragraph("none stated")
    if o["notes"]:
        print("\nNotes")
        for note in o["notes"]:
            _paragraph(note)


def _paragraph(text: str, indent: int = 2, hanging: int | None = None) -> None:
    further = " " * (indent + 2 if hanging is None else hanging)
    print(
        textwrap.fill(
            text,
            min(Console().width, 140),
            initial_indent=" " * indent,
            subsequent_indent=further,
            break_on_hyphens=False,
        )
    )


MEASUREMENTS = {
    "": Weights(),
    "if kappa < 1, ": Weights(kappa=0.5),
    "if rho(W_x) < 1, ": Weights(rho_wx=0.5),
    "if rho(W_x) > 1, ": Weights(rho_wx=2.0),
}
"""what may be measured of a loop, as far as a prediction depends on it"""


def predictions(claim: Claim) -> list[str]:
    """What the claim alone predicts: a line for each different prediction, with the architectures
    it is made for.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for architecture in Architecture.all():
        unmeasured = claim.predict(architecture)
        for condition, weights in MEASUREMENTS.items():
            made = claim.predict(architecture, weights)
            if made is not None and (not condition or made != unmeasured):
                groups.setdefault((condition, _in_words(made)), []).append(str(architecture))
    return [
        f"predicts, {condition}for {', '.join(members)}: {text}"
        for (condition, text), members in groups.items()
    ]


def _in_words(prediction: Prediction) -> str:
    excluded = [
        str(outcome)
        for outcome in Outcome
        if outcome is not Outcome.NON_FINITE and prediction.excludes(outcome)
    ]
    parts = [
        f"expected {prediction.expected}" if prediction.expected else "no outcome singled out",
        f"excluded {', '.join(excluded)}" if excluded else "none excluded",
        *(
            [f"input-dependence {prediction.input_dependence}"]
            if prediction.input_dependence
            else []
        ),
    ]
    return "; ".join(parts)


def print_table(cells: Sequence[Cell]) -> None:
    """Print the table of the paper: its cells are sentences, so one line each, under architecture
    and regime.
    """
    for section, regimes in groupby(
        rows(cells), lambda row: (row["recall"], row["outer norm"], row["residual"])
    ):
        recall, norm, residual = section
        print(
            f"{recall} recall, {'outer norm' if norm == 'yes' else 'no outer norm'}, residual"
            f" {residual}"
        )
        for row in regimes:
            print(f"  {row['regime']}")
            for axis in Axis:
                _paragraph(f"{axis:<17} {row[axis]}", 4, 22)
    if any(entry.measured for cell in cells for entry in cell.entries):
        print("* rests on a measured step: not proved")


def print_mutants(report: MutationReport) -> None:
    """Print how many mutants died, by kind of step, and every survivor."""
    kinds = [
        {"kind": str(kind), "killed": killed, "mutants": total}
        for kind, (killed, total) in report.by_kind().items()
    ]
    print_rows(
        [
            *kinds,
            {
                "kind": "all",
                "killed": len(report.mutants) - len(report.survivors),
                "mutants": len(report.mutants),
            },
        ],
        "mutants",
    )
    print(f"{100 * report.rate:.1f} % killed; {len(report.survivors)} survivor(s)")
    for mutant in report.survivors:
        print(mutant)
