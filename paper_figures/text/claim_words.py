"""What a claim says, and what its check found, in short texts that every medium shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...theory.architecture import Architecture
from ...theory.outcome import Outcome
from ...theory.prediction import Weights
from .step_content import totals

if TYPE_CHECKING:
    from ...theory.kernel.claim import Claim
    from ...theory.prediction import Prediction

MEASUREMENTS = {
    "": Weights(),
    "if kappa < 1, ": Weights(kappa=0.5),
    "if rho < 1 at the fixed point that is reached, ": Weights(rho=0.5),
    "if the rank of A2' is full, ": Weights(full_rank=True),
    "if rho(W_x) < 1, ": Weights(rho_wx=0.5),
    "if rho(W_x) > 1, ": Weights(rho_wx=2.0),
    "if rho(W_x) > 1 and the start escapes, ": Weights(rho_wx=2.0, escapes=True),
    "if 0 is outside the hull of the update, ": Weights(hull_distance=0.5),
    "if the direction settles at a sink, ": Weights(sink=True),
}
"""Every measurement of a loop on which a prediction can depend, by the words for it."""


def claim_row(report: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a table for a checked claim, from its JSON object."""
    kinds = Counter(step["kind"] for step in report["steps"])
    found = sum(f["fired"] for f in report["falsifiers"])
    return {
        "id": report["id"],
        "title": report["title"],
        "source": report["source"],
        "verdict": verdict_words(report),
        "steps": ", ".join(f"{n}\N{NO-BREAK SPACE}{kind}" for kind, n in kinds.items()),
        "falsifiers": f"{found} of {len(report['falsifiers'])}",
        "seconds": float(report["seconds"]),
    }


def from_cache(*reports: Mapping[str, Any]) -> str:
    """How much of checked claims was found in the cache, from their JSON; empty if nothing was."""
    found = {
        what: sum(report["cached"][f"{what}s"] for report in reports)
        for what in ("step", "falsifier")
    }
    parts = [f"{n} {what}{'s' * (n != 1)}" for what, n in found.items() if n]
    return f"{' and '.join(parts)} from the cache" if parts else ""


def verdict_words(report: Mapping[str, Any]) -> str:
    """The verdict on a claim, and how much of it was found in the cache, if anything was."""
    cached = from_cache(report)
    return f"{report['verdict']} ({cached})" if cached else str(report["verdict"])


def summary(reports: Sequence[Mapping[str, Any]]) -> str:
    """Say how many claims, steps and checks there are, from the JSON of checked claims."""
    steps = [step for report in reports for step in report["steps"]]
    kinds = Counter(step["kind"] for step in steps)
    found = Counter(report["verdict"] for report in reports)
    others = [
        f"{report['id']} is {report['verdict']}"
        for report in reports
        if report["verdict"] != "proved"
    ]
    machine = sum(step["machine_checked"] for step in steps)
    cached = from_cache(*reports)
    not_now = f" Not checked now: {cached}." if cached else ""
    return (
        f"{len(reports)} claims, {found['proved']} of them proved"
        f"{''.join(f'; {text}' for text in others)}."
        f" {len(steps)} steps ({', '.join(f'{n} {kind}' for kind, n in kinds.items())}),"
        f" {machine} of them checked by a machine: {totals(steps)}.{not_now}"
    )


def complaints(report: Mapping[str, Any]) -> list[str]:
    """What is wrong with a checked claim, from its JSON object.

    There is a line for each step that did not pass, for each falsifier that found no
    counterexample, and for each counterexample that satisfies every assumption.
    """
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
                f" {item['drops']}"
            )
    return lines


def scope(item: Mapping[str, Any]) -> str:
    """Where a consequence applies, from its JSON object."""
    norm = {None: "any norm", True: "outer norm", False: "no outer norm"}[item["outer_norm"]]
    parts = [
        f"recall {'/'.join(item['recalls'])}",
        norm,
        f"residual {'/'.join(item['residuals'])}",
        f"{'/'.join(item['regimes'])} regime",
    ]
    return ", ".join(parts) + (f"; when {item['when']}" if item["when"] else "")


def predictions(claim: Claim) -> list[str]:
    """What the claim predicts by itself.

    There is a line for each different prediction, with the architectures that it is made for.
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
    ]
    if prediction.input_dependence:
        parts.append(f"input-dependence {prediction.input_dependence}")
    return "; ".join(parts)
