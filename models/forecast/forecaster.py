"""Predict what a checkpoint will do on new inputs, from its weights and from a few other inputs."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...numerics.loops.protocol import LoopError
from ...numerics.orbits.follow import follow
from ...numerics.spectra.linearisation import Linearisation
from ...numerics.spectra.sensitivity import sensitivity_norm
from ...support.errors import UsageError
from ...theory.architecture import Recall
from ...theory.outcome import Outcome
from ...theory.prediction import Prediction, conceivable, predict
from ..loops.torch_loop import TorchLoop
from ..measure.hypotheses import measured_weights
from ..measure.trained import TrainedLoop
from ..network.checkpoint import Checkpoint
from ..network.initial_model import initial_model
from ..network.transformer import LoopedTransformer
from ..tasks.task import Batch, Task
from .accuracy_odds import EARLY, LATE, EarlyAccuracy, kept_probability, longer_probability
from .band import loops_band, rate_band, size_band
from .forecast import Forecast, Sensitivity90
from .near_point import LOOPS, NearPoint, near_point
from .votes import outcome_probabilities

OTHER_SEED = 91_000_033
"""Added to the seed of the inputs, so that they are neither samples of training nor those that are
measured.
"""
WIDE = 128
"""Width from which on fewer inputs are taken."""
POINTS, POINTS_WIDE = 8, 4
"""Inputs for which a fixed point is looked for."""
RUNS, RUNS_WIDE = 32, 16
"""Inputs whose answers are looked at after few iterations."""
NORMS = 2
"""Fixed points at which S is measured."""
COARSE = 0.1
"""Relative residual of its largest singular pair; the error of the norm is of second order."""
SAMPLED = 4
"""Inputs whose orbits are followed, for comparison."""
COSINE = 0.99
"""Cosine of two successive states from which on a loop is commonly said to have converged."""


@dataclass(frozen=True)
class _Seen:
    """What was found of the other inputs of one level."""

    level: str
    points: tuple[NearPoint, ...]
    prediction: Prediction
    outcomes: dict[Outcome, float]
    accuracy: EarlyAccuracy
    norms: tuple[float, ...]
    cosine: float
    sampled: dict[str, int]
    numbers: dict[str, Any]

    @property
    def settles(self) -> float:
        """The probability that an orbit settles."""
        return sum(self.outcomes.get(o, 0.0) for o in (Outcome.FIXED_POINT, Outcome.CRITICAL))


def levels_to_predict(task: Task) -> tuple[str, str]:
    """The easier and the harder level for which predictions are made.

    Args:
        task: the task of a run.

    Returns:
        The greatest training length and twice that, or the easiest and the hardest level of which
        no sample is trained on.
    """
    if task.lengths:
        return str(task.bits), str(2 * task.bits)
    return task.held_out[0], task.held_out[-1]


def forecasts(
    checkpoint: Checkpoint,
    name: str,
    *,
    stage: str = "end",
    data: str | Path | None = None,
    seed: int = 0,
    command: str = "",
) -> list[Forecast]:
    """Predict what a checkpoint will do, on the easier and on the harder level of its task.

    The loop runs 64 iterations on 8 inputs (4 from width 128 on) that are drawn with a seed of
    their own, and Newton's method looks for the fixed point near the last state, in float64.
    `votes` says how outcomes get their probabilities, `band` how intervals are made.

    Args:
        checkpoint: the checkpoint.
        name: its name.
        stage: `end`, or `initial` for the network before its training.
        data: prepared data file of the task, where it needs one.
        seed: seed of the other inputs; default 0.
        command: the command that is recorded.

    Returns:
        One record for each of the two levels.

    Raises:
        UsageError: the stage is another one, or `data` is missing or not that of the run.
    """
    if stage not in ("initial", "end"):
        raise UsageError(f"there is no prediction for the stage {stage!r}: use initial or end")
    if stage == "initial":
        start = initial_model(checkpoint.meta["run"])
        checkpoint = Checkpoint(start.state_dict(), checkpoint.meta)
    trained = TrainedLoop.open(checkpoint, data)
    seen = [_seen(trained, level, seed) for level in levels_to_predict(trained.task)]
    easy, hard = seen
    longer = longer_probability(easy.accuracy, hard.accuracy, easy.settles, hard.settles)
    weights, run = checkpoint.checksum(), trained.meta["run"]
    architecture, width = trained.model.config.architecture, trained.model.config.width
    out = []
    for one in seen:
        attracting = [p for p in one.points if p.attracts and p.rho]
        rate = rate_band([p.rho for p in attracting if p.rho])
        rank = width - 1 if architecture.outer_norm else width
        out.append(
            Forecast(
                checkpoint=name,
                stage=stage,
                level=one.level,
                task=run["task"],
                architecture=str(architecture),
                seed=run["config"]["seed"],
                weights=weights,
                outcomes={str(o): p for o, p in one.outcomes.items()},
                excluded=tuple(
                    sorted(map(str, conceivable(architecture) - one.prediction.allowed))
                ),
                rate=rate,
                loops=loops_band([p.loops for p in attracting if p.loops is not None]),
                sensitivity=_sensitivity(architecture.recall, rank, one, bool(attracting)),
                truncation_rate=rate,
                constant_after=loops_band(
                    [p.constant_after for p in attracting if p.constant_after is not None]
                ),
                kept=kept_probability(one.accuracy, one.settles),
                longer=longer,
                fixed_point_by_cosine=one.cosine,
                sampled=one.sampled,
                reason=_reason(one, len(attracting)),
                claims=_claims(one, architecture.recall, bool(attracting)),
                sources={**one.numbers, "seed": seed, "seed_offset": OTHER_SEED},
                command=command,
            )
        )
    return out


def _seen(trained: TrainedLoop, level: str, seed: int) -> _Seen:
    model, task = trained.model, trained.task
    wide = model.config.width >= WIDE
    runs, count = (RUNS_WIDE, POINTS_WIDE) if wide else (RUNS, POINTS)
    generator = torch.Generator().manual_seed(seed + OTHER_SEED)
    batch = task.batch(runs, level, generator)
    few = batch.of(slice(count))
    points = tuple(near_point(model, few.x[i, None], few.target[i, None]) for i in range(count))
    found = [p for p in points if p.attracts and p.state is not None]
    at = [
        (p.state, model.encode(few.x[i, None].double()).detach().numpy())
        for i, p in enumerate(points)
        if p.attracts and p.state is not None
    ]
    rho = max((p.rho for p in found if p.rho is not None), default=None)
    weights = measured_weights(model, few.x, at, rho)
    prediction = predict(model.config.architecture, weights)
    outcomes = outcome_probabilities(points, prediction)
    recalls = model.config.architecture.recall is not Recall.NONE
    norms = tuple(_norms(model, at[:NORMS])) if recalls else ()
    single = copy.deepcopy(model).float()
    accuracy = _accuracy(single, task, batch)
    cosine, sampled = _sampled(single, few.of(slice(SAMPLED)))
    numbers = {
        "inputs": count,
        "inputs_for_accuracy": runs,
        "loops": LOOPS,
        "kappa": weights.kappa,
        "rho_wx": weights.rho_wx,
        "full_rank": weights.full_rank,
        "hull_distance": weights.hull_distance,
        "escapes": weights.escapes,
        "points": [p.to_json() for p in points],
        "sensitivity_norms": norms,
        "accuracy": vars(accuracy),
    }
    return _Seen(level, points, prediction, outcomes, accuracy, norms, cosine, sampled, numbers)


def _norms(model: LoopedTransformer, points: Sequence[Any]) -> list[float]:
    """The norms of S at these points where it can be computed."""
    found = []
    for h, e in points:
        try:
            found.append(
                sensitivity_norm(Linearisation(TorchLoop.of(model), h, e), tol=COARSE).value
            )
        except LoopError:
            continue
    return [norm for norm in found if norm > 0]


@torch.no_grad()
def _accuracy(model: LoopedTransformer, task: Task, batch: Batch) -> EarlyAccuracy:
    """Right answers after `EARLY` and after `LOOPS` iterations, in float32."""
    e = model.encode(batch.x.float())
    context, h = model.prepare(e, folded=True), model.initial(e)
    right = {}
    for t in range(1, LOOPS + 1):
        h = model.advance(h, context)
        if t in (EARLY, LOOPS):
            right[t] = task.correct(model.head(h), batch.target)
    first, last = right[EARLY], right[LOOPS]
    lost, gained = (int((a & ~b).sum()) for a, b in ((first, last), (last, first)))
    return EarlyAccuracy(len(batch.x), int(first.sum()), lost, gained, LOOPS)


@torch.no_grad()
def _sampled(model: LoopedTransformer, batch: Batch) -> tuple[float, dict[str, int]]:
    """The two predictions without theory, for comparison: by cosine, and by longer orbits."""
    e = model.encode(batch.x.float())
    context, h = model.prepare(e, folded=True), model.initial(e)
    for _ in range(29):
        h = model.advance(h, context)
    after = model.advance(h, context)
    cosines = torch.cosine_similarity(h.flatten(1), after.flatten(1))

    def step(states: np.ndarray) -> np.ndarray:
        return model.advance(torch.from_numpy(states), context).numpy()

    followed = follow(step, model.initial(e).numpy().copy(), LATE, LATE)
    counts = Counter(str(one.diagnosis.outcome) for one in followed)
    return float((cosines > COSINE).float().mean()), dict(counts)


def _sensitivity(recall: Recall, rank: int, one: _Seen, attracts: bool) -> Sensitivity90:
    if not attracts:
        return Sensitivity90("unknown")
    if recall is Recall.NONE:
        return Sensitivity90("zero", 0, 0.0, 0.0)
    band = size_band(one.norms)
    if band is None:
        return Sensitivity90("smooth", rank)
    return Sensitivity90("smooth", rank, band.low, band.high)


def _reason(one: _Seen, attracting: int) -> str:
    how = Counter(p.how for p in one.points)
    repelling = sum(p.rho is not None and p.rho >= 1 for p in one.points)
    points = f"of {len(one.points)} other inputs, {attracting} are near an attracting fixed point"
    points += f" and {repelling} led to a repelling one (A4)"
    rest = ", ".join(f"{n} {name}" for name, n in how.most_common() if name != "newton")
    return f"{one.prediction.reason}; {points}{f'; {rest}' if rest else ''}"


def _claims(one: _Seen, recall: Recall, attracts: bool) -> tuple[str, ...]:
    """The claims that left outcomes, and those from which numbers were made."""
    local = ("X5", "L4", "A3" if recall is Recall.NONE else "L1", "N4") if attracts else ()
    used = (*one.prediction.claims, "A4", *local)
    return tuple(dict.fromkeys(c for c in used if c != "N4" or recall is not Recall.NONE))
