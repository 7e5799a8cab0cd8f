"""The sections of the page: a function for each, and the figures of the gallery among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...models.measure.comparison import main_table
from ...theory.claims import ledger
from ..drawings.accuracy_curves import curves_figure
from ..drawings.fixed_point_counts import count_figure
from ..drawings.gallery import GalleryFigure, gallery
from ..drawings.phase_maps import phase_figure
from ..drawings.rate_agreement import crossvalidation_figure
from ..drawings.residual_decay import residual_figure
from ..text.claim_graph import claim_graph
from ..text.claim_html import claim_html, claim_link
from ..text.claim_words import claim_row, summary
from ..text.graph_svg import graph_html
from ..text.html_page import Page
from .measurements import Measurements

LEVEL_COLUMNS = ("trained length", "twice", "four times")
"""Columns of the accuracies of a run, for its levels in order."""


def add_sections(page: Page, measured: Measurements) -> None:
    """Add every section, and to each the figures of the gallery that name its heading.

    Figures of the gallery with other headings are added at the end, under these headings.
    """
    figures = list(gallery().values())
    for heading, fill in SECTIONS.items():
        page.heading(heading)
        fill(page, measured)
        _add_figures(page, (f for f in figures if f.section == heading))
    others = [f for f in figures if f.section not in SECTIONS]
    for heading in dict.fromkeys(f.section for f in others):
        page.heading(heading)
        _add_figures(page, (f for f in others if f.section == heading))


def _add_figures(page: Page, figures: Iterable[GalleryFigure]) -> None:
    for figure in figures:
        if figure.text:
            page.text(figure.text)
        page.figure(figure.draw(), figure.caption)


def _proofs(page: Page, measured: Measurements) -> None:
    page.text(
        "Each claim is a list of steps: identities reduced to zero, sentences decided by two"
        " solvers, bounds enclosed by ball arithmetic, cited theorems with their hypotheses"
        " discharged, and deductions written for a reader. Its sentences are programs too: a"
        " falsifier is one exact case in which a hypothesis fails and the conclusion with it."
    )
    page.text(summary(measured.claims))
    page.block(graph_html(claim_graph(ledger(), measured.claims), claim_link))
    page.table([claim_row(claim) for claim in measured.claims])
    for claim in measured.claims:
        page.block(claim_html(claim))


def _attacks(page: Page, measured: Measurements) -> None:
    if measured.attacked is None:
        page.text(
            "No results of attacks were given: run loopstab attack --out DIR, then loopstab report"
            " --attacks DIR.",
            soft=True,
        )
        return
    page.text(
        "Each suite draws cases that satisfy every hypothesis of a claim and judges them without"
        " its proof. Then each hypothesis is dropped in turn: a suite that finds no counterexample"
        " there either has no power."
    )
    for note in measured.attacked.notes:
        page.text(note)
    page.table(measured.attacked.rows())
    page.items(measured.attacked.complaints)


def _counts(page: Page, measured: Measurements) -> None:
    counts = measured.counts
    page.text(
        "h' = tanh(gain G h) + b, G and b Gaussian: every fixed point is enclosed in a ball of its"
        " own by the Krawczyk operator, and the rest of the box is proved empty. Where the mean has"
        " a closed form (Kac-Rice, given the drawn matrices) it stands below the measured one as"
        " law."
    )
    undecided, kept = sum(c.undecided for c in counts), sum(not c.falsified for c in counts)
    page.figure(
        count_figure(counts),
        f"Certified; seed {measured.seed}. {undecided} networks undecided. Both laws hold in"
        f" {kept} of {len(counts)} cells: the indices of every decided network sum to 1, and the"
        " mean is within 5 standard errors of its closed form, where it has one.",
    )


def _mean_field(page: Page, measured: Measurements) -> None:
    page.text(
        "Measured spectral radius at the fixed point of h' = N(a h + A h + beta e), A Ginibre; the"
        " lines are the closed form, drawn from the theory."
    )
    for d in measured.diagrams:
        page.figure(
            phase_figure(d),
            f"Residual strength a = {d.settings['residual']:g}, width {d.settings['width']:g},"
            f" {d.cells.rows} x {d.cells.cols} cells, seed {measured.seed}. Sampled; mean absolute"
            f" error of rho where (beta/sigma) d^(1/4) >= 3: {d.mean_absolute_error:.3f}.",
        )


def _predictions(page: Page, measured: Measurements) -> None:
    results = measured.results
    page.text(
        f"Prefix sums, width 64; {measured.scale.inputs} random inputs per checkpoint in float64,"
        f" followed for {results[0].loops} iterations and, while undecided, up to"
        f" {results[0].limit}. Expected: the only outcome that the theorems leave, where they leave"
        " one; loops: iterations from relative step 1e-4 to 1e-8, measured and predicted from rho"
        " (medians)."
    )
    page.table(main_table(results))
    mismatches = [f"{r.architecture}: {line}" for r in results for line in r.mismatches]
    page.text(f"Mismatches ({len(mismatches)}):" if mismatches else "Mismatches: none.")
    page.items(mismatches)
    page.figure(
        residual_figure(results),
        "Median relative step against iterations. A straight fall is geometric convergence; the"
        " dashed line is 1/t, the mark of drift.",
    )
    page.figure(
        crossvalidation_figure(results),
        "Top: rate read off the orbit against rho from the Jacobian. Bottom: iterations to"
        " tolerance, measured against predicted.",
    )


def _accuracy(page: Page, measured: Measurements) -> None:
    page.text(
        "Exact-match accuracy at the training length and beyond it, as recorded with each"
        " checkpoint (seeded, 256 sequences)."
    )
    page.figure(
        curves_figure(measured.runs),
        "Accuracy against iterations of the shipped checkpoints, by length.",
    )
    live = {**measured.live, "architecture": f"{measured.live['architecture']} (trained live)"}
    page.table([_run_row(run) for run in [*measured.runs, live]])
    page.text(
        "Each checkpoint was trained by: loopstab train --task prefix-sums --architecture"
        " RECALL/NORM --seed 0 --threads 1 --out DIR",
        soft=True,
    )


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


SECTIONS: dict[str, Callable[[Page, Measurements], None]] = {
    "What is proved": _proofs,
    "What the attacks found": _attacks,
    "Fixed points without recall, counted by proof (A2, M3)": _counts,
    "The mean-field law against random loops (N6)": _mean_field,
    "Prediction and measurement on trained loops": _predictions,
    "Accuracy against iterations": _accuracy,
}
"""The headings of the page, in order, with what fills them."""
