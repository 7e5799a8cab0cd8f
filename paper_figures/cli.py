"""The console command `loopstab`: claims, phase, train, crossvalidate, diagnose, report.

Exit status 0: done; 1: a failure (damaged file, full disk, interruption, a claim that fell); 2: the request was wrong.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from theory.errors import LoopstabError, UsageError

Positional = tyro.conf.Positional


def claims(claim: Annotated[tuple[str, ...], tyro.conf.Positional] = (), json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> int:
    """Check every claim of the ledger (or those named) and print the result.

    Exit status 1 if a claim is refuted, or a falsifier does not behave. Example: loopstab claims N3 M1 --json

    Args:
        claim: Claim ids; all when none is given.
        json_: Print a list of objects instead of a table.
    """
    from paper_figures.tables import print_claims
    from theory import check, ledger

    known = {c.id: c for c in ledger()}
    unknown = [c for c in claim if c not in known]
    if unknown:
        raise UsageError(f"unknown claim {', '.join(unknown)}: the ledger has {', '.join(known)}")
    reports = [check(known[c]) for c in (claim or known)]
    if json_:
        print(json.dumps([r.to_json() for r in reports], indent=1))
    else:
        print_claims(reports)
    return 1 if any(r.to_json()["verdict"] == "refuted" for r in reports) else 0


def phase(
    out: Path,
    law: Literal["linear"] = "linear",
    residual: float = 1.0,
    width: int = 200,
    grid: str = "24x24",
    draws: int = 1,
    seed: int = 0,
    jobs: int = -1,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Measure the phase diagram of the mean-field law N6 and draw it with the closed-form level lines on top.

    Writes phase.npz, phase.json, phase.png and phase.svg. Example:
    loopstab phase --law linear --residual 1 --width 200 --grid 24x24 --seed 0 --out runs/phase

    Args:
        out: Folder for the results (created).
        law: The block: linear is h' = N(a h + A h + beta e).
        residual: The residual strength a.
        width: State width d.
        grid: Cells as ROWSxCOLUMNS (sigma x beta).
        draws: Random matrices per cell.
        seed: Seed of everything random.
        jobs: Processes; -1 for all cores.
        json_: Print the summary as JSON.
    """
    from numerics import phase_diagram
    from paper_figures.figures import phase_figure, save_figure

    rows, cols = _grid(grid)
    _folder(out)
    diagram = phase_diagram(law, residual=residual, width=width, grid=(rows, cols), draws=draws, seed=seed, jobs=jobs, progress=not json_)
    diagram.save(out)
    files = save_figure(phase_figure(diagram), out / "phase")
    summary = {**diagram.summary(), "files": [str(f) for f in files]}
    print(json.dumps(summary, indent=1) if json_ else "\n".join(f"{k}: {v}" for k, v in summary.items()))
    return 0


