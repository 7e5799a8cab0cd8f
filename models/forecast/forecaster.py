"""Predict what a checkpoint will do on new inputs, from its weights and from a few other inputs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ...support.errors import UsageError
from ...theory.architecture import Recall
from ...theory.prediction import conceivable
from ..measure.trained import TrainedLoop
from ..network.checkpoint import Checkpoint
from ..network.initial_model import initial_model
from ..tasks.task import Task
from .accuracy_odds import kept_probability, longer_probability
from .band import loops_band, rate_band, size_band
from .forecast import Forecast, Sensitivity90
from .near_point import LOOPS
from .other_inputs import OTHER_SEED, OtherInputs, check_effort, look_at_other_inputs


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
    loops: int = LOOPS,
    inputs: int | None = None,
    command: str = "",
) -> list[Forecast]:
    """Predict what a checkpoint will do, on the easier and on the harder level of its task.

    The loop runs 64 iterations on 8 inputs (4 from width 128 on), or as many as are asked for. They
    are drawn with a seed of their own, and Newton's method looks for the fixed point near the last
    state, in float64. `votes` says how outcomes get their probabilities, `band` how intervals are
    made.

    Args:
        checkpoint: the checkpoint.
        name: its name.
        stage: `end`, or `initial` for the network before its training.
        data: prepared data file of the task, where it needs one.
        seed: seed of the other inputs; default 0.
        loops: iterations before the search for a fixed point begins, from 32 to 10,000.
        inputs: inputs of each level for which a fixed point is looked for, from 1 to 256; default
            8, and 4 from width 128 on.
        command: the command that is recorded.

    Returns:
        One record for each of the two levels.

    Raises:
        UsageError: the stage is another one, a number is out of its range, or `data` is missing or
            not that of the run.
    """
    if stage not in ("initial", "end"):
        raise UsageError(f"there is no prediction for the stage {stage!r}: use initial or end")
    check_effort(loops, inputs)
    if stage == "initial":
        start = initial_model(checkpoint.meta["run"])
        checkpoint = Checkpoint(start.state_dict(), checkpoint.meta)
    trained = TrainedLoop.open(checkpoint, data)
    levels = levels_to_predict(trained.task)
    seen = [look_at_other_inputs(trained, level, seed, loops, inputs) for level in levels]
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


def _sensitivity(recall: Recall, rank: int, one: OtherInputs, attracts: bool) -> Sensitivity90:
    if not attracts:
        return Sensitivity90("unknown")
    if recall is Recall.NONE:
        return Sensitivity90("zero", 0, 0.0, 0.0)
    band = size_band(one.norms)
    if band is None:
        return Sensitivity90("smooth", rank)
    return Sensitivity90("smooth", rank, band.low, band.high)


def _reason(one: OtherInputs, attracting: int) -> str:
    how = Counter(p.how for p in one.points)
    repelling = sum(p.rho is not None and p.rho >= 1 for p in one.points)
    points = f"of {len(one.points)} other inputs, {attracting} are near an attracting fixed point"
    points += f" and {repelling} led to a repelling one (A4)"
    rest = ", ".join(f"{n} {name}" for name, n in how.most_common() if name != "newton")
    return f"{one.prediction.reason}; {points}{f'; {rest}' if rest else ''}"


def _claims(one: OtherInputs, recall: Recall, attracts: bool) -> tuple[str, ...]:
    """The claims that left outcomes, and those from which numbers were made."""
    local = ("X5", "L4", "A3" if recall is Recall.NONE else "L1", "N4") if attracts else ()
    used = (*one.prediction.claims, "A4", *local)
    return tuple(dict.fromkeys(c for c in used if c != "N4" or recall is not Recall.NONE))
