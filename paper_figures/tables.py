"""Tables for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def text_of(value: Any) -> str:
    """A cell: floats with four figures, None as a dash."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_rows(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Print rows with equal keys as one table; too wide for the terminal, it folds rather than cuts."""
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
        "id": report["id"], "title": report["title"], "source": report["source"], "verdict": report["verdict"],
        "steps": ", ".join(f"{n} {kind}" for kind, n in kinds.items()), "falsifiers": f"{fired} of {len(report['falsifiers'])} fired",
        "seconds": float(report["seconds"]),
    }  # fmt: skip


def print_claims(reports: Sequence[Any]) -> None:
    """Print the ledger, and under it every step that did not pass."""
    objects = [r.to_json() for r in reports]
    print_rows([claim_row(o) for o in objects], "ledger")
    for o in objects:
        for step in o["steps"]:
            if step["verdict"] != "passed":
                print(f"{o['id']} step {step['name']} ({step['kind']}): {step['verdict']}: {step.get('detail', '')}")
