"""What is seen of a few other inputs of a loop, from which forecasts for new ones are made."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
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
from ...theory.prediction import Prediction, predict
from ..loops.torch_loop import TorchLoop
from ..measure.hypotheses import measured_weights
from ..measure.trained import TrainedLoop
from ..network.transformer import LoopedTransformer
from ..tasks.task import Batch, Task
from .accuracy_odds import EARLY, LATE, EarlyAccuracy
from .near_point import NearPoint, near_point
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
"""Inputs whose orbits are followed to `LATE` iterations, for comparison; where the search for a
fixed point begins as late, all of its inputs.
"""
FEWEST, MOST = 32, 10_000
"""Iterations that can be asked for."""
MOST_INPUTS = 256
"""Most inputs that can be asked for."""
COSINE = 0.99
"""Cosine of two successive states from which on a loop is commonly said to have converged."""


@dataclass(frozen=True)
class OtherInputs:
    """What was found of the other inputs of one level.

    Attributes:
        level: the level.
        points: what was found of each input for which a fixed point was looked for.
        prediction: what the claims say of the loop.
        outcomes: outcome to probability for a new input.
        accuracy: how many answers were right.
        norms: operator norm of S at a few of the fixed points.
        cosine: share of inputs with nearly parallel states after 29 and 30 iterations.
        sampled: outcomes of some inputs after `LATE` iterations.
        numbers: what is recorded of all this.
    """

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


def check_effort(loops: int, inputs: int | None) -> None:
    """Raise `UsageError` unless so many iterations and inputs can be asked for.

    Args:
        loops: iterations before the search for a fixed point begins.
        inputs: inputs for which one is looked for; None for the default.
    """
    if not FEWEST <= loops <= MOST:
        raise UsageError(f"a prediction needs {FEWEST} to {MOST} iterations, not {loops}")
    if inputs is not None and not 1 <= inputs <= MOST_INPUTS:
        raise UsageError(f"a prediction needs 1 to {MOST_INPUTS} other inputs, not {inputs}")


def look_at_other_inputs(
    trained: TrainedLoop, level: str, seed: int, loops: int, inputs: int | None
) -> OtherInputs:
    """Look at other inputs of one level.

    Args:
        trained: the loop, with its task.
        level: the level.
        seed: seed of the inputs.
        loops: iterations before the search for a fixed point begins.
        inputs: inputs for which one is looked for; default by the width.
    """
    model, task = trained.model, trained.task
    wide = model.config.width >= WIDE
    runs, count = (RUNS_WIDE, POINTS_WIDE) if wide else (RUNS, POINTS)
    count = inputs or count
    runs = max(runs, count)
    generator = torch.Generator().manual_seed(seed + OTHER_SEED)
    batch = task.batch(runs, level, generator)
    few = batch.of(slice(count))
    points = tuple(
        near_point(model, few.x[i, None], few.target[i, None], loops) for i in range(count)
    )
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
    accuracy = _accuracy(single, task, batch, min(loops, LATE))
    cosine, sampled = _sampled(single, few if loops >= LATE else few.of(slice(SAMPLED)))
    numbers = {
        "inputs": count,
        "inputs_for_accuracy": runs,
        "loops": loops,
        "kappa": weights.kappa,
        "rho_wx": weights.rho_wx,
        "full_rank": weights.full_rank,
        "hull_distance": weights.hull_distance,
        "escapes": weights.escapes,
        "points": [p.to_json() for p in points],
        "sensitivity_norms": norms,
        "accuracy": vars(accuracy),
    }
    return OtherInputs(
        level, points, prediction, outcomes, accuracy, norms, cosine, sampled, numbers
    )


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
def _accuracy(model: LoopedTransformer, task: Task, batch: Batch, loops: int) -> EarlyAccuracy:
    """Right answers after `EARLY` and after `loops` iterations, in float32."""
    e = model.encode(batch.x.float())
    context, h = model.prepare(e, folded=True), model.initial(e)
    right = {}
    for t in range(1, loops + 1):
        h = model.advance(h, context)
        if t in (EARLY, loops):
            right[t] = task.correct(model.head(h), batch.target)
    first, last = right[EARLY], right[loops]
    lost, gained = (int((a & ~b).sum()) for a, b in ((first, last), (last, first)))
    return EarlyAccuracy(len(batch.x), int(first.sum()), lost, gained, loops)


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