def train(
    out: Path,
    task: Literal["prefix-sums"] = "prefix-sums",
    architecture: str = "internal/post",
    width: int = 64,
    heads: int = 4,
    bits: int = 32,
    seed: int = 0,
    batch: int = 128,
    lr: float = 1e-3,
    max_steps: int = 2000,
    polish: int = 400,
    encoder_gradient: Literal["auto", "published", "straight-through", "full"] = "auto",
    minutes: float | None = None,
    threads: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Train a looped transformer; the same command resumes a run that was interrupted or killed.

    Writes state.safetensors (to resume), model.safetensors and result.json. Example:
    loopstab train --task prefix-sums --architecture internal/post --seed 0 --out runs/internal-post

    Args:
        out: Folder of the run (created).
        task: What to learn.
        architecture: recall/norm or recall/norm/residual.
        width: State width per token.
        heads: Attention heads; must divide the width.
        bits: Training length; the curriculum goes up to it from 4 bits.
        seed: Seed of weights and data.
        batch: Sequences per step.
        lr: Learning rate up to 12 bits; falls as 12/bits beyond.
        max_steps: Steps after which the final decay begins even if the curriculum has not ended.
        polish: Steps of the final decay.
        encoder_gradient: How the encoder learns; auto is full for recall none and published otherwise.
        minutes: Stop (resumably) after that many minutes.
        threads: CPU threads; 0 leaves the choice to torch. Results are bit-equal for equal thread counts.
        json_: Print the result as JSON and no progress bar.
    """
    import torch

    from models.config import ModelConfig
    from models.loss import EncoderGradient
    from models.train import TrainConfig, Trainer
    from theory.architecture import Architecture

    if threads > 0:
        torch.set_num_threads(threads)
    config = TrainConfig(
        model=ModelConfig(Architecture.parse(architecture), width=width, heads=heads), seed=seed, bits=bits, batch=batch, lr=lr,
        max_steps=max_steps, polish=polish, encoder_gradient=None if encoder_gradient == "auto" else EncoderGradient(encoder_gradient),
    )  # fmt: skip
    result = Trainer(config, out).run(minutes=minutes, progress=not json_)
    if result is None:
        raise LoopstabError(f"the budget of {minutes:g} minutes ended before the run did: the same command resumes it in {out}")
    if json_:
        print(json.dumps(result, indent=1))
    else:
        print(f"{result['architecture']}: {result['steps']} steps, {result['seconds']:.0f} s, reached {result['bits_reached']} bits")
        for length, curve in result["accuracy"].items():
            best = max(curve)
            print(f"  {length} bits: whole sequences right {best:.3f} at best (loop {result['loops'][curve.index(best)]}), "
                  f"{curve[-1]:.3f} after {result['loops'][-1]} loops")  # fmt: skip
    return 0


def crossvalidate(
    checkpoint: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    inputs: int = 256,
    loops: int = 500,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Compare what the theory predicts for trained checkpoints with what they do; mismatches are listed.

    Example: loopstab crossvalidate internal-post runs/mine/model.safetensors --inputs 256

    Args:
        checkpoint: Shipped names or paths to model.safetensors; all shipped ones when none is given.
        inputs: Random inputs per checkpoint.
        loops: Loops per input.
        seed: Seed of the inputs.
        json_: Print a list of objects.
    """
    from models import zoo
    from models.crossvalidate import crossvalidate as measure
    from models.crossvalidate import main_table
    from paper_figures.tables import print_rows

    paths = [zoo.resolve(name) for name in (checkpoint or zoo.names())]
    results = [measure(p, inputs=inputs, loops=loops, seed=seed, progress=not json_) for p in paths]
    if json_:
        print(json.dumps([r.to_json() for r in results], indent=1))
        return 0
    print_rows(main_table(results), "prediction and measurement")
    for r in results:
        for line in r.mismatches:
            print(f"mismatch {r.architecture}: {line}")
    return 0


def diagnose(
    file: Annotated[Path, tyro.conf.Positional],
    loops: int = 2000,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Diagnose a loop of your own: a Python file that defines step(h, e), initial(e) and an array `e`.

    The file is executed. Exit status 1 if the loop returns non-finite values. Example: loopstab diagnose mine.py --json

    Args:
        file: Python file with step, initial and e (NumPy).
        loops: Loops to run at most.
        seed: Seed of the perturbation and of the eigenvalue solver.
        json_: Print the diagnosis as JSON.
    """
    from numerics import FunctionLoop, Outcome, check_loop
    from numerics import diagnose as measure

    module = _load(file)
    missing = [name for name in ("step", "initial", "e") if not hasattr(module, name)]
    if missing:
        raise UsageError(f"{file} defines no {', '.join(missing)}: it must define step(h, e), initial(e) and an array e")
    loop = FunctionLoop(module.step, module.initial)
    check_loop(loop, module.e)
    result = measure(loop, module.e, loops=loops, seed=seed)
    print(json.dumps(result.to_json(), indent=1) if json_ else "\n".join(f"{k}: {v}" for k, v in result.to_json().items()))
    return 1 if result.outcome is Outcome.NON_FINITE else 0


def report(
    out: Path = Path("report"),
    quick: bool = False,
    seed: int = 0,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Check all claims, draw the phase diagrams, evaluate the shipped checkpoints, train one small model, write one page.

    Writes index.html and report.json. Exit status 1 if a claim fell. Example: loopstab report --out report

    Args:
        out: Folder for the report (created).
        quick: A smaller run of everything (about a minute), marked as such on the page.
        seed: Seed of everything random.
        json_: Print the summary as JSON.
    """
    from paper_figures.report import write_report

    result = write_report(_folder(out), quick=quick, seed=seed, progress=not json_)
    print(json.dumps(result.summary, indent=1) if json_ else "\n".join([*result.lines, f"report: {result.path}"]))
    return 0 if result.sound else 1


COMMANDS: dict[str, Callable[..., Any]] = {
    "claims": claims, "phase": phase, "train": train, "crossvalidate": crossvalidate, "diagnose": diagnose, "report": report,
}  # fmt: skip


def main(args: list[str] | None = None) -> None:
    """Entry point: runs a command, turns errors into one line and an exit status."""
    try:
        status = tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="loopstab", description=__doc__, args=args)
        sys.stdout.flush()
    except LoopstabError as error:
        status = _fail(str(error), error.exit_status)
    except KeyboardInterrupt:
        status = _fail("interrupted; nothing half-written, earlier results untouched (a training run resumes with the same command)", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except MemoryError:
        status = _fail("out of memory: use a smaller width, batch or grid", 1)
    sys.exit(status)


def _fail(message: str, status: int) -> int:
    print(f"loopstab: error: {' '.join(message.split())}", file=sys.stderr)
    return status


def _grid(text: str) -> tuple[int, int]:
    try:
        rows, cols = (int(n) for n in text.lower().split("x"))
    except ValueError:
        raise UsageError(f"cannot read grid {text!r}: write ROWSxCOLUMNS, e.g. 24x24") from None
    if rows < 2 or cols < 2:
        raise UsageError(f"grid {text} is too small: use at least 2x2")
    return rows, cols


def _folder(out: Path) -> Path:
    from theory.files import output_folder

    return output_folder(out)


def _load(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location("user_loop", file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"no Python file at {file}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises is the user's to see, in one line
        raise UsageError(f"{file} cannot be executed: {type(error).__name__}: {error}") from None
    return module


if __name__ == "__main__":
    main()
