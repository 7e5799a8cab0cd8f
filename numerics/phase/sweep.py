"""A sweep: a law is measured over two of its parameters, finer where the outcome changes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...support.errors import UsageError, check_seed_and_jobs
from ...theory.outcome import Outcome
from ..arrays import Array
from .axes import Cells, DiagramAxis
from .diagram import PhaseDiagram, plane
from .laws.law import LoopLaw, Samples, complete
from .laws.registry import law_named
from .store import Store, key
from .work import Wanted, Workforce, local, measure

USUAL_AXES = (
    "beta:0.05:5:log",
    "sigma:0.2:5:log",
    "residual:0:2",
    "recall:0.1:10:log",
    "block:0.1:10:log",
    "width:8:64",
)
"""Axes that are used where none is given, in the order of preference."""
MOST_SAMPLES = 10**8
"""Most samples of the coarse cells: a few gigabytes of results."""


def phase_diagram(
    law: str = "linear",
    *,
    x: str | DiagramAxis | None = None,
    y: str | DiagramAxis | None = None,
    settings: Mapping[str, float] | None = None,
    grid: tuple[int, int] = (24, 24),
    depth: int = 0,
    draws: int = 1,
    seed: int = 0,
    independent: bool = False,
    cache: str | Path | None = None,
    jobs: int = -1,
    workforce: Workforce | None = None,
    progress: bool = False,
) -> PhaseDiagram:
    """Measure a law over two of its parameters, with the closed form beside it.

    Args:
        law: a mean-field law by its activation ("linear", "tanh", ...), or a block by its
            architecture, "[transformer:]recall/norm[/residual]".
        x: the horizontal axis, as a `DiagramAxis` or as text, "NAME:LOW:HIGH[:log]". By default the
            first parameter of the law that stands in `USUAL_AXES` and is neither y nor set.
        y: the vertical axis; by default the next such parameter.
        settings: values of the other parameters; those left out have the defaults of the law.
        grid: rows x columns (y x x) of the coarse cells.
        depth: how often the cells are split in four where the most frequent outcome or the sign of
            rho - 1 changes, 0 to 8.
        draws: random loops for each cell.
        seed: the seed of the draws.
        independent: whether every cell has draws of its own; else cells share their matrices.
        cache: a folder in which measured samples are kept and found again.
        jobs: threads on this machine; -1 for one on each core.
        workforce: what does the work, if not these threads (`loopstab.numerics.phase.cluster`). The
            numbers depend neither on it nor on the order of the work.
        progress: whether a progress bar is shown.

    Returns:
        The diagram.

    Raises:
        UsageError: the law is unknown, or the axes, the settings or a number do not fit it.

    Example:
        At strong recall the linear law has a stable fixed point (claim N6):

        >>> from loopstab import phase_diagram
        >>> diagram = phase_diagram(
        ...     "linear", x="beta:3:5", y="sigma:0.2:1", settings={"width": 32}, grid=(2, 2), jobs=1
        ... )
        >>> set(diagram.outcome.tolist()), bool((diagram.rho < 1).all())
        ({'fixed-point'}, True)
    """
    rule = law_named(law)
    x, y = usual_axes(rule, x, y, settings or {})
    fixed = check(rule, x, y, dict(settings or {}))
    check_seed_and_jobs(seed, jobs)
    many = grid[0] * grid[1] * draws > MOST_SAMPLES
    if min(grid) < 2 or draws < 1 or not 0 <= depth <= 8 or many:
        raise UsageError(
            "a phase diagram needs a grid of at least 2x2, draws >= 1, depth 0 to 8 and at most"
            f" {MOST_SAMPLES} samples of coarse cells, not {grid}, {draws}, {depth}"
        )
    start, store, work, count = time.perf_counter(), Store(cache), workforce or local(jobs), 0
    cells, new = Cells.coarse(*grid), slice(0, None)
    while True:
        values = plane(rule, x, y, fixed, *cells.shares())
        wanted = _wanted(rule, values, draws, seed, independent)
        count += measure(rule, wanted[new], store, work, progress)
        samples = store.samples([key(rule, *one) for one in wanted])
        by_cell = Samples(*(column.reshape(len(cells), draws) for column in samples))
        maps = _maps(rule, values, by_cell)
        classes = [f"{o} {r < 1}" for o, r in zip(maps["outcome"], maps["rho"], strict=True)]
        chosen = cells.boundary(classes, depth)
        if not chosen.any():
            break
        new = slice((len(cells) - int(chosen.sum())) * draws, None)  # those that stay come first
        cells = cells.split(chosen)
    return PhaseDiagram(
        law=law,
        x=x,
        y=y,
        settings=fixed,
        draws=draws,
        seed=seed,
        independent=independent,
        depth=depth,
        cells=cells,
        **maps,
        measured=count,
        seconds=time.perf_counter() - start,
    )


def usual_axes(
    rule: LoopLaw,
    x: str | DiagramAxis | None,
    y: str | DiagramAxis | None,
    settings: Mapping[str, float],
) -> tuple[DiagramAxis, DiagramAxis]:
    """The axes as given, and usual ones for those that are not."""
    given = [DiagramAxis.parse(axis) if isinstance(axis, str) else axis for axis in (x, y)]
    taken = {axis.name for axis in given if axis is not None} | set(settings)
    usual = (DiagramAxis.parse(text) for text in USUAL_AXES)
    free = (axis for axis in usual if axis.name in rule.parameters and axis.name not in taken)
    first, second = (next(free, None) if axis is None else axis for axis in given)
    if first is None or second is None:
        raise UsageError(
            f"law {rule.name} needs both axes, as NAME:LOW:HIGH[:log]; its parameters"
            f" are {', '.join(rule.parameters)}"
        )
    return first, second


def check(
    rule: LoopLaw, x: DiagramAxis, y: DiagramAxis, settings: dict[str, float]
) -> dict[str, float]:
    """The complete settings besides the axes; raises `UsageError` if they do not fit the law."""
    if x.name == y.name:
        raise UsageError(
            f"both axes are {x.name}: choose two different parameters of"
            f" {', '.join(rule.parameters)}"
        )
    for axis in (x, y):
        if axis.name in settings:
            raise UsageError(
                f"{axis.name} is an axis and is also set to {settings[axis.name]:g}: remove one of"
                " them"
            )
    for ends in ("low", "high"):
        corner = {axis.name: _whole(rule, axis, getattr(axis, ends)) for axis in (x, y)}
        values = complete(rule, {**settings, **corner})
    return {name: value for name, value in values.items() if name not in (x.name, y.name)}


def _wanted(
    rule: LoopLaw, values: Mapping[str, Array], draws: int, seed: int, independent: bool
) -> list[Wanted]:
    """One sample for each cell and draw, cell by cell.

    Independent cells have draws of their own, seeded by their parameters.
    """
    out = []
    for cell in zip(*values.values(), strict=True):
        point = rule.point(dict(zip(values, cell, strict=True)))
        own = tuple(int(n) for n in np.array(cell, float).view(np.uint32)) if independent else ()
        out += [((seed, k, *own), point) for k in range(draws)]
    return out


def _maps(rule: LoopLaw, values: Mapping[str, Array], samples: Samples) -> dict[str, Any]:
    """The maps of the diagram: one entry for each cell, over the draws."""
    theory, sensitivity, trust = rule.closed_form(values)
    converged = (samples.outcome == str(Outcome.FIXED_POINT)).mean(axis=1)
    against = np.where(theory < 1, 1 - converged, converged)
    most = [max(sorted(set(row)), key=row.count) for row in samples.outcome.tolist()]
    return {
        "rho": _median(samples.rho),
        "rho_theory": theory,
        "iterations": _median(samples.iterations),
        "sensitivity": _median(samples.sensitivity),
        "sensitivity_theory": sensitivity,
        "converged": converged,
        "outcome": np.array(most),
        "contradicted": np.where(np.isnan(theory), np.nan, against),
        "trust": trust,
    }


def _median(values: Array) -> Array:
    """Median of each row over its finite entries; NaN where there are none."""
    rows = np.arange(len(values))
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=1)  # NaN last
    count = np.isfinite(ordered).sum(axis=1)
    return (ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, count // 2]) / 2


def _whole(rule: LoopLaw, axis: DiagramAxis, value: float) -> float:
    known = rule.parameters.get(axis.name)
    return float(np.rint(value)) if known is not None and known.integer else value
