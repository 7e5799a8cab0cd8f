"""Phase diagrams: what a law or block does over any two of its parameters, measured on random
loops, with the closed form beside it.
"""

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
from .axes import Axis, Cells
from .laws.law import LoopLaw, Samples
from .laws.registry import law_named
from .store import Store, key
from .work import Wanted, Workforce, local, measure

TRUSTED = 3.0
"""finite-width scaling variable from which the mean-field laws are to be trusted (N6)"""
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
    """Measurements over the cells of a plane; all maps are arrays (n,), one entry per cell, NaN
    where a number does not exist.

    `rho`: median over the draws that have a fixed point of the spectral radius there (whether or
    not an orbit reaches it); `rho_theory`: closed form; `iterations`: median loops until the
    relative step stays below 1e-8, over the draws that reach a fixed point;
    `sensitivity`: median (the mean has a heavy tail); `sensitivity_theory`: closed form; `outcome`:
    most frequent outcome of the orbit;
    `converged`: share of draws whose orbit reaches a fixed point; `contradicted`: share whose orbit
    does so where the closed form has rho >= 1, or does not where it has rho < 1; `trust`:
    finite-width scaling variable. The cells share the matrices of each draw unless
    `independent`: their errors are then correlated, so that a map looks smoother than it is known,
    and neighbours do not confirm each other.
    """

    law: str
    x: Axis
    y: Axis
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
        """Every parameter at every cell."""
        return plane(law_named(self.law), self.x, self.y, self.settings, *self.cells.shares())

    @property
    def mean_absolute_error(self) -> float:
        """Of rho against the closed form, where the width is large enough for it (`trust` from 3);
        NaN where that is nowhere.
        """
        sure = np.isfinite(self.disagreement) & (self.trust >= TRUSTED)
        return float(np.abs(self.disagreement[sure]).mean()) if sure.any() else float("nan")

    @property
    def median_sensitivity_ratio(self) -> float:
        """Median of measured over predicted sensitivity where the law is trusted; NaN where that is
        nowhere.
        """
        ratio = (self.sensitivity / self.sensitivity_theory)[self.trust >= TRUSTED]
        return (
            float(np.median(ratio[np.isfinite(ratio)]))
            if np.isfinite(ratio).any()
            else float("nan")
        )

    def summary(self) -> dict[str, Any]:
        """The scalars, as plain JSON."""
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
        """Everything, as plain JSON (None where a number does not exist)."""
        x, y = self.cells.shares()
        cells = {
            "level": self.cells.level.tolist(),
            "x": self.x.at(x).tolist(),
            "y": self.y.at(y).tolist(),
        }
        maps = {name: jsonable(getattr(self, name)) for name in MAPS}
        return {**self.summary(), "map": {**cells, **maps}}

    def save(self, folder: str | Path) -> list[Path]:
        """Write phase.npz and phase.json, each whole or not at all; `LoopstabError` or `UsageError`
        when that fails.
        """
        folder = output_folder(folder)
        arrays = {name: getattr(self, name) for name in MAPS}
        arrays |= {name: getattr(self.cells, name) for name in ("level", "row", "col")}
        scalars = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in (*MAPS, "cells", "x", "y")
        }
        scalars |= {
            "x": str(self.x),
            "y": str(self.y),
            "rows": self.cells.rows,
            "cols": self.cells.cols,
        }
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
        """Read what `save` wrote; no pickle is loaded. `LoopstabError` on a damaged file."""
        path = Path(folder) / "phase.npz"
        if not path.is_file():
            raise UsageError(
                f"no phase diagram at {path}: make one with loopstab phase --out {folder}"
            )
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
                values = {name: data[name] for name in data.files}
            scalars = json.loads(str(values.pop("scalars")))
            cells = Cells(
                scalars.pop("rows"),
                scalars.pop("cols"),
                *(values.pop(name) for name in ("level", "row", "col")),
            )
            axes = {name: Axis.parse(scalars.pop(name)) for name in ("x", "y")}
            return cls(cells=cells, **axes, **scalars, **values)
        except (
            Exception
        ) as error:  # zipfile, zlib, numpy and a missing field all mean the same to the user
            raise LoopstabError(
                f"{path} is damaged ({type(error).__name__}): delete it and run loopstab phase"
                " again"
            ) from None


