"""Phase diagrams: a law over any two of its parameters, measured and by its closed form."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from ...support.errors import LoopstabError, UsageError
from ...support.files import output_folder, write_atomic, write_json
from ...support.jsonable import jsonable
from ...theory.outcome import Outcome
from ..arrays import Array
from .axes import Cells, DiagramAxis
from .laws.law import LoopLaw, Samples
from .laws.registry import law_named
from .store import Store, key
from .work import Wanted, Workforce, local, measure

TRUSTED = 3.0
"""The finite-width scaling variable from which the mean-field laws are trusted (N6)."""
USUAL_AXES = (
    "beta:0.05:5:log",
    "sigma:0.2:5:log",
    "residual:0:2",
    "recall:0.1:10:log",
    "block:0.1:10:log",
    "width:8:64",
)
"""Axes that are used where none is given, in the order of preference."""
MAPS = (
    "rho",
    "rho_theory",
    "iterations",
    "sensitivity",
    "sensitivity_theory",
    "outcome",
    "converged",
    "contradicted",
    "trust",
)


@dataclass(frozen=True)
class PhaseDiagram:
    """Measurements over the cells of a plane.

    All maps are arrays (n,) with one entry for each cell, NaN where a number does not exist. Unless
    the cells are `independent` they share the matrices of each draw: their errors are then
    correlated, so that a map looks smoother than it is known, and neighbours do not confirm each
    other.

    Attributes:
        law: the name of the law.
        x: the horizontal axis.
        y: the vertical axis.
        settings: the other parameters.
        draws: random loops for each cell.
        seed: the seed of the draws.
        independent: whether every cell has draws of its own.
        depth: how often cells at a boundary were split.
        cells: the cells.
        rho: the spectral radius at the fixed point, whether or not an orbit reaches it; median over
            the draws that have one.
        rho_theory: the same by the closed form.
        iterations: iterations until the relative step stays below 1e-8; median over the draws that
            reach a fixed point.
        sensitivity: the sensitivity to the input; median over the draws, since its mean has a heavy
            tail.
        sensitivity_theory: the same by the closed form.
        outcome: the most frequent outcome of the orbit.
        converged: the share of draws whose orbit reaches a fixed point.
        contradicted: the share of draws whose orbit does so where the closed form has rho >= 1, or
            does not where it has rho < 1.
        trust: the finite-width scaling variable; the closed form is trusted from 3 on.
        measured: how many samples were measured, rather than found in the cache.
        seconds: the time that this took.

    Example:
        >>> from loopstab import phase_diagram
        >>> diagram = phase_diagram(settings={"width": 8}, grid=(2, 3), jobs=1)
        >>> diagram.rho.shape, diagram.summary()["grid"]
        ((6,), '2x3')
    """

    law: str
    x: DiagramAxis
    y: DiagramAxis
    settings: dict[str, float]
    draws: int
    seed: int
    independent: bool
    depth: int
    cells: Cells
    rho: Array
    rho_theory: Array
    iterations: Array
    sensitivity: Array
    sensitivity_theory: Array
    outcome: Array
    converged: Array
    contradicted: Array
    trust: Array
    measured: int
    seconds: float

    @property
    def disagreement(self) -> Array:
        """rho - rho_theory."""
        return self.rho - self.rho_theory

    @property
    def values(self) -> dict[str, Array]:
        """Every parameter at every cell, by name."""
        return plane(law_named(self.law), self.x, self.y, self.settings, *self.cells.shares())

    @property
    def mean_absolute_error(self) -> float:
        """The mean of |rho - rho_theory| where the width is large enough for the closed form.

        That is where `trust` is at least 3; NaN if it is so nowhere.
        """
        sure = np.isfinite(self.disagreement) & (self.trust >= TRUSTED)
        return float(np.abs(self.disagreement[sure]).mean()) if sure.any() else float("nan")

    @property
    def median_sensitivity_ratio(self) -> float:
        """The median of measured over predicted sensitivity where the law is trusted.

        NaN if it is trusted nowhere.
        """
        ratio = (self.sensitivity / self.sensitivity_theory)[self.trust >= TRUSTED]
        finite = ratio[np.isfinite(ratio)]
        return float(np.median(finite)) if len(finite) else float("nan")

    def summary(self) -> dict[str, Any]:
        """The scalars, as a plain object."""
        counts = {str(o): int((self.outcome == str(o)).sum()) for o in Outcome}
        sure = self.trust >= TRUSTED
        return {
            "law": self.law,
            "x": str(self.x),
            "y": str(self.y),
            "settings": self.settings,
            "grid": f"{self.cells.rows}x{self.cells.cols}",
            "depth": self.depth,
            "cells": len(self.cells),
            "draws": self.draws,
            "seed": self.seed,
            "independent": self.independent,
            "outcomes": {k: n for k, n in counts.items() if n},
            "cells_without_fixed_point": int(np.isnan(self.rho).sum()),
            "cells_where_the_law_is_trusted": int(sure.sum()),
            "mean_absolute_error_of_rho_there": _number(self.mean_absolute_error),
            "median_of_sensitivity_over_the_law_there": _number(self.median_sensitivity_ratio),
            "share_of_orbits_against_the_law_there": (
                _number(float(np.mean(self.contradicted[sure]))) if sure.any() else None
            ),
            "samples_measured": self.measured,
            "seconds": round(self.seconds, 2),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        }

    def to_json(self) -> dict[str, Any]:
        """Scalars and maps, as a plain object; None where a number does not exist."""
        x, y = self.cells.shares()
        cells = {
            "level": self.cells.level.tolist(),
            "x": self.x.at(x).tolist(),
            "y": self.y.at(y).tolist(),
        }
        maps = {name: jsonable(getattr(self, name)) for name in MAPS}
        return {**self.summary(), "map": {**cells, **maps}}

    def save(self, folder: str | Path) -> list[Path]:
        """Write phase.npz and phase.json, each whole or not at all; returns their paths.

        Raises `LoopstabError` or `UsageError` when they cannot be written.
        """
        folder = output_folder(folder)
        arrays = {name: getattr(self, name) for name in MAPS}
        arrays |= {name: getattr(self.cells, name) for name in ("level", "row", "col")}
        others = [f.name for f in fields(self) if f.name not in (*MAPS, "cells", "x", "y")]
        scalars = {name: getattr(self, name) for name in others}
        scalars |= {"x": str(self.x), "y": str(self.y)}
        scalars |= {"rows": self.cells.rows, "cols": self.cells.cols}
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, allow_pickle=False, scalars=np.array(json.dumps(scalars)), **arrays
        )
        return [
            write_atomic(folder / "phase.npz", buffer.getvalue()),
            write_json(folder / "phase.json", self.to_json()),
        ]

    @classmethod
    def load(cls, folder: str | Path) -> PhaseDiagram:
        """Read what `save` wrote.

        No pickle is loaded. Raises `UsageError` if there is no diagram, `LoopstabError` if it is
        damaged.
        """
        path = Path(folder) / "phase.npz"
        if not path.is_file():
            raise UsageError(
                f"no phase diagram at {path}: make one with loopstab phase --out {folder}"
            )
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
                values = {name: data[name] for name in data.files}
            scalars = json.loads(str(values.pop("scalars")))
            own = [values.pop(name) for name in ("level", "row", "col")]
            cells = Cells(scalars.pop("rows"), scalars.pop("cols"), *own)
            axes = {name: DiagramAxis.parse(scalars.pop(name)) for name in ("x", "y")}
            return cls(cells=cells, **axes, **scalars, **values)
        except Exception as error:  # of zipfile, zlib or NumPy, or a missing field: all mean damage
            raise LoopstabError(
                f"{path} is damaged ({type(error).__name__}): delete it and run loopstab phase"
                " again"
            ) from None


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
    if min(grid) < 2 or draws < 1 or not 0 <= depth <= 8 or seed < 0:
        raise UsageError(
            "a phase diagram needs a grid of at least 2x2, draws >= 1, depth 0 to 8 and seed >= 0,"
            f" not {grid}, {draws}, {depth}, {seed}"
        )
    start, store, work, count = time.perf_counter(), Store(cache), workforce or local(jobs), 0
    cells, new = Cells.coarse(*grid), slice(0, None)
    while True:
        values = plane(rule, x, y, fixed, *cells.shares())
        wanted = _wanted(rule, values, draws, seed, independent)
        count += measure(law, wanted[new], store, work, progress)
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
        values = rule.complete({**settings, **corner})
    return {name: value for name, value in values.items() if name not in (x.name, y.name)}


def _whole(rule: LoopLaw, axis: DiagramAxis, value: float) -> float:
    known = rule.parameters.get(axis.name)
    return float(np.rint(value)) if known is not None and known.integer else value


def plane(
    rule: LoopLaw, x: DiagramAxis, y: DiagramAxis, settings: Mapping[str, float], u: Array, v: Array
) -> dict[str, Array]:
    """Every parameter at the shares u along x and v along y.

    Whole numbers where the parameter is one.
    """
    out = {name: np.full(np.shape(u), value) for name, value in settings.items()}
    for axis, share in ((x, u), (y, v)):
        value = axis.at(share)
        out[axis.name] = np.rint(value) if rule.parameters[axis.name].integer else value
    return out


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


def _maps(rule: LoopLaw, values: Mapping[str, Array], samples: Samples) -> dict[str, Array]:
    """The maps of the diagram: one entry for each cell, over the draws."""
    theory = np.asarray(rule.theory(values), float)
    converged = (samples.outcome == str(Outcome.FIXED_POINT)).mean(axis=1)
    against = np.where(theory < 1, 1 - converged, converged)
    most = [max(sorted(set(row)), key=row.count) for row in samples.outcome.tolist()]
    return {
        "rho": _median(samples.rho),
        "rho_theory": theory,
        "iterations": _median(samples.iterations),
        "sensitivity": _median(samples.sensitivity),
        "sensitivity_theory": np.asarray(rule.sensitivity_theory(values), float),
        "converged": converged,
        "outcome": np.array(most),
        "contradicted": np.where(np.isnan(theory), np.nan, against),
        "trust": np.asarray(rule.trust(values), float),
    }


def _median(values: Array) -> Array:
    """Median of each row over its finite entries; NaN where there are none."""
    rows = np.arange(len(values))
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=1)  # NaN last
    count = np.isfinite(ordered).sum(axis=1)
    return (ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, count // 2]) / 2


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
