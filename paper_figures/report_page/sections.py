"""The sections of the page below the first screen: a function for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from ...models.measure.comparison import main_table
from ...theory.claims import ledger
from ..drawings.accuracy_curves import curves_figure
from ..drawings.gallery import gallery
from ..drawings.phase_maps import phase_figure
from ..drawings.rate_agreement import crossvalidation_figure
from ..drawings.residual_decay import residual_figure
from ..text.claim_graph import claim_graph
from ..text.claim_html import claim_html, claim_link
from ..text.claim_words import claim_row, summary
from ..text.graph_svg import graph_html
from ..text.html_page import Page
from .measurements import Measurements
from .mismatches import MEANING, Mismatch, counted, sentence

LEVEL_COLUMNS = ("trained length", "twice", "four times")
"""Columns of the accuracies of a run, for its levels in order."""
FOLDED = 8
"""Entries from which a list is folded."""


def add_sections(page: Page, measured: Measurements, found: list[Mismatch]) -> None:
    """Add every section; `found` is what did not fit."""
    page.heading("What did not fit")
    _misfits(page, found)
    page.heading("Figures")
    page.figures(_figures(measured))
    page.heading("What is proved beyond the paper")
    page.table([_extension(c) for c in measured.claims if c["source"] == "extension"])
    page.heading("Methods")
    _methods(page, measured)
    page.heading("Tables")
    _tables(page, measured)
    page.heading("Every claim, with hypotheses and steps")
    page.text(summary(measured.claims))
    for claim in measured.claims:
        page.block(claim_html(claim))
    page.block(
        "<details><summary>How the claims hang together</summary>"
        f"{graph_html(claim_graph(ledger(), measured.claims), claim_link)}</details>"
    )


def _misfits(page: Page, found: list[Mismatch]) -> None:
    page.text(sentence(found))
    for kind, own in counted(found).items():
        if own:
            title = f"{str(kind).capitalize()} ({len(own)}): {MEANING[kind]}"
            if len(own) >= FOLDED:
                page.details(title, list(map(str, own)))
            else:
                page.heading(title, small=True)
                page.items(list(map(str, own)))


def _figures(measured: Measurements) -> Iterator[tuple[Figure, str]]:
    """Those of the gallery, then those of this report."""
    for figure in gallery().values():
        yield figure.draw(), f"{figure.caption} {figure.text}".rstrip()
    for d in measured.diagrams:
        yield (
            phase_figure(d),
            "Spectral radius at the fixed point of h' = N(a h + A h + beta e), A Ginibre, measured"
            f" now; lines are the closed form (N6). Residual strength a ="
            f" {d.settings['residual']:g}, width {d.settings['width']:g}, {d.cells.rows} x"
            f" {d.cells.cols} cells, seed {measured.seed}; mean absolute error where (beta/sigma)"
            f" d^(1/4) >= 3: {d.mean_absolute_error:.3f}.",
        )
    results = measured.results
    yield (
        residual_figure(results),
        f"Median relative step against iterations, {measured.scale.inputs} random inputs of prefix"
        " sums, measured now. A straight fall is geometric convergence; the dashed line is 1/t, the"
        " mark of drift.",
    )
    yield (
        crossvalidation_figure(results),
        "Top: rate read off the orbit against rho from the Jacobian. Bottom: iterations to"
        " tolerance, measured now against predicted.",
    )
    yield (
        curves_figure(measured.runs),
        "Accuracy against iterations of the same checkpoints, by length, as recorded (one seed, 256"
        " sequences).",
    )


def _extension(claim: Mapping[str, Any]) -> dict[str, Any]:
    texts = dict.fromkeys(item["statement"].rstrip(".") for item in claim["consequences"])
    said = [f"{text[0].upper()}{text[1:]}." for text in texts]
    return {
        "claim": f"{claim['id']} {claim['title']}",
        "verdict": claim["verdict"],
        "says": " ".join(said) or claim["statement"].partition(". ")[0] + ".",
    }


def _methods(page: Page, measured: Measurements) -> None:
    page.text(
        "Proofs. Each claim is a list of steps: identities reduced to zero, sentences decided by"
        " two solvers, bounds enclosed by ball arithmetic, cited theorems with their hypotheses"
        " discharged, and deductions written for a reader. Its sentences are programs too: a"
        " falsifier is one exact case in which a hypothesis fails and the conclusion with it. All"
        " claims were checked when this page was made."
    )
    page.text(
        "Attacks. Each suite draws cases that satisfy every hypothesis of a claim and judges them"
        " without its proof. Then each hypothesis is dropped in turn: a suite that finds no"
        " counterexample there either has no power."
    )
    for note in measured.attacked.notes:
        page.text(note)
    page.text(
        "Trained loops. Accuracies are those recorded with the shipped runs. Outcomes, limits,"
        " sensitivities and gradients are the shipped measurements, each line of which names the"
        " command that makes it again. Forecasts were written before they were measured. Phase"
        " diagrams, counts of fixed points, the cross-validation of four checkpoints and the"
        " training of one model were made with this page."
    )
    page.text(
        "Verdicts. Each follows by the rule in its row from the ledger, the attacks and the"
        " records; none is written by hand. A statement is a phrase of the abstract; its precise"
        " form is ours."
    )


def _tables(page: Page, measured: Measurements) -> None:
    page.heading("Claims", small=True)
    page.table([claim_row(claim) for claim in measured.claims])
    page.heading("Attacks", small=True)
    page.table(measured.attacked.rows())
    page.items(measured.attacked.complaints)
    page.heading("Cross-validation of checkpoints, measured now", small=True)
    first = measured.results[0]
    page.text(
        f"Prefix sums, width 64; {measured.scale.inputs} random inputs per checkpoint in float64,"
        f" followed for {first.loops} iterations and, while undecided, up to {first.limit}."
        " Expected: the only outcome that the theorems leave, where they leave one; loops:"
        " iterations from relative step 1e-4 to 1e-8, measured and predicted from rho (medians)."
    )
    page.table(main_table(measured.results))
    page.heading("Fixed points without recall, counted by proof now (A2, M3)", small=True)
    page.text(
        "h' = tanh(gain G h) + b, G and b Gaussian: every fixed point is enclosed in a ball of its"
        " own by the Krawczyk operator, and the rest of the box is proved empty. Where the mean has"
        " a closed form, given the drawn matrices, it is that of Kac and Rice."
    )
    page.table([_count_row(counts.to_json()) for counts in measured.counts])
    page.heading("Runs", small=True)
    live = {**measured.live, "architecture": f"{measured.live['architecture']} (trained live)"}
    page.table([_run_row(run) for run in [*measured.runs, live]])
    page.text(
        "Each checkpoint was trained by: loopstab train --task prefix-sums --architecture"
        " RECALL/NORM --seed 0 --threads 1 --out DIR",
        soft=True,
    )


def _count_row(counts: Mapping[str, Any]) -> dict[str, Any]:
    names = ("size", "gain", "networks", "undecided", "mean", "kac_rice", "z", "index_violations")
    row = {name.replace("_", " "): counts[name] for name in names}
    return {**row, "fixed points: networks": str(counts["histogram"]).strip("{}").replace("'", "")}


def _run_row(run: dict[str, Any]) -> dict[str, Any]:
    row = {
        "checkpoint": run["architecture"],
        "level reached": run["level_reached"],
        "steps": run["steps"],
        "seconds": run["seconds"],
        **dict.fromkeys(LEVEL_COLUMNS, "-"),
    }
    for column, (bits, curve) in zip(LEVEL_COLUMNS, run["accuracy"].items(), strict=False):
        row[column] = f"{bits}: {max(curve):.3f} best, {curve[-1]:.3f} last"
    return row
