"""Outcome and spectrum of a loop in a Python file, or of a trained checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ...support.errors import LoopstabError, UsageError, check_seed_and_jobs
from ...support.jsonable import json_text
from .user_file import load, one_line

if TYPE_CHECKING:
    from ...numerics.loops.protocol import LoopedMap


def diagnose(
    source: Annotated[str, tyro.conf.Positional],
    loops: int = 2000,
    limit: int | None = None,
    spectrum: bool = False,
    lyapunov_loops: int = 200,
    data: Path | None = None,
    level: str | None = None,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Classify the orbit of your loop and measure its spectrum.

    A Python file defines step(h, e), initial(e) and a NumPy array e; it is executed. It may also
    define the derivatives jvp, vjp, input_jvp and input_vjp of (h, e, vector). A checkpoint is
    measured on one random input of its task.

    The outcome is whether the orbit reaches a fixed point, cycles, drifts, and so on. An orbit that
    is undecided after --loops iterations is followed up to --limit.

    For a checkpoint, and with --spectrum for a file, the spectrum at the last state is measured
    too: spectral radius, largest singular value, largest norm of a power, Kreiss constant,
    resolvent, sensitivity to the input, and Lyapunov exponent. Each comes with a residual, which
    tells how accurate it is, or with the reason why it could not be measured.

    Examples: loopstab diagnose mine.py --spectrum --json
     loopstab diagnose internal-post --loops 500

    Exit status: 0 if the loop was measured, 1 if it returned values that are not finite, 2 for a
    wrong request or an error in the file.

    Args:
        source: Python file, name of a shipped checkpoint, or path of a model.safetensors file.
        loops: Iterations before the orbit is classified for the first time.
        limit: The most iterations of an undecided orbit; default: 16 times --loops.
        spectrum: Measure the spectrum of a Python file too.
        lyapunov_loops: Iterations over which the Lyapunov exponent is averaged.
        data: Prepared data file, for a checkpoint whose task needs one.
        level: Level from which the input is drawn; default: the one that the training reached.
        seed: Seed of a checkpoint's input, of the perturbation and of the solvers.
        json_: Print the diagnosis as a JSON object.
    """
    from ...numerics.orbits.loop_report import check_loop
    from ...numerics.orbits.diagnose import diagnose as measure
    from ...numerics.spectra.profile import profile
    from ...theory.outcome import Outcome

    of_file = source.endswith(".py")
    check_seed_and_jobs(seed)
    loop, e = _from_file(Path(source)) if of_file else _from_checkpoint(source, data, level, seed)
    check_loop(loop, e)
    result = measure(loop, e, loops=loops, limit=limit, seed=seed)
    out = result.to_json()
    lines = [
        f"{k.replace('_', ' ')}: {v}" for k, v in out.items() if k != "rho" and v not in (None, "")
    ]
    if result.rho is not None:
        lines.append(
            f"spectral radius at the last state: {result.rho.value:.6g} (residual"
            f" {result.rho.residual:.1e})"
        )
    if (
        (spectrum or not of_file)
        and result.state is not None
        and result.outcome is not Outcome.NON_FINITE
    ):
        try:
            found = profile(loop, result.state, e, loops=lyapunov_loops, seed=seed)
            out["spectrum"] = found.to_json()
            lines += found.lines()
        except LoopstabError as error:
            out["spectrum"] = str(error)
            lines.append(f"no spectrum: {error}")
    print(json_text(out) if json_ else "\n".join(lines))
    return 1 if result.outcome is Outcome.NON_FINITE else 0


def _from_file(file: Path) -> tuple[LoopedMap, Any]:
    from ...numerics.loops.function_loop import FunctionLoop

    file = file.absolute()  # tracebacks name files like this
    module = load(file)
    own = {
        name: one_line(file, name, getattr(module, name))
        for name in ("step", "initial", "jvp", "vjp", "input_jvp", "input_vjp")
        if hasattr(module, name)
    }
    return FunctionLoop(**own), module.e


def _from_checkpoint(
    name: str, data: Path | None, level: str | None, seed: int
) -> tuple[LoopedMap, Any]:
    """The loop in float64 and the embedding of one random input."""
    from ...models.measure.trained import TrainedLoop
    from ...models.zoo import zoo

    trained = TrainedLoop.open(zoo.load(name), data, level)
    task = trained.task
    if level is not None and level not in task.levels:
        raise UsageError(f"{task.name} has no level {level!r}: use one of {', '.join(task.levels)}")
    return trained.loop_and_input(seed)
