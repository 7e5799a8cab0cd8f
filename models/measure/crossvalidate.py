"""Theory against trained weights: what the claims predict for a checkpoint, and what it does."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ...numerics.arrays import Array
from ...numerics.formulas import numeric
from ...numerics.orbits.diagnosis import Diagnosis
from ...numerics.orbits.follow import follow_batch, looks
from ...numerics.spectra.linearisation import Linearisation
from ...numerics.spectra.radius import SpectralRadius, spectral_radius
from ...support.errors import UsageError, check_seed_and_jobs
from ...support.progress_bar import progress_bar
from ...theory.outcome import Outcome
from ...theory.prediction import predict
from ..loops.torch_loop import TorchLoop
from ..network.checkpoint import Checkpoint
from ..network.run_record import run_name
from ..network.transformer import LoopedTransformer
from ..tasks.task import Batch, Task
from .comparison import COARSE, FINE, Convergence, CrossValidation, mismatches_of
from .hypotheses import Point, measured_weights
from .orbit import Orbit
from .trained import TrainedLoop

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
    points: list[Point] = []
    with progress_bar(total=inputs, shown=progress, unit="input", desc=name) as bar:
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
                    spectrum = spectral_radius(Linearisation(loop, h, e), tol=1e-6)
                    convergence.append(convergence_of(spectrum, t.relative_steps))
                    points.append((h, e))
            bar.update(len(followed))
    # L1 is about one fixed point: what is said of the checkpoint must hold at all measured ones
    rho = max((c.rho for c in convergence), default=None)
    weights = measured_weights(model, batch.x, points, rho)
    prediction = predict(model.config.architecture, weights)
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
        rho_wx=weights.rho_wx,
        expected=None if prediction.expected is None else str(prediction.expected),
        allowed=sorted(map(str, prediction.allowed)),
        claims=list(prediction.claims),
        reason=prediction.reason,
        input_dependence=prediction.input_dependence,
        constrains=prediction.constrains,
        kappa=weights.kappa,
        full_rank=weights.full_rank,
        hull_distance=weights.hull_distance,
        escapes=weights.escapes,
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
    return dataclasses.replace(result, mismatches=mismatches_of(result))


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


def convergence_of(spectrum: SpectralRadius, steps: Array) -> Convergence:
    """The iterations from `COARSE` to `FINE` beside what X5 predicts of them.

    Args:
        spectrum: the spectral radius at the fixed point.
        steps: the relative steps of the orbit.
    """
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
