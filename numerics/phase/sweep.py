"""A sweep: a law is measured over two of its parameters, finer where the outcome changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...support.errors import UsageError, check_seed_and_jobs
from ...theory.outcome import Outcome
from ..arrays import Array
from .axes import DEEPEST, Cells, DiagramAxis
from .diagram import PhaseDiagram, plane
from .laws.law import LoopLaw, Samples
from .laws.registry import law_of
from .laws.step_law import StepLaw
from .request import check, grid_of, usual_axes
from .store import Store, key
from .work import Wanted, Workforce, local, measure

MOST_SAMPLES = 10**8
"""Most samples of the coarse cells: a few gigabytes of results."""


def phase_diagram(
    law: str | Path | Callable[..., Any] | LoopLaw = "linear",
    *,
    x: str | DiagramAxis | tuple[Any, ...] | None = None,
    y: str | DiagramAxis | tuple[Any, ...] | None = None,
    settings: Mapping[str, float] | None = None,
    initial: Any = None,
    e: Any = None,
    weights: Callable[..., Any] | None = None,
    rho: Callable[..., Any] | None = None,
    grid: tuple[int, int] | None = None,
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

    The law is one of those that are built in, or your own step with named parameters. Of each cell
    and draw the outcome of an orbit is measured, the iterations until it has arrived, and spectral
    radius and sensitivity at the fixed point that it reaches or that is found from its end.

    Args:
        law: a function step(h, e, **parameters) on NumPy arrays or torch tensors; a `StepLaw` made
            of one; the path of a Python file (a `Path`, or a text that ends in ".py") that defines
            `step` and, if it likes, `initial`, `e`, `weights`, `rho`, `parameters` (defaults) and
            `vectorised`, as in `StepLaw`; or a name: a mean-field law by its activation ("linear",
            "tanh", ...), or a block by its architecture, "[transformer:]recall/norm[/residual]".
        x: the horizontal axis, as text "NAME:LOW:HIGH[:log]", as (name, low, high[, "log"]), as
            (name, values) with the centres of the cells, or as a `DiagramAxis`. By default the
            first parameter of the law that is among those usually drawn and is neither y nor set.
        y: the vertical axis; by default the next such parameter.
        settings: values of the other parameters; those left out have the defaults of the law.
        initial: of a step, the first state or a function of the input; default: the input.
        e: of a step, the input, or a function e(rng) that draws one; default: a Gaussian vector of
            `width` (16) numbers.
        weights: of a step, a function weights(rng) that draws its argument `weights`.
        rho: of a step, the closed form of the spectral radius, a function of some parameters.
        grid: rows x columns (y x x) of the coarse cells; default: 24, or as many as there are
            values on an axis.
        depth: how often the cells are split in four where the most frequent outcome or the sign of
            rho - 1 changes, 0 to 8.
        draws: random loops for each cell.
        seed: the seed of the draws.
        independent: whether every cell has draws of its own; else cells share their matrices.
        cache: a folder in which measured samples are kept and found again. Those of a step are
            kept under a digest of its code and of all that it refers to, and expire with any of
            them.
        jobs: tasks at a time on this machine; -1 for one on each core. They run in threads; those
            of a step that other processes can import, or of a file, in processes; and those of any
            other step on tensors one after the other.
        workforce: what does the work, if not these threads (`loopstab.numerics.phase.cluster`). The
            numbers depend neither on it nor on the order of the work.
        progress: whether a progress bar is shown.

    Returns:
        The diagram.

    Raises:
        UsageError: the law is unknown, the axes, the settings or a number do not fit it, or
            nothing tells the samples of two versions of a step apart (with `cache`).
        LoopError: a step is no looped map, for example because it is random or changes the shape
            of the state; the message names the parameters.

    Example:
        At strong recall the linear law has a stable fixed point (claim N6):

        >>> from loopstab import phase_diagram
        >>> diagram = phase_diagram(
        ...     "linear", x="beta:3:5", y="sigma:0.2:1", settings={"width": 32}, grid=(2, 2), jobs=1
        ... )
        >>> set(diagram.outcome.tolist()), bool((diagram.rho < 1).all())
        ({'fixed-point'}, True)

        A step of one's own, with its closed form:

        >>> import numpy as np
        >>> def step(h, e, a=1.0, b=1.0):
        ...     return np.tanh(a * h + b * e)
        >>> diagram = phase_diagram(
        ...     step, x="a:0:2", y=("b", [0.0, 0.5, 1.0]), e=0.0, initial=1.0, grid=(3, 4), jobs=1
        ... )
        >>> diagram.rho[:2].round(6)  # at the limit 0 the slope is a
        array([0.25, 0.75])
    """
    given = [None if axis is None else DiagramAxis.of(axis) for axis in (x, y)]
    ends = (*(axis[0].name for axis in given if axis is not None), *(settings or {}))
    rule = law_of(law, ends, initial=initial, e=e, weights=weights, rho=rho)
    of_x, of_y = (axis and axis[0] for axis in given)
    across, along = usual_axes(rule, of_x, of_y, settings or {})
    cols, rows = (axis and axis[1] for axis in given)
    grid = grid_of(grid, rows, cols)
    fixed = check(rule, across, along, dict(settings or {}))
    check_seed_and_jobs(seed, jobs)
    if cache is not None and rule.untold:
        raise UsageError(
            f"samples of {rule.name} cannot be kept, because {rule.untold}: give no"
            " cache, or write the law into a file"
        )
    many = grid[0] * grid[1] * draws > MOST_SAMPLES
    if min(grid) < 2 or draws < 1 or not 0 <= depth <= DEEPEST or many:
        raise UsageError(
            f"a phase diagram needs a grid of at least 2x2, draws >= 1, depth 0 to {DEEPEST} and at"
            f" most {MOST_SAMPLES} samples of coarse cells, not {grid}, {draws}, {depth}"
        )
    start, store, count = time.perf_counter(), Store(cache), 0
    work = workforce or local(jobs, rule.backend)
    cells, new = Cells.coarse(*grid), slice(0, None)
    while True:
        values = plane(rule, across, along, fixed, *cells.shares())
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
        law=rule.name,
        x=across,
        y=along,
        settings=fixed,
        draws=draws,
        seed=seed,
        independent=independent,
        depth=depth,
        cells=cells,
        **maps,
        measured=count,
        seconds=time.perf_counter() - start,
        own=rule if isinstance(rule, StepLaw) else None,
    )


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
