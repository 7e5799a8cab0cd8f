"""Outcome and spectrum of a loop in a Python file, or of a trained checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ...support.errors import LoopstabError, UsageError, check_seed_and_jobs
from ...support.jsonable import json_text
from ...support.option_bounds import COUNT, INPUTS, check_options
from ...support.schema import Maybe
from .user_file import user_loop

if TYPE_CHECKING:
    from ...numerics.loops.protocol import LoopedMap


def diagnose(
    source: Annotated[str, tyro.conf.Positional],
    loops: int | None = None,
    limit: int | None = None,
    spectrum: bool = False,
    products: int = 1000,
    lyapunov_loops: int = 200,
    check: bool = False,
    rows: bool = False,
    inputs: int = 1,
    compare: str | None = None,
    data: Path | None = None,
    level: str | None = None,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Find out what your loop does when it runs on, and what to do.

    A Python file defines step and initial, and mostly an input e; it is executed. The step may be
    step(h), step(h, e) or step(h, e, t) with the number t of the iteration, on NumPy arrays, torch
    tensors, or tuples and dicts of them. A file with NumPy functions may also define the
    derivatives jvp, vjp, input_jvp and input_vjp of (h, e, vector). Instead of the functions it may
    define a loop, for example a TorchLoop. A checkpoint is measured on random inputs of its task.

    The outcome is whether the orbit reaches a fixed point, cycles, drifts, and so on, reconciled
    with the spectral radius where it ends. An orbit that is undecided after --loops iterations is
    followed up to --limit. Measurements that contradict each other are named, with the reason.

    For a checkpoint, and with --spectrum for a file, all spectral measurements at the last state
    follow: spectral radius, largest singular value, largest norm of a power, Kreiss constant,
    resolvent, sensitivity to the input, and Lyapunov exponent. Each comes with a residual, which
    tells how accurate it is, or with the reason why it could not be measured.

    Examples: loopstab diagnose mine.py --spectrum --json
     loopstab diagnose mine.py --compare damped.py
     loopstab diagnose internal-post --loops 500 --inputs 16

    Exit status: 0 if the loop was measured (with --check: if every check passed), 1 if it returned
    values that are not finite or a check failed, 2 for a wrong request or an error in the file.

    Args:
        source: Python file, name of a shipped checkpoint, or path of a model.safetensors file.
        loops: Iterations before the orbit is classified for the first time; default: 2000, and
            fewer for very large states.
        limit: The most iterations of an undecided orbit; default: 16 times --loops.
        spectrum: Take all spectral measurements of a Python file too.
        products: The most products with the Jacobian for one spectral radius.
        lyapunov_loops: Iterations over which the Lyapunov exponent of --spectrum is averaged.
        check: Only check that the loop can be measured, one line for each check.
        rows: Diagnose each row of e as an input of its own: a step on batches.
        inputs: Number of inputs of a checkpoint; more than one are diagnosed as a batch.
        compare: Second file or checkpoint, for a table of both on the input of the first.
        data: Prepared data file, for a checkpoint whose task needs one.
        level: Level from which the input is drawn; default: the one that the training reached.
        seed: Seed of a checkpoint's input, of the perturbation and of the solvers.
        json_: Print the diagnosis as a JSON object.
    """
    from ...numerics.verdicts.before_after import BeforeAfter
    from ...numerics.verdicts.diagnose import diagnose as measure
    from ...numerics.verdicts.diagnose_batch import diagnose_batch
    from ...numerics.verdicts.loop_report import loop_report

    check_seed_and_jobs(seed)
    check_options(inputs=(inputs, INPUTS), products=(products, COUNT))
    check_options(loops=(loops, Maybe(COUNT)), limit=(limit, Maybe(COUNT)))
    check_options(lyapunov_loops=(lyapunov_loops, COUNT))
    loop, e = _source(source, data, level, seed, inputs)
    options: dict[str, Any] = {"loops": loops, "limit": limit, "products": products, "seed": seed}
    if check:
        report = loop_report(loop, e)
        _print(report, json_)
        return 0 if report.passed else 1
    _refuse(loop_report(loop, e))
    if rows or inputs > 1:
        options["loops"] = loops or 2000
        found = diagnose_batch(loop, e, **options, progress=not json_)
        _print(found, json_)
        return 1 if "non-finite" in found.outcomes else 0
    result = measure(loop, e, **options, progress=not json_)
    if compare is not None:
        other, _ = _source(compare, data, level, seed, inputs)
        _print(BeforeAfter(result, measure(other, e, **options)), json_)
        return 0
    out, lines = result.to_json(), result.lines()
    if (spectrum or not source.endswith(".py")) and result.outcome != "non-finite":
        out["spectrum"], more = _profile(loop, result.state, e, lyapunov_loops, seed)
        lines += more
    print(json_text(out) if json_ else "\n".join(lines))
    return 1 if result.outcome == "non-finite" else 0


def _source(
    source: str, data: Path | None, level: str | None, seed: int, inputs: int
) -> tuple[LoopedMap, Any]:
    if source.endswith(".py"):
        if inputs > 1:
            raise UsageError("--inputs is for checkpoints: a file gives its inputs as rows of e")
        return user_loop(Path(source))
    return _from_checkpoint(source, data, level, seed, inputs)


def _refuse(report: Any) -> None:
    """Raise the errors of a report, but for those of the derivative, which a diagnosis explains."""
    from ...numerics.loops.protocol import LoopError

    failed = [check.detail for check in report.failed if check.name not in ("derivative", "smooth")]
    if failed:
        raise LoopError("; ".join(failed))


def _profile(loop: LoopedMap, h: Any, e: Any, loops: int, seed: int) -> tuple[Any, list[str]]:
    from ...numerics.spectra.profile import profile

    try:
        found = profile(loop, h, e, loops=loops, seed=seed)
    except LoopstabError as error:
        return str(error), [f"no spectrum: {error}"]
    return found.to_json(), found.lines()


def _print(found: Any, json_: bool) -> None:
    print(json_text(found.to_json()) if json_ else "\n".join(found.lines()))


def _from_checkpoint(
    name: str, data: Path | None, level: str | None, seed: int, inputs: int
) -> tuple[LoopedMap, Any]:
    """The loop in float64 and the embeddings of some random inputs."""
    from ...models.measure.trained import TrainedLoop
    from ...models.zoo import zoo

    trained = TrainedLoop.open(zoo.load(name), data, level)
    task = trained.task
    if level is not None and level not in task.levels:
        raise UsageError(f"{task.name} has no level {level!r}: use one of {', '.join(task.levels)}")
    return trained.loop_and_input(seed, inputs)
