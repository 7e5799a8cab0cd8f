"""The main job: check the claims, measure the phase diagrams and the trained loops, and say on one
page whether they agree.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from tqdm import tqdm

from ..models.measure.crossvalidate import CrossValidation, crossvalidate, main_table
from ..models.network.model_config import ModelConfig
from ..models.tasks.prefix_sums import PrefixSums
from ..models.training.schedule import LengthCurriculum
from ..models.training.train import Trainer
from ..models.training.train_config import TrainConfig
from ..models.zoo import zoo
from ..numerics.certificates.counts import Counts, count_fixed_points
from ..numerics.phase.diagram import PhaseDiagram, phase_diagram
from ..support.files import write_atomic, write_json
from ..support.jsonable import jsonable
from ..theory.architecture import Architecture
from ..theory.checking.check import check
from ..theory.claims import ledger
from .drawings import loops as figures
from .drawings.boards import board_figure, board_runs
from .drawings.counts import count_figure
from .drawings.phase import phase_figure
from .drawings.zoo import plan_runs, zoo_figure
from .text.html_page import Page
from .text.tables import claim_row

if TYPE_CHECKING:
    from .text.attack_results import Attacks

T = TypeVar("T")
PACKAGES = (
    "loopstab",
    "sympy",
    "z3-solver",
    "python-flint",
    "numpy",
    "scipy",
    "torch",
    "matplotlib",
)


@dataclass(frozen=True)
class Report:
    """Where the page is, the lines that sum it up, and whether every claim stands."""

    path: Path
    lines: list[str]
    summary: dict[str, Any]
    sound: bool


@dataclass(frozen=True)
class Scale:
    """How much of everything a report measures."""

    width: int
    networks: int
    grid: tuple[int, int]
    inputs: int
    loops: int
    live_bits: int
    live_steps: int


FULL = Scale(
    width=200, networks=200, grid=(12, 12), inputs=256, loops=500, live_bits=12, live_steps=600
)
QUICK = Scale(width=64, networks=25, grid=(6, 6), inputs=16, loops=200, live_bits=4, live_steps=40)


def write_report(
    out: Path,
    *,
    quick: bool = False,
    attacks: Path | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Report:
    """Do it all and write `index.html` and `report.json` into the existing folder `out`.

    `attacks`: folder with the results of `loopstab attack`, to be shown. They are not made here: a
    verdict needs as many cases as let every dropped hypothesis be found out, which is minutes; a
    shorter attack would report its own brevity.
    """
    attacked = _attacks(attacks)
    scale, start = (QUICK if quick else FULL), time.monotonic()

    def stage(name: str, work: Callable[[], T]) -> T:
        if progress:
            print(f"[{time.monotonic() - start:5.0f} s] {name}", flush=True)
        return work()

    claims = stage("checking the claims", lambda: [check(c).to_json() for c in ledger()])
    counts = stage(
        "counting fixed points by proof",
        lambda: [
            count_fixed_points("tanh", size, gain, scale.networks, seed)
            for size in (1, 2)
            for gain in (1.0, 2.0, 4.0, 8.0)
        ],
    )
    diagrams = [
        stage(
            f"phase diagram, residual {a:g}",
            lambda a=a: phase_diagram(
                "linear",
                settings={"residual": a, "width": scale.width},
                grid=scale.grid,
                seed=seed,
                progress=progress,
            ),
        )
        for a in (0.0, 1.0)
    ]
    live = stage(
        "training one small model from scratch", lambda: _train_live(scale, seed, progress)
    )
    results = stage(
        f"cross-validating {', '.join(zoo.SHOWN)}",
        lambda: _crossvalidate_all(scale, seed, progress),
    )
    runs = [zoo.describe(name)["run"] for name in zoo.SHOWN]
    sound = (
        all(c["verdict"] != "refuted" for c in claims)
        and not (attacked and attacked.fallen)
        and not any(c.fallen for c in counts)
    )
    lines = summary_lines(claims, diagrams, live, results) + ([attacked.line()] if attacked else [])
    seconds = time.monotonic() - start
    page = _page(
        lines, claims, attacked, counts, diagrams, live, results, runs, scale, quick, seed, seconds
    )
    data = {
        "title": "loopstab report",
        "quick": quick,
        "seed": seed,
        "seconds": round(seconds, 1),
        "versions": _versions(),
        "summary": lines,
        "claims": claims,
        "attacks": attacked.to_json() if attacked else None,
        "certified_counts": [c.to_json() for c in counts],
        "phase": [d.to_json() for d in diagrams],
        "live_training": live,
        "crossvalidation": [r.to_json() for r in results],
        "checkpoints": runs,
    }
    write_json(out / "report.json", jsonable(data))
    path = write_atomic(out / "index.html", page.html())
    return Report(
        path,
        lines,
        {"lines": lines, "path": str(path), "seconds": round(seconds, 1), "sound": sound},
        sound,
    )


def summary_lines(
    claims: list[dict[str, Any]],
    diagrams: list[PhaseDiagram],
    live: dict[str, Any],
    results: list[CrossValidation],
) -> list[str]:
    """Five sentences, every number from the measurement."""
    proved = [c["id"] for c in claims if c["verdict"] == "proved"]
    rest = [f"{c['id']} {c['verdict']}" for c in claims if c["verdict"] != "proved"]
    fired = sum(f["fired"] for c in claims for f in c["falsifiers"])
    total = sum(len(c["falsifiers"]) for c in claims)
    errors = ", ".join(
        f"{d.mean_absolute_error:.3f} (a = {d.settings['residual']:g})" for d in diagrams
    )
    claimed = [r for r in results if r.expected is not None]
    agree = [r.architecture for r in claimed if r.majority == r.expected]
    differ = [
        f"{r.architecture} expected {r.expected}, mostly {r.majority}"
        for r in claimed
        if r.architecture not in agree
    ]
    silent = [f"{r.architecture}, mostly {r.majority}" for r in results if r.expected is None]
    ratios = [
        c.measured_loops / c.predicted_loops
        for r in results
        for c in r.convergence
        if c.measured_loops and c.predicted_loops
    ]
    excluded = sum(
        n for r in results for o, n in r.outcomes.items() if o != "undecided" and o not in r.allowed
    )
    bits, curve = next(iter(live["accuracy"].items()))
    return [
        (
            f"Claims: {len(proved)} of {len(claims)} proved"
            f" ({', '.join(proved)}){'; ' + ', '.join(rest) if rest else ''}; {fired} of {total}"
            " falsifiers fired."
        ),
        (
            "Mean-field law N6: mean absolute error of rho where (beta/sigma) d^(1/4) >= 3 is"
            f" {errors} at width {diagrams[0].settings['width']:g}."
        ),
        f"Trained loops: {len(agree)} of {len(claimed)} do what was predicted ({', '.join(agree)})"
        + (f"; not so: {'; '.join(differ)}" if differ else "")
        + (f"; nothing claimed: {'; '.join(silent)}." if silent else "."),
        f"Theorems: {excluded} of {sum(r.inputs for r in results)} orbits did something that a"
        " theorem excludes. "
        + (
            f"Loops to tolerance, measured over predicted from rho: median {np.median(ratios):.3f}"
            f" (range {min(ratios):.3f} to {max(ratios):.3f}, {len(ratios)} fixed points)."
            if ratios
            else "No fixed point allowed a check of the rate."
        ),
        (
            f"Trained live in {live['seconds']:.0f} s: {live['architecture']} solves"
            f" {max(curve):.1%} of {bits}-bit prefix sums."
        ),
    ]


def _attacks(folder: Path | None) -> Attacks | None:
    if folder is None:
        return None
    from .text.attack_results import (
        Attacks,
    )  # suites need hypothesis, which a report without attacks does without

    return Attacks.read(folder)


def _crossvalidate_all(scale: Scale, seed: int, progress: bool) -> list[CrossValidation]:
    """One checkpoint per thread, and one thread per product: small products gain nothing from more,
    and torch frees the interpreter.
    """

    def measure(name: str) -> CrossValidation:
        torch.set_num_threads(1)
        return crossvalidate(
            zoo.load(name), name=name, inputs=scale.inputs, loops=scale.loops, seed=seed
        )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(
            tqdm(
                pool.map(measure, zoo.SHOWN),
                total=len(zoo.SHOWN),
                unit="checkpoint",
                disable=not progress,
            )
        )


def _train_live(scale: Scale, seed: int, progress: bool) -> dict[str, Any]:
    schedule = LengthCurriculum(
        bits=scale.live_bits, max_steps=scale.live_steps, polish=max(10, scale.live_steps // 6)
    )
    config = TrainConfig(
        model=ModelConfig(Architecture.parse("external/post")),
        schedule=schedule,
        seed=seed,
        eval_loops=100,
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(
        1
    )  # two threads gain nothing at this size, and lose much on a busy machine
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = Trainer(config, PrefixSums(scale.live_bits, (1, 2)), folder).run(
                progress=progress
            )
    finally:
        torch.set_num_threads(threads)
    assert result is not None  # no time budget was set
    return result


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": str(torch.get_num_threads()),
    } | {p: version(p) for p in PACKAGES}


def _page(
    lines: list[str],
    claims: list[dict[str, Any]],
    attacked: Attacks | None,
    counts: list[Counts],
    diagrams: list[PhaseDiagram],
    live: dict[str, Any],
    results: list[CrossValidation],
    runs: list[dict[str, Any]],
    scale: Scale,
    quick: bool,
    seed: int,
    seconds: float,
) -> Page:
    page = Page("Does the theory hold on a loop that was really trained?")
    if quick:
        page.text(
            "Quick run: small grids and few inputs. Run without --quick for the real figures.",
            soft=True,
        )
    page.items(lines, answer=True)

    page.heading("What is proved")
    page.text(
        "Each claim is a list of steps: identities reduced to zero, statements decided by z3,"
        " bounds enclosed by ball arithmetic, cited theorems with their hypotheses discharged, and"
        " deductions written for a reader. A falsifier must find a counterexample when a hypothesis"
        " is dropped."
    )
    page.table([claim_row(c) for c in claims])
    for c in claims:
        steps = [
            f"{s['name']} ({s['kind']}; {s['dimensions']}): {s['statement']} [{s['verdict']}]"
            for s in c["steps"]
        ]
        attacks = [
            f"falsifier {f['name']}, without {f['drops']}: {f['counterexample'] or 'did not fire'}"
            for f in c["falsifiers"]
        ]
        page.details(f"{c['id']} {c['title']}", steps + attacks)
    page.figure(
        figures.stable_sets_figure(),
        "Stable sets of the scalar maps (R4), in closed form, with the share of Gaussian parameters"
        " that they catch.",
    )

    page.heading("What the attacks found")
    if attacked is None:
        page.text(
            "No results of attacks were given: run loopstab attack --out DIR, then loopstab report"
            " --attacks DIR.",
            soft=True,
        )
    else:
        page.text(
            "Each suite draws cases that satisfy every hypothesis of a claim and judges them"
            " without its proof; then each hypothesis is dropped in turn, and a suite that finds no"
            " counterexample there either is powerless."
        )
        page.table(attacked.rows())
        page.items(attacked.complaints)

    page.heading("Fixed points without recall, counted by proof (A2, M3)")
    page.text(
        "h' = tanh(gain G h) + b, G and b Gaussian: every fixed point is enclosed in a ball of its"
        " own by the Krawczyk operator, and the rest of the box is proved empty. Where the mean has"
        " a closed form (Kac-Rice, given the drawn matrices) it stands below the measured one as"
        " law."
    )
    kept = sum(not c.fallen for c in counts)
    page.figure(
        count_figure(counts),
        f"Certified; seed {seed}. {sum(c.undecided for c in counts)} networks undecided. Both laws"
        f" hold in {kept} of {len(counts)} cells: the indices of every decided network sum to 1,"
        " and the mean is within 5 standard errors of its closed form, where it has one.",
    )

    page.heading("The mean-field law against random loops (N6)")
    page.text(
        "Measured spectral radius at the fixed point of h' = N(a h + A h + beta e), A Ginibre; the"
        " lines are the closed form, drawn from the theory."
    )
    for d in diagrams:
        page.figure(
            phase_figure(d),
            f"Residual strength a = {d.settings['residual']:g}, width {d.settings['width']:g},"
            f" {d.cells.rows} x {d.cells.cols} cells, seed {seed}. Sampled; mean absolute error of"
            f" rho where (beta/sigma) d^(1/4) >= 3: {d.mean_absolute_error:.3f}.",
        )

    page.heading("Prediction and measurement on trained loops")
    page.text(
        f"Prefix sums, width 64; {scale.inputs} random inputs per checkpoint in float64, followed"
        f" for {results[0].loops} loops and, while undecided, up to {results[0].limit}. Expected:"
        " what the theory's narrative says; loops: from relative step 1e-4 to 1e-8, measured and"
        " predicted from rho (medians)."
    )
    page.table(main_table(results))
    mismatches = [f"{r.architecture}: {line}" for r in results for line in r.mismatches]
    page.text(f"Mismatches ({len(mismatches)}):" if mismatches else "Mismatches: none.")
    page.items(mismatches)
    page.figure(
        figures.residual_figure(results),
        "Median relative step against loops. A straight fall is geometric convergence; the dashed"
        " line is 1/t, the mark of drift.",
    )
    page.figure(
        figures.crossvalidation_figure(results),
        "Top: rate read off the orbit against rho from the Jacobian. Bottom: loops to tolerance,"
        " measured against predicted.",
    )

    page.heading("Accuracy against loops")
    page.text(
        "Whole sequences right at the training length and beyond it, as recorded with each"
        " checkpoint (seeded, 256 sequences)."
    )
    page.figure(
        figures.curves_figure(runs), "Accuracy against loops of the shipped checkpoints, by length."
    )
    page.table(
        [
            _run_row(r)
            for r in [*runs, {**live, "architecture": f"{live['architecture']} (trained live)"}]
        ]
    )
    page.text(
        "Each checkpoint was trained by: loopstab train --task prefix-sums --architecture"
        " RECALL/NORM --seed 0 --threads 1 --out DIR",
        soft=True,
    )
    page.heading("Sudoku, chess and endgames")
    page.text(
        "The widest shipped runs of the recipe (docs/training.md), as evaluated at the end of"
        " training: 95 % intervals as bands, and the number of loops chosen on other samples than"
        " those reported on."
    )
    page.figure(
        board_figure(board_runs()),
        "Accuracy against loops; the dashed line is the most loops of a training step.",
    )
    page.heading("The zoo: three tasks, three seeds")
    page.text(
        "The shipped runs of the plan cpu, as evaluated at the end of each training run; 256"
        " samples of each level."
    )
    page.figure(
        zoo_figure(plan_runs()),
        "Hollow: at the best number of loops; filled: after 500 loops; a mark for each run.",
    )
    versions = ", ".join(f"{k} {v}" for k, v in _versions().items())
    page.text(
        f"Seed {seed}; {seconds:.0f} s; {versions}. Every number is in report.json beside this"
        " page.",
        soft=True,
    )
    return page


def _run_row(run: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "checkpoint": run["architecture"],
        "level reached": run["level_reached"],
        "steps": run["steps"],
        "seconds": run["seconds"],
    }
    for i, (bits, curve) in enumerate(run["accuracy"].items()):
        row[("trained length", "twice", "four times")[i]] = (
            f"{bits}: {max(curve):.3f} best, {curve[-1]:.3f} last"
        )
    return {
        **dict.fromkeys(
            (
                "checkpoint",
                "level reached",
                "steps",
                "seconds",
                "trained length",
                "twice",
                "four times",
            ),
            "-",
        ),
        **row,
    }
