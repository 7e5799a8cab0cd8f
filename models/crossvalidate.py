"""Theory against trained weights: what the claims predict for a checkpoint, and what the checkpoint does."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from models.checkpoint import Checkpoint, load_model, run_name
from models.diagnostics import recall_radius
from models.loop import TorchLoop
from models.orbit import Orbit
from models.tasks.registry import recorded_task
from numerics import Linearisation, Outcome, Recorder, classify, numeric, spectral_radius
from theory import Weights, predict
from theory.errors import UsageError

BAND = 1.25
"""Factor between measured and predicted loops beyond which a mismatch is listed."""
COARSE, FINE = 1e-4, 1e-8
"""Relative steps between which iterations are counted: below the transient, above the rounding floor."""


@dataclass(frozen=True)
class Convergence:
    """One input whose orbit reached a fixed point: rho there, and loops from `COARSE` to `FINE` measured and predicted (X5)."""

    rho: float
    rho_residual: float
    slope_rate: float
    measured_loops: int | None
    predicted_loops: float | None


@dataclass(frozen=True)
class CrossValidation:
    """Prediction and measurement of one checkpoint side by side; `mismatches` lists every disagreement in words."""

    name: str
    architecture: str
    task: str
    level: str
    inputs: int
    loops: int
    seed: int
    rho_wx: float | None
    expected: str | None
    allowed: list[str]
    claims: list[str]
    reason: str
    outcomes: dict[str, int]
    undecided: int
    majority: str
    convergence: list[Convergence]
    accuracy_30: float
    accuracy_500: float
    drift_constant: float | None
    residual_curve: list[float] = field(repr=False)
    mismatches: list[str] = field(default_factory=list)

    @property
    def rho(self) -> float | None:
        """Median spectral radius over the measured fixed points."""
        return float(np.median([c.rho for c in self.convergence])) if self.convergence else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        return {**dataclasses.asdict(self), "rho_median": self.rho}


def crossvalidate(
    source: str | Path | Checkpoint,
    *,
    name: str = "",
    inputs: int = 256,
    loops: int = 500,
    level: str | None = None,
    data: str | Path | None = None,
    spectra: int = 8,
    seed: int = 0,
    progress: bool = False,
) -> CrossValidation:
    """Measure a checkpoint in float64 on random inputs of one level of its task (default: the length that its training
    reached, or the held-out easy split).

    Outcomes are classified on all `inputs`, spectral radii at the fixed points of the first `spectra` that have one.
    """
    if inputs < 1 or loops < 32:
        raise UsageError(f"cross-validation needs at least 1 input and 32 loops, not {inputs} and {loops}")
    model, meta = load_model(source, torch.float64)
    name = name or (Path(source).stem if not isinstance(source, Checkpoint) else run_name(meta))
    task = recorded_task(meta["run"], data)
    reached = str(meta["run"]["level_reached"])
    chosen = level or (task.levels[1] if reached == "train" else reached)  # never the samples that it was trained on
    batch = task.batch(inputs, chosen, torch.Generator().manual_seed(seed + 77_000_001))
    x = batch.x.double()
    recorder, accuracy = Recorder(inputs, tail=32), {}
    with torch.no_grad():
        e, orbit = model.encode(x), Orbit(model, x)
        last = orbit.h
        recorder.observe(orbit.h.numpy())
        for t in tqdm(range(1, max(loops, 500) + 1), disable=not progress, unit="loop", desc=name):
            orbit.advance()
            if t <= loops:
                recorder.observe(orbit.h.numpy())
            if t == loops:
                last = orbit.h.clone()
            if t in (30, 500):
                accuracy[t] = float(task.correct(model.head(orbit.h), batch.target).double().mean())
    trajectories = recorder.trajectories()
    diagnoses = [classify(t) for t in trajectories]
    rho_wx = recall_radius(model)
    prediction = predict(model.config.architecture, Weights(rho_wx=rho_wx))
    fixed = [i for i, d in enumerate(diagnoses) if d.outcome is Outcome.FIXED_POINT][:spectra]
    loop = TorchLoop.of(model)
    convergence = [_convergence(loop, last[i : i + 1].numpy(), e[i : i + 1].numpy(), trajectories[i].relative_steps) for i in fixed]
    counts = Counter(str(d.outcome) for d in diagnoses)
    drift = [d.drift_constant for d in diagnoses if d.outcome is Outcome.DRIFT and d.drift_constant is not None]
    finite = np.array([t.relative_steps[: min(len(t.relative_steps) for t in trajectories)] for t in trajectories])
    result = CrossValidation(
        name=name, architecture=str(model.config.architecture), task=task.name, level=chosen, inputs=inputs, loops=loops,
        seed=seed, rho_wx=rho_wx,
        expected=None if prediction.expected is None else str(prediction.expected), allowed=sorted(map(str, prediction.allowed)),
        claims=list(prediction.claims), reason=prediction.reason, outcomes=dict(counts.most_common()), undecided=counts["undecided"],
        majority=counts.most_common(1)[0][0], convergence=convergence, accuracy_30=accuracy[30], accuracy_500=accuracy[500],
        drift_constant=float(np.median(drift)) if drift else None, residual_curve=np.median(finite, axis=0).tolist(),
    )  # fmt: skip
    return dataclasses.replace(result, mismatches=_mismatches(result))


def _convergence(loop: TorchLoop, h: np.ndarray, e: np.ndarray, steps: np.ndarray) -> Convergence:
    spectrum = spectral_radius(Linearisation(loop, h, e), tol=1e-6)
    below = [np.flatnonzero(steps < tol) for tol in (COARSE, FINE)]
    measured = int(below[1][0] - below[0][0]) if all(len(b) for b in below) else None
    rate, predicted = float("nan"), None
    if measured:
        first, last = below[0][0], below[1][0]
        rate = float(np.exp(np.polyfit(np.arange(first, last + 1), np.log(steps[first : last + 1]), 1)[0]))
        if 0 < spectrum.value < 1:
            predicted = float(numeric("iterations_to_tolerance")(spectrum.value, FINE, steps[first]))
    return Convergence(spectrum.value, spectrum.residual, rate, measured, predicted)


def _mismatches(r: CrossValidation) -> list[str]:
    """Every disagreement between prediction and measurement, and every measurement that could not decide."""
    out = []
    for outcome, n in r.outcomes.items():
        if outcome == Outcome.UNDECIDED:
            out.append(f"{n} of {r.inputs} inputs are undecided after {r.loops} loops")
        elif outcome not in r.allowed:
            out.append(f"{n} of {r.inputs} inputs show {outcome}, which {', '.join(r.claims)} exclude")
        elif r.expected is not None and outcome != r.expected:
            out.append(f"{n} of {r.inputs} inputs show {outcome}; expected {r.expected} ({', '.join(r.claims)})")
    for i, c in enumerate(r.convergence):
        if c.rho >= 1:
            out.append(f"fixed point {i} has rho = {c.rho:.4f} >= 1")
        if c.predicted_loops and c.measured_loops and not 1 / BAND <= c.measured_loops / c.predicted_loops <= BAND:
            out.append(
                f"fixed point {i}: {c.measured_loops} loops from {COARSE:g} to {FINE:g}, predicted {c.predicted_loops:.1f} from rho (X5)"
            )
    return out


def main_table(results: list[CrossValidation]) -> list[dict[str, Any]]:
    """One row per checkpoint for tables: plain values only."""
    rows = []
    for r in results:
        loops = [(c.measured_loops, c.predicted_loops) for c in r.convergence if c.measured_loops and c.predicted_loops]
        rows.append(
            {
                "checkpoint": r.architecture, "level": r.level, "rho(W_x)": r.rho_wx, "expected": r.expected or "not claimed",
                "measured": json.dumps(r.outcomes)[1:-1].replace('"', ""), "rho": r.rho,
                "loops": float(np.median([m for m, _ in loops])) if loops else None,
                "predicted": float(np.median([p for _, p in loops])) if loops else None,
                "acc 30": r.accuracy_30, "acc 500": r.accuracy_500, "mismatches": len(r.mismatches),
            }
        )  # fmt: skip
    return rows
