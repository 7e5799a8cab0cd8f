"""The answer of a report in a few sentences, every number from the measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...numerics.phase.diagram import PhaseDiagram
from .first_screen import tally
from .measurements import Measurements
from .mismatches import Mismatch, sentence
from .statements import Row


def summary_lines(
    measured: Measurements, rows: Sequence[Row], found: Sequence[Mismatch]
) -> list[str]:
    """Six sentences.

    Args:
        measured: what was measured.
        rows: the judged statements.
        found: what did not fit; the page lists these, and the sentence counts them.
    """
    return [
        tally(rows),
        sentence(found),
        _claims(measured.claims),
        measured.attacked.line(),
        _law(measured.diagrams),
        _live(measured.live),
    ]


def _claims(claims: list[dict[str, Any]]) -> str:
    proved = sum(c["verdict"] == "proved" for c in claims)
    rest = [f"{c['id']} {c['verdict']}" for c in claims if c["verdict"] != "proved"]
    others = f"; {', '.join(rest)}" if rest else ""
    found = [f["fired"] for c in claims for f in c["falsifiers"]]
    return (
        f"Claims: {proved} of {len(claims)} proved{others};"
        f" {sum(found)} of {len(found)} falsifiers found a counterexample."
    )


def _law(diagrams: list[PhaseDiagram]) -> str:
    errors = ", ".join(
        f"{d.mean_absolute_error:.3f} (a = {d.settings['residual']:g})" for d in diagrams
    )
    return (
        "Mean-field law N6: mean absolute error of rho where (beta/sigma) d^(1/4) >= 3 is"
        f" {errors} at width {diagrams[0].settings['width']:g}."
    )


def _live(live: dict[str, Any]) -> str:
    bits, curve = next(iter(live["accuracy"].items()))
    return (
        f"Trained live in {live['seconds']:.0f} s: {live['architecture']} solves {max(curve):.1%}"
        f" of {bits}-bit prefix sums."
    )
