"""Training of a looped transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from ...models.training.run_spec import RunSpec
from ...support.errors import LoopstabError
from ...support.jsonable import json_text
from ...support.locks import exclusive_folder
from ...support.option_bounds import MINUTES, THREADS, check_options
from ...support.optional import optional
from ...support.schema import Maybe, Whole


def train(
    out: Path,
    run: Annotated[RunSpec, tyro.conf.arg(name="")],
    data: Path | None = None,
    minutes: float | None = None,
    device: str = "cpu",
    threads: int = 0,
    compile_: Annotated[bool, tyro.conf.arg(name="compile")] = False,
    tensorboard: bool = False,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Train a looped transformer; the same command resumes it.

    OUT gets state.safetensors, from which a run that was interrupted or killed resumes,
    metrics.jsonl, model.safetensors and result.json. Runs with the same options and the same number
    of threads give the same bits. Compilation pays off for boards, and for the last length of a
    long run.

    Example: loopstab train --task prefix-sums --architecture internal/post --out runs/internal-post

    Exit status: 0 if the run is finished; 1 if it is not finished within --minutes, or failed, or
    another process trains in OUT; 2 for a wrong request.

    Args:
        out: Folder of the run. It is created.
        run: The run.
        data: Prepared data file, for a task that needs one (see loopstab data prepare).
        minutes: Stop after this many minutes; the same command then resumes the run.
        device: A torch device, such as cpu or cuda.
        threads: Number of CPU threads; 0 leaves it to torch.
        compile_: Compile the loop, which needs a C++ compiler and pays off in long runs.
        tensorboard: Also write TensorBoard events, which needs the package tensorboard.
        json_: Print the result as a JSON object, and no progress bar.
    """
    with optional("models"):
        import torch

    from ...models.network.run_record import interval
    from ...models.training.run_spec import check_device
    from ...models.training.train import Trainer

    check_device(device)
    check_options(minutes=(minutes, Maybe(MINUTES)), threads=(threads, Whole(0, THREADS.high)))
    if threads > 0:
        torch.set_num_threads(threads)
    config, task = run.build(data)
    with exclusive_folder(out):
        result = Trainer(config, task, out, device, tensorboard, run.command(), compile_).run(
            minutes=minutes, progress=not json_
        )
    if result is None:
        raise LoopstabError(
            f"the budget of {minutes:g} minutes ended before the run did: the same command resumes"
            f" it in {out}"
        )
    if json_:
        print(json_text(result))
    else:
        print(
            f"{result['architecture']}: {result['steps']} steps, {result['seconds']:.0f} s, reached"
            f" level {result['level_reached']}"
        )
        at = result["choice"]["loops"]
        for level, curve in result["accuracy"].items():
            share, samples = curve[result["loops"].index(at)], result["samples"][level]
            low, high = interval(result, level)
            print(
                f"  {level} ({result['difficulty']}): exact-match accuracy {share:.3f} at {at}"
                f" iterations (95 %: {low:.3f} to {high:.3f}, {samples} samples), {curve[-1]:.3f}"
                f" after {result['loops'][-1]}"
            )
        choice = result["choice"]
        others = f"{choice['samples']} {'other ' if choice['apart'] else ''}samples"
        print(f"  the {at} iterations were chosen on {others} of the level {choice['level']}")
    return 0
