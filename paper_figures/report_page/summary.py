"""The answer of a report in a few sentences, every number from the measurements."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...models.measure.comparison import CrossValidation
from ...numerics.phase.diagram import PhaseDiagram
from .measurements import Measurements


def summary_lines(measured: Measurements) -> list[str]:
    """Five sentences, and one about the attacks if their results were given."""
    lines = [
        _claims(measured.claims),
        _law(measured.diagrams),
        _predictions(measured.results),
        _theorems(measured.results),
        _live(measured.live),
    ]
    return [*lines, measured.attacked.line()] if measured.attacked else lines


def _claims(claims: list[dict[str, Any]]) -> str:
    proved = [c["id"] for c in claims if c["verdict"] == "proved"]
    rest = [f"{c['id']} {c['verdict']}" for c in claims if c["verdict"] != "proved"]
    others = f"; {', '.join(rest)}" if rest else ""
    found = [f["fired"] for c in claims for f in c["falsifiers"]]
    return (
        f"Claims: {len(proved)} of {len(claims)} proved ({', '.join(proved)}){others};"
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


def _predictions(results: list[CrossValidation]) -> str:
    claimed = [r for r in results if r.expected is not None]
    agree = [f"{r.architecture} {r.expected}" for r in claimed if r.majority == r.expected]
    differ = [
        f"{r.architecture} mostly {r.majority}, where only {r.expected} is left"
        for r in claimed
        if r.majority != r.expected
    ]
    open_ones = [f"{r.architecture} mostly {r.majority}" for r in results if r.expected is None]
    smooth = [r.architecture for r in results if "L1" in r.claims]
    parts = [
        f"Trained loops: the claims leave one outcome for {len(claimed)} of {len(results)}",
        *([f"as measured: {', '.join(agree)}"] if agree else []),
        *([f"not so: {', '.join(differ)}"] if differ else []),
        *([f"several outcomes are left: {', '.join(open_ones)}"] if open_ones else []),
        f"the limit is smooth in the input by L1 (rho < 1 measured): {', '.join(smooth) or 'none'}",
    ]
    return "; ".join(parts) + "."


def _theorems(results: list[CrossValidation]) -> str:
    excluded = sum(
        n for r in results for o, n in r.outcomes.items() if o != "undecided" and o not in r.allowed
    )
    orbits = sum(r.inputs for r in results)
    constrained = sum(r.inputs for r in results if r.constrains)
    line = (
        f"Theorems: {excluded} of {orbits} orbits did something that a theorem excludes; of"
        f" {constrained} of them a theorem excludes something that the last operation of the step"
        " does not make impossible by itself. "
    )
    ratios = [
        c.measured_loops / c.predicted_loops
        for r in results
        for c in r.convergence
        if c.measured_loops and c.predicted_loops
    ]
    if not ratios:
        return line + "No fixed point allowed a check of the rate."
    return line + (
        f"Loops to tolerance, measured over predicted from rho: median {np.median(ratios):.3f}"
        f" (range {min(ratios):.3f} to {max(ratios):.3f}, {len(ratios)} fixed points)."
    )


def _live(live: dict[str, Any]) -> str:
    bits, curve = next(iter(live["accuracy"].items()))
    return (
        f"Trained live in {live['seconds']:.0f} s: {live['architecture']} solves {max(curve):.1%}"
        f" of {bits}-bit prefix sums."
    )