def phase_diagram(
    law: str = "linear",
    *,
    x: str | Axis = "beta:0.05:5:log",
    y: str | Axis = "sigma:0.2:5:log",
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
    """Measure a law (linear, tanh, ...) or a block ([transformer:]recall/norm[/residual]) over the
    axes x and y; `settings`: other values.

    `grid` is rows x cols (y x x) of the coarse cells; those where the most frequent outcome or the
    sign of rho - 1 changes are split in four, `depth` times. With `cache`, a folder, measured
    samples are kept and found again. `workforce` does the work (default: `jobs` threads here); the
    numbers depend neither on it nor on the order. Raises `UsageError` for whatever is wrong with
    the request.
    """
    rule = law_named(law)
    x, y = (axis if isinstance(axis, Axis) else Axis.parse(axis) for axis in (x, y))
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
        maps = _maps(
            rule, values, Samples(*(column.reshape(len(cells), draws) for column in samples))
        )
        chosen = cells.boundary(
            [f"{o} {r < 1}" for o, r in zip(maps["outcome"], maps["rho"], strict=True)], depth
        )
        if not chosen.any():
            break
        new = slice((len(cells) - int(chosen.sum())) * draws, None)  # those that stay come first
        cells = cells.split(chosen)
    seconds = time.perf_counter() - start
    return PhaseDiagram(
        law,
        x,
        y,
        fixed,
        draws,
        seed,
        independent,
        depth,
        cells,
        **maps,
        measured=count,
        seconds=seconds,
    )


def check(rule: LoopLaw, x: Axis, y: Axis, settings: dict[str, float]) -> dict[str, float]:
    """The complete settings besides the axes; `UsageError` for whatever does not fit the law."""
    if x.name == y.name:
        raise UsageError(
            f"both axes are {x.name}: choose two different parameters of"
            f" {', '.join(rule.parameters)}"
        )
    for axis in (x, y):
        if axis.name in settings:
            raise UsageError(
                f"{axis.name} is an axis and is also set to {settings[axis.name]:g}: leave one of"
                " them out"
            )
    for ends in ("low", "high"):
        values = rule.complete(
            {
                **settings,
                x.name: _whole(rule, x, getattr(x, ends)),
                y.name: _whole(rule, y, getattr(y, ends)),
            }
        )
    return {name: value for name, value in values.items() if name not in (x.name, y.name)}


def _whole(rule: LoopLaw, axis: Axis, value: float) -> float:
    known = rule.parameters.get(axis.name)
    return float(np.rint(value)) if known is not None and known.integer else value


def plane(
    rule: LoopLaw, x: Axis, y: Axis, settings: Mapping[str, float], u: Array, v: Array
) -> dict[str, Array]:
    """Every parameter at the shares u along x and v along y; whole numbers where the parameter is
    one.
    """
    out = {name: np.full(np.shape(u), value) for name, value in settings.items()}
    for axis, share in ((x, u), (y, v)):
        out[axis.name] = (
            np.rint(axis.at(share)) if rule.parameters[axis.name].integer else axis.at(share)
        )
    return out


def _wanted(
    rule: LoopLaw, values: Mapping[str, Array], draws: int, seed: int, independent: bool
) -> list[Wanted]:
    """One sample per cell and draw, cell by cell; independent cells have draws of their own, seeded
    by their parameters.
    """
    out = []
    for cell in zip(*values.values(), strict=True):
        point = rule.point(dict(zip(values, cell, strict=True)))
        own = tuple(int(n) for n in np.array(cell, float).view(np.uint32)) if independent else ()
        out += [((seed, k, *own), point) for k in range(draws)]
    return out


def _maps(rule: LoopLaw, values: Mapping[str, Array], samples: Samples) -> dict[str, Array]:
    """Cell by cell, over the draws."""
    theory = np.asarray(rule.theory(values), float)
    converged = (samples.outcome == str(Outcome.FIXED_POINT)).mean(axis=1)
    return {
        "rho": _median(samples.rho),
        "rho_theory": theory,
        "iterations": _median(samples.iterations),
        "sensitivity": _median(samples.sensitivity),
        "sensitivity_theory": np.asarray(rule.sensitivity_theory(values), float),
        "converged": converged,
        "outcome": np.array(
            [max(sorted(set(row)), key=row.count) for row in samples.outcome.tolist()]
        ),
        "contradicted": np.where(
            np.isnan(theory), np.nan, np.where(theory < 1, 1 - converged, converged)
        ),
        "trust": np.asarray(rule.trust(values), float),
    }


def _median(values: Array) -> Array:
    """Median of each row over its finite entries; NaN where there are none."""
    rows, ordered = (
        np.arange(len(values)),
        np.sort(np.where(np.isfinite(values), values, np.nan), axis=1),
    )  # NaN last
    count = np.isfinite(ordered).sum(axis=1)
    return (ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, count // 2]) / 2


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
