"""The result of a cross-validation: prediction and measurement of one checkpoint, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...numerics.orbits.counted_steps import BAND, COARSE, FINE
from ...support.jsonable import jsonable
from ...theory.outcome import Outcome


@dataclass(frozen=True)
class Convergence:
    """One input whose orbit reached a fixed point.

    Attributes:
        rho: spectral radius of the Jacobian at the fixed point.
        rho_residual: residual of its eigenpair.
        slope_rate: factor per iteration that was fitted to the steps from `COARSE` to `FINE`.
        measured_loops: iterations from `COARSE` to `FINE`.
        predicted_loops: the same as predicted from `rho` (X5).
    """

    rho: float
    rho_residual: float
    slope_rate: float | None
    measured_loops: int | None
    predicted_loops: float | None


@dataclass(frozen=True)
class CrossValidation:
    """Prediction and measurement of one checkpoint side by side.

    Attributes:
        name: the checkpoint.
        architecture: recall/norm or recall/norm/residual.
        task: the task of its training.
        level: the level of the task from which the inputs were drawn.
        inputs: how many there were.
        loops: iterations before the first look at an orbit.
        limit: iterations before the last look.
        seed: seed of the inputs.
        rho_wx: spectral radius of W_x; None without recall.
        expected: the only outcome that the claims leave; None where they leave several.
        allowed: the outcomes that the claims do not exclude.
        claims: ids of those claims.
        reason: how the prediction follows from them, in words.
        outcomes: measured outcome to number of inputs, the most frequent first.
        decided: iterations of a look to number of orbits that it decided.
        undecided: number of orbits that no look decided.
        majority: the most frequent outcome.
        convergence: what was measured at fixed points.
        accuracy_30: exact-match accuracy after 30 iterations.
        accuracy_500: exact-match accuracy after 500 iterations.
        drift_constant: median of the drift constants of the orbits that drift; None without any.
        residual_curve: median over the inputs of the relative step, for every iteration up to
            `loops`.
        mismatches: every disagreement in words.
        input_dependence: how the limit depends on the input according to the claims, in words;
            empty where their hypotheses are not measured to hold.
        constrains: whether the claims exclude an outcome that the last operation of the step does
            not make impossible by itself.
        kappa: Lipschitz constant of the loop on its whole state space (L3); None where there is
            no finite one. Only below 1 does a claim use it.
        full_rank: whether the last linear map reaches every direction at all measured fixed points
            (A2'); None where that was not found.
        hull_distance: lower bound of the distance of 0 from the convex hull of the update (R3 b);
            None where it is not positive.
        escapes: whether all orbits enter the open set of states that diverge (R2); None where that
            is no question.
    """

    name: str
    architecture: str
    task: str
    level: str
    inputs: int
    loops: int
    limit: int
    seed: int
    rho_wx: float | None
    expected: str | None
    allowed: list[str]
    claims: list[str]
    reason: str
    outcomes: dict[str, int]
    decided: dict[int, int]
    undecided: int
    majority: str
    convergence: list[Convergence]
    accuracy_30: float
    accuracy_500: float
    drift_constant: float | None
    residual_curve: list[float] = field(repr=False)
    mismatches: list[str] = field(default_factory=list)
    input_dependence: str = ""
    constrains: bool = False
    kappa: float | None = None
    full_rank: bool | None = None
    hull_distance: float | None = None
    escapes: bool | None = None

    @property
    def rho(self) -> float | None:
        """Median of the spectral radius over the measured fixed points; None without any."""
        return float(np.median([c.rho for c in self.convergence])) if self.convergence else None

    def to_json(self) -> dict[str, Any]:
        """All attributes and the median spectral radius, as a JSON object."""
        return jsonable({**dataclasses.asdict(self), "rho_median": self.rho})


def mismatches_of(r: CrossValidation) -> list[str]:
    """Every disagreement of prediction and measurement, and every orbit that stayed undecided."""
    out = []
    for outcome, n in r.outcomes.items():
        if outcome == Outcome.UNDECIDED:
            out.append(f"{n} of {r.inputs} inputs are undecided after {r.limit} loops")
        elif outcome not in r.allowed:
            out.append(
                f"{n} of {r.inputs} inputs show {outcome}, which {', '.join(r.claims)} exclude"
            )
    for i, c in enumerate(r.convergence):
        if c.rho >= 1:
            out.append(f"fixed point {i} has rho = {c.rho:.4f} >= 1")
        if (
            c.predicted_loops
            and c.measured_loops
            and not 1 / BAND <= c.measured_loops / c.predicted_loops <= BAND
        ):
            out.append(
                f"fixed point {i}: {c.measured_loops} loops from {COARSE:.0e} to {FINE:.0e}, "
                f"predicted {c.predicted_loops:.1f} from rho (X5)"
            )
    return out


def main_table(results: list[CrossValidation]) -> list[dict[str, Any]]:
    """One row of plain values per checkpoint, to be printed as a table."""
    rows = []
    for r in results:
        loops = [
            (c.measured_loops, c.predicted_loops)
            for c in r.convergence
            if c.measured_loops and c.predicted_loops
        ]
        rows.append(
            {
                "checkpoint": r.name or r.architecture,
                "level": r.level,
                "rho(W_x)": r.rho_wx,
                "expected": r.expected or "several left",
                "measured": _counts(r.outcomes),
                "decided at loop": _counts(r.decided),
                "rho": r.rho,
                "loops": float(np.median([m for m, _ in loops])) if loops else None,
                "predicted": float(np.median([p for _, p in loops])) if loops else None,
                "acc 30": r.accuracy_30,
                "acc 500": r.accuracy_500,
                "mismatches": len(r.mismatches),
            }
        )
    return rows


def _counts(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{key}: {n}" for key, n in counts.items())
