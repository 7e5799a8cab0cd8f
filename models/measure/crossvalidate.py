"""Theory against trained weights: what the claims predict for a checkpoint, and what it does."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ...numerics.arrays import Array
from ...numerics.formulas import numeric
from ...numerics.orbits.follow import follow_batch, looks
from ...numerics.orbits.outcome import Diagnosis
from ...numerics.spectra.linearisation import Linearisation
from ...numerics.spectra.radius import spectral_radius
from ...support.errors import UsageError, check_seed_and_jobs
from ...support.jsonable import jsonable
from ...theory.outcome import Outcome
from ...theory.prediction import Weights, predict
from ..network.checkpoint import Checkpoint
from ..network.run_record import run_name
from ..network.transformer import LoopedTransformer
from ..tasks.task import Batch, Task
from .diagnostics import recall_radius
from .orbit import Orbit
from .torch_loop import TorchLoop
from .trained import TrainedLoop

BAND = 1.25
"""Factor between measured and predicted iterations beyond which a mismatch is listed: the
prediction holds in the limit, and `COARSE` is not quite there.
"""
COARSE, FINE = 1e-4, 1e-8
"""Relative steps between which iterations are counted: below the transient, and above the rounding
errors of float64.
"""
SHOWN = (30, 500)
"""Iterations after which the accuracy is measured: the most of a training step in the paper, and
many more.
"""
CELLS = 2048
"""Cells followed at a time. This bounds the memory, in which the last 80 states of each orbit are
kept, and lets the activations stay in the cache.
"""
INPUT_SEED = 77_000_001
"""Added to the seed of the inputs, so that they are not the samples of training steps."""
FEWEST_LOOPS = 32
"""Iterations that the classification of an orbit needs at least."""


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
        expected: the outcome that the claims predict; None where they predict no single one.
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

    @property
    def rho(self) -> float | None:
        """Median of the spectral radius over the measured fixed points; None without any."""
        return float(np.median([c.rho for c in self.convergence])) if self.convergence else None

    def to_json(self) -> dict[str, Any]:
        """All attributes and the median spectral radius, as a JSON object."""
        return jsonable({**dataclasses.asdict(self), "rho_median": self.rho})


def crossvalidate(
    source: str | Path | Checkpoint,
    *,
    name: str = "",
    inputs: int = 256,
    loops: int = 500,
    limit: int | None = None,
    level: str | None = None,
    data: str | Path | None = None,
    spectra: int = 8,
    seed: int = 0,
    progress: bool = False,
) -> CrossValidation:
    """Compare what the claims predict for a trained network with what it does, in float64.

    The network runs on random inputs of its task. Every orbit is classified after `loops`
    iterations and, while it is undecided, after 2, 4, ... times as many, up to `limit`.

    Args:
        source: a checkpoint, or the path of its .safetensors file.
        name: name of the result; by default the stem of the path, or a name made of the record.
        inputs: number of inputs; default 256.
        loops: iterations before the first look at an orbit, at least 32; default 500.
        limit: iterations before the last look; default 4 times `loops`.
        level: level of the task from which the inputs are drawn; by default the one that training
            reached, or the easiest held-out one where training has seen the samples of that one.
        data: prepared data file of the task, where it needs one.
        spectra: number of fixed points at which the spectral radius is measured; default 8.
        seed: seed of the inputs; default 0.
        progress: whether to show a progress bar; default no.

    Returns:
        Prediction and measurement, with every disagreement in words.

    Raises:
        UsageError: a number is too small, there is no such file, or `data` is missing or is not
            what the network was trained on.
        LoopstabError: the file is damaged.

    Example:
        >>> from loopstab import crossvalidate
        >>> from loopstab.models.zoo import zoo
        >>> found = crossvalidate(zoo.load("internal-post"), inputs=1, loops=200)
        >>> found.majority, found.rho < 1, found.mismatches
        ('fixed-point', True, [])
    """
    check_seed_and_jobs(seed)
    if inputs < 1 or loops < FEWEST_LOOPS:
        raise UsageError(
            f"cross-validation needs at least 1 input and {FEWEST_LOOPS} iterations, not {inputs}"
            f" and {loops}"
        )
    limit = 4 * loops if limit is None else limit
    horizons = looks(loops, limit)
    trained = TrainedLoop.open(source, data, level)
    model, task = trained.model, trained.task
    if not name:
        name = run_name(trained.meta) if isinstance(source, Checkpoint) else Path(source).stem
    batch = task.batch(inputs, trained.level, torch.Generator().manual_seed(seed + INPUT_SEED))
    loop, right = TorchLoop.of(model), Counter[int]()
    diagnoses: list[Diagnosis] = []
    curves: list[Array] = []
    convergence: list[Convergence] = []
    with tqdm(total=inputs, disable=not progress, unit="input", desc=name) as bar:
        for part in _parts(batch):
            samples = _Samples(model, task, part)
            followed = follow_batch(samples, loops, limit)
            right += samples.right()
            for x, orbit in zip(part.x, followed, strict=True):
                t = orbit.trajectory
                diagnoses.append(orbit.diagnosis)
                # an orbit ends early when it stands still, or has left towards infinity
                rest = (0, max(loops - len(t.steps), 0))
                constant = np.inf if t.left else 0
                curves.append(np.pad(t.relative_steps[:loops], rest, constant_values=constant))
                if orbit.diagnosis.outcome is Outcome.FIXED_POINT and len(convergence) < spectra:
                    e = model.encode(x[None].double()).detach().numpy()
                    h = t.tail[-1].reshape(loop.initial(e).shape)
                    convergence.append(_convergence(loop, h, e, t.relative_steps))
            bar.update(len(followed))
    rho_wx = recall_radius(model)
    prediction = predict(model.config.architecture, Weights(rho_wx=rho_wx))
    counts = Counter(str(d.outcome) for d in diagnoses)
    decided = Counter(
        next(t for t in horizons if d.loops <= t)
        for d in diagnoses
        if d.outcome is not Outcome.UNDECIDED
    )
    drift = [
        d.drift_constant
        for d in diagnoses
        if d.outcome is Outcome.DRIFT and d.drift_constant is not None
    ]
    result = CrossValidation(
        name=name,
        architecture=str(model.config.architecture),
        task=task.name,
        level=trained.level,
        inputs=inputs,
        loops=loops,
        limit=limit,
        seed=seed,
        rho_wx=rho_wx,
        expected=None if prediction.expected is None else str(prediction.expected),
        allowed=sorted(map(str, prediction.allowed)),
        claims=list(prediction.claims),
        reason=prediction.reason,
        outcomes=dict(counts.most_common()),
        decided=dict(sorted(decided.items())),
        undecided=counts["undecided"],
        majority=counts.most_common(1)[0][0],
        convergence=convergence,
        accuracy_30=right[30] / inputs,
        accuracy_500=right[500] / inputs,
        drift_constant=float(np.median(drift)) if drift else None,
        residual_curve=np.median(curves, axis=0).tolist(),
    )
    return dataclasses.replace(result, mismatches=_mismatches(result))


def _parts(batch: Batch) -> Iterator[Batch]:
    size = max(1, CELLS // batch.x.shape[1])
    return (
        Batch(x, target)
        for x, target in zip(batch.x.split(size), batch.target.split(size), strict=True)
    )


class _Samples:
    """A batch of samples as `follow_batch` advances them.

    No sample leaves the computation before its accuracy after all of `SHOWN` is known.
    """

    def __init__(self, model: LoopedTransformer, task: Task, batch: Batch):
        self.model, self.task, self.target = model, task, batch.target
        with torch.no_grad():
            self.orbit = Orbit(model, batch.x.double())
        self.seen_rows = torch.arange(len(batch.x))
        self.loops, self._right = 0, Counter[int]()

    def seen(self) -> Array:
        """The states of the samples that are still followed, (samples, cells, width)."""
        return self.orbit.h[self.seen_rows].numpy()

    @torch.no_grad()
    def advance(self) -> None:
        """Do one iteration."""
        self.orbit.advance()
        self.loops += 1
        if self.loops in SHOWN:
            self._right[self.loops] = int(
                self.task.correct(self.model.head(self.orbit.h), self.target).sum()
            )
        if self.loops == SHOWN[-1]:
            self._leave()

    def keep(self, kept: Array) -> None:
        """Follow these samples alone."""
        self.seen_rows = self.seen_rows[torch.from_numpy(kept)]
        if self.loops >= SHOWN[-1]:
            self._leave()

    def right(self) -> Counter[int]:
        """Iterations to number of samples with every cell right, for all of `SHOWN`; does the
        iterations that are missing.
        """
        while self.loops < SHOWN[-1]:
            self.advance()
        return self._right

    def _leave(self) -> None:
        if len(self.seen_rows) < len(self.orbit.h):
            self.orbit.keep(self.seen_rows)
            self.seen_rows = torch.arange(len(self.seen_rows))


def _convergence(loop: TorchLoop, h: np.ndarray, e: np.ndarray, steps: np.ndarray) -> Convergence:
    spectrum = spectral_radius(Linearisation(loop, h, e), tol=1e-6)
    below = [np.flatnonzero(steps < tol) for tol in (COARSE, FINE)]
    measured = int(below[1][0] - below[0][0]) if all(len(b) for b in below) else None
    rate, predicted = None, None
    if measured:
        first, last = below[0][0], below[1][0]
        rate = float(
            np.exp(np.polyfit(np.arange(first, last + 1), np.log(steps[first : last + 1]), 1)[0])
        )
        if 0 < spectrum.value < 1:
            predicted = float(
                numeric("iterations_to_tolerance")(spectrum.value, FINE, steps[first])
            )
    return Convergence(spectrum.value, spectrum.residual, rate, measured, predicted)


def _mismatches(r: CrossValidation) -> list[str]:
    """Every disagreement of prediction and measurement, and every orbit that stayed undecided."""
    out = []
    for outcome, n in r.outcomes.items():
        if outcome == Outcome.UNDECIDED:
            out.append(f"{n} of {r.inputs} inputs are undecided after {r.limit} loops")
        elif outcome not in r.allowed:
            out.append(
                f"{n} of {r.inputs} inputs show {outcome}, which {', '.join(r.claims)} exclude"
            )
        elif r.expected is not None and outcome != r.expected:
            out.append(
                f"{n} of {r.inputs} inputs show {outcome}; expected {r.expected}"
                f" ({', '.join(r.claims)})"
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
                "expected": r.expected or "not claimed",
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
