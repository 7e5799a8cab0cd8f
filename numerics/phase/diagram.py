"""Phase diagrams: a law over any two of its parameters, measured and by its closed form."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from ...support.errors import LoopstabError, UsageError
from ...support.facade import public
from ...support.files import output_folder, write_atomic, write_json
from ...support.jsonable import jsonable
from ...support.schema import Flag, MapOf, Number, ObjectOf, Text, Whole
from ...support.strict_json import parse_json
from ...theory.outcome import Outcome
from ..arrays import Array
from .axes import DEEPEST, Cells, DiagramAxis
from .laws.law import LoopLaw, complete
from .laws.recorded import DESCRIPTION, RecordedLaw, described
from .laws.registry import law_named
from .npz_file import read_npz

TRUSTED = 3.0
"""The finite-width scaling variable from which the mean-field laws are trusted (N6)."""
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
PLACES = ("level", "row", "col")
KINDS = {
    "scalars": "U",
    **{name: "U" if name == "outcome" else "f" for name in MAPS},
    **dict.fromkeys(PLACES, "i"),
}
"""The arrays of a saved diagram, and the kinds of their types."""
MOST_BYTES = 1 << 30
SCALARS = ObjectOf(
    {
        **dict.fromkeys(("law", "x", "y"), Text(200)),
        "settings": MapOf(Number(), 100),
        **dict.fromkeys(("rows", "cols"), Whole(1, 10**6)),
        **dict.fromkeys(("draws", "measured"), Whole(0, 2**63)),
        "seed": Whole(0, 2**128),
        "independent": Flag(),
        "depth": Whole(0, DEEPEST),
        "seconds": Number(0),
    },
    optional={"own": DESCRIPTION},
)
"""What else stands in it."""


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
        own: the law itself, unless its name says which it is.

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
    own: LoopLaw | None = None

    @property
    def rule(self) -> LoopLaw:
        """The law itself."""
        return law_named(self.law) if self.own is None else self.own

    @property
    def disagreement(self) -> Array:
        """rho - rho_theory."""
        return self.rho - self.rho_theory

    @property
    def values(self) -> dict[str, Array]:
        """Every parameter at every cell, by name."""
        return plane(self.rule, self.x, self.y, self.settings, *self.cells.shares())

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

    def __str__(self) -> str:
        counts = self.summary()["outcomes"]
        found = ", ".join(f"{name} {n}" for name, n in sorted(counts.items(), key=lambda c: -c[1]))
        draws = f"{self.draws} draw{'s' * (self.draws != 1)} each, seed {self.seed}"
        return f"{self.law} over {self.x} and {self.y}: {len(self.cells)} cells, {draws}; {found}"

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

    def plot(self, of: str = "rho") -> Any:
        """Draw one of its maps, with the closed form as lines; needs no display.

        Args:
            of: "rho" (with the outcomes as marks), "outcome", "iterations", "sensitivity" or
                "disagreement".

        Returns:
            A figure of matplotlib; `plot().savefig("phase.png")` writes it.

        Raises:
            UsageError: there is no such map of this diagram.
        """
        return public("plot_phase")(self, of)

    def save(self, folder: str | Path) -> list[Path]:
        """Write phase.npz and phase.json, each whole or not at all; returns their paths.

        Raises `LoopstabError` or `UsageError` when they cannot be written.
        """
        folder = output_folder(folder)
        arrays = {name: getattr(self, name) for name in MAPS}
        arrays |= {name: getattr(self.cells, name) for name in PLACES}
        others = [f.name for f in fields(self) if f.name not in (*MAPS, "cells", "x", "y", "own")]
        scalars = {name: getattr(self, name) for name in others}
        scalars |= {"x": str(self.x), "y": str(self.y)}
        scalars |= {"rows": self.cells.rows, "cols": self.cells.cols}
        if self.own is not None:
            scalars["own"] = described(self.own)
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

        No pickle is loaded, and what is loaded fits together: the cells tile the plane, every map
        has an entry for each, and the axes and settings are those of a law. The step of a law of
        your own is not in the file, nor is its closed form, but for its values at the cells. Raises
        `UsageError` if there is no diagram, `LoopstabError` if it is damaged.
        """
        path = Path(folder) / "phase.npz"
        if not os.path.exists(path):
            raise UsageError(
                f"no phase diagram at {path}: make one with loopstab phase --out {folder}"
            )
        try:
            values = read_npz(path, KINDS, MOST_BYTES)
            scalars = parse_json(str(values.pop("scalars")))
            SCALARS.check(scalars, "")
            own = [values.pop(name) for name in PLACES]
            cells = Cells(scalars.pop("rows"), scalars.pop("cols"), *own)
            if "own" in scalars:
                scalars["own"] = RecordedLaw(scalars["law"], scalars["own"])
            axes = {name: DiagramAxis.parse(scalars.pop(name)) for name in ("x", "y")}
            parts: dict[str, Any] = {**axes, **scalars, **values}
            diagram = cls(cells=cells, **parts)
            diagram._check()
            return diagram
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
            raise LoopstabError(
                f"{path} is damaged ({reason}): delete it and run loopstab phase again"
            ) from None

    def _check(self) -> None:
        """Raise `ValueError` unless the parts fit together."""
        count, rule = len(self.cells), self.rule
        if any(getattr(self, name).shape != (count,) for name in MAPS):
            raise ValueError("a map does not have one entry for each cell")
        if not self.cells.tile():
            raise ValueError("its cells do not tile the plane")
        negative = [name for name in MAPS if name != "outcome" and (getattr(self, name) < 0).any()]
        if negative or (self.converged > 1).any() or (self.contradicted > 1).any():
            raise ValueError(f"{(*negative, 'a share')[0]} is out of range")
        if not set(self.outcome.tolist()) <= {str(outcome) for outcome in Outcome}:
            raise ValueError("an outcome is unknown")
        unfit = self.x.name == self.y.name or {self.x.name, self.y.name} & set(self.settings)
        if unfit or not {self.x.name, self.y.name} <= set(rule.parameters):
            raise ValueError("its axes and settings do not fit its law")
        for end in (0.0, 1.0):
            at = plane(rule, self.x, self.y, self.settings, np.array(end), np.array(end))
            if set(complete(rule, {name: float(value) for name, value in at.items()})) != set(at):
                raise ValueError("its axes and settings are not all that its law has")


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


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
