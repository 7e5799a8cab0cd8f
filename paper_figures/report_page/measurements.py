"""Everything that a report measures."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from ...models.measure.comparison import CrossValidation
from ...models.measure.crossvalidate import crossvalidate
from ...models.network.model_config import ModelConfig
from ...models.tasks.prefix_sums import PrefixSums
from ...models.training.schedule import LengthCurriculum
from ...models.training.train import Trainer
from ...models.training.train_config import TrainConfig
from ...models.zoo import zoo
from ...numerics.certificates.counts import Counts, count_fixed_points
from ...numerics.phase.diagram import PhaseDiagram
from ...numerics.phase.sweep import phase_diagram
from ...support.progress_bar import progress_bar
from ...theory.architecture import Architecture
from ...theory.checking.check import check
from ...theory.claims import ledger

if TYPE_CHECKING:
    from ..text.attack_results import Attacks

T = TypeVar("T")

SIZES, GAINS = (1, 2), (1.0, 2.0, 4.0, 8.0)
"""Dimensions and gains of the networks whose fixed points are counted."""
RESIDUALS = (0.0, 1.0)
"""Residual strengths of the phase diagrams."""
LIVE_ARCHITECTURE = "external/post"
LIVE_EVALUATION = 100
"""Iterations at which the model that the report trains is evaluated."""


@dataclass(frozen=True)
class Scale:
    """How much of everything a report measures.

    Args:
        width: state width of the phase diagrams.
        networks: random networks per dimension and gain whose fixed points are counted.
        grid: rows and columns of cells of a phase diagram.
        inputs: random inputs per checkpoint.
        loops: iterations before the first look at an orbit.
        live_bits: greatest length of the sequences on which a model is trained.
        live_steps: the most training steps of that model.
        live_samples: the most samples per level in the evaluation of that model.
    """

    width: int
    networks: int
    grid: tuple[int, int]
    inputs: int
    loops: int
    live_bits: int
    live_steps: int
    live_samples: int


FULL = Scale(
    width=200,
    networks=200,
    grid=(12, 12),
    inputs=256,
    loops=500,
    live_bits=12,
    live_steps=600,
    live_samples=2048,
)
QUICK = Scale(
    width=64,
    networks=25,
    grid=(6, 6),
    inputs=16,
    loops=200,
    live_bits=4,
    live_steps=40,
    live_samples=256,
)


@dataclass(frozen=True)
class Measurements:
    """What a report measured, and under which scale and seed.

    Args:
        scale: how much was measured.
        seed: seed of everything random.
        claims: the checked claims of the ledger, as JSON objects.
        counts: certified numbers of fixed points.
        diagrams: phase diagrams of the linear law, one for each of `RESIDUALS`.
        live: record of the model that the report trained.
        results: cross-validation of the checkpoints `zoo.SHOWN`.
        runs: training records of these checkpoints.
        attacked: results of attacks that were made before.
        seconds: wall time of it all.
    """

    scale: Scale
    seed: int
    claims: list[dict[str, Any]]
    counts: list[Counts]
    diagrams: list[PhaseDiagram]
    live: dict[str, Any]
    results: list[CrossValidation]
    runs: list[dict[str, Any]]
    attacked: Attacks
    seconds: float

    @property
    def quick(self) -> bool:
        """Whether less was measured than for the real figures."""
        return self.scale != FULL

    @property
    def sound(self) -> bool:
        """Whether no claim is refuted: not by its check, an attack, or a certified count."""
        return (
            all(claim["verdict"] != "refuted" for claim in self.claims)
            and not self.attacked.falsified
            and not any(counts.falsified for counts in self.counts)
        )


def measure(scale: Scale, seed: int, attacked: Attacks, progress: bool) -> Measurements:
    """Measure everything; with `progress`, print the stages and the time at which they begin."""
    start = time.monotonic()

    def stage(name: str, work: Callable[[], T]) -> T:
        if progress:
            print(f"[{time.monotonic() - start:5.0f} s] {name}", flush=True)
        return work()

    claims = stage("checking the claims", lambda: [check(c).to_json() for c in ledger()])
    counts = stage("counting fixed points by proof", lambda: _count(scale, seed))
    diagrams = [
        stage(f"phase diagram, residual {a:g}", lambda a=a: _diagram(a, scale, seed, progress))
        for a in RESIDUALS
    ]
    live = stage(
        "training one small model from scratch", lambda: _train_live(scale, seed, progress)
    )
    results = stage(
        f"cross-validating {', '.join(zoo.SHOWN)}",
        lambda: _crossvalidate_all(scale, seed, progress),
    )
    runs = [zoo.describe(name)["run"] for name in zoo.SHOWN]
    seconds = time.monotonic() - start
    return Measurements(
        scale, seed, claims, counts, diagrams, live, results, runs, attacked, seconds
    )


def _count(scale: Scale, seed: int) -> list[Counts]:
    return [
        count_fixed_points("tanh", size, gain, scale.networks, seed)
        for size in SIZES
        for gain in GAINS
    ]


def _diagram(residual: float, scale: Scale, seed: int, progress: bool) -> PhaseDiagram:
    settings = {"residual": residual, "width": scale.width}
    return phase_diagram("linear", settings=settings, grid=scale.grid, seed=seed, progress=progress)


def _crossvalidate_all(scale: Scale, seed: int, progress: bool) -> list[CrossValidation]:
    """Measure the checkpoints in threads of their own, each with one thread of torch.

    More threads do not make such small products faster, and torch releases the interpreter lock.
    """

    def measure_one(name: str) -> CrossValidation:
        torch.set_num_threads(1)
        return crossvalidate(
            zoo.load(name), name=name, inputs=scale.inputs, loops=scale.loops, seed=seed
        )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(measure_one, zoo.SHOWN)
        return list(progress_bar(found, total=len(zoo.SHOWN), unit="checkpoint", shown=progress))


def _train_live(scale: Scale, seed: int, progress: bool) -> dict[str, Any]:
    schedule = LengthCurriculum(
        bits=scale.live_bits, max_steps=scale.live_steps, polish=max(10, scale.live_steps // 6)
    )
    config = TrainConfig(
        model=ModelConfig(Architecture.parse(LIVE_ARCHITECTURE)),
        schedule=schedule,
        seed=seed,
        eval_size=scale.live_samples,
        eval_loops=LIVE_EVALUATION,
    )
    threads = torch.get_num_threads()
    # at this size two threads are no faster than one, and on a busy machine much slower
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(config, PrefixSums(scale.live_bits, (1, 2)), folder)
            result = trainer.run(progress=progress)
    finally:
        torch.set_num_threads(threads)
    assert result is not None  # no time budget was set
    return result
