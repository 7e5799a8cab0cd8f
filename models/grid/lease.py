"""Train on a GPU that is lent for a few minutes.

The machine is checked, the runs of a plan are trained in order of their value and evaluated in
float32, and the results are packed into a few files. Give the same command again to continue, on
the same machine or on another one that has the folder of --out:

    python -m loopstab.models.grid.lease --plan lease --data sudoku=sudoku.safetensors \\
        --data chess=chess.safetensors --budget-minutes 9 --out lease

Only torch, numpy, safetensors and tqdm are needed. On a machine where the package loopstab is not
installed, make the repository importable under that name first; in the root of the repository:

    mkdir -p /tmp/site && ln -s "$PWD" /tmp/site/loopstab
    PYTHONPATH=/tmp/site python -m loopstab.models.grid.lease --plan lease --out lease ...

Exit status: 0 when all runs are done or the budget is used up, 1 when a run failed or the machine
is too slow or computes wrongly, 2 for a wrong request.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...support.command_line import run_command
from ...support.errors import LoopstabError, UsageError
from ...support.files import output_folder, write_atomic, write_json
from ...support.locks import exclusive_file
from ...support.optional import optional
from ...support.schema import shown
from ..network.checkpoint import Checkpoint, entry
from ..network.metadata import entries, read_metadata
from ..network.run_record import parsed_run
from ..training.run_spec import check_device
from ..training.saved_state import STATE
from ..training.train import MODEL, RESULT
from .machine_check import MachineCheck, check_machine
from .pack import LIMIT, pack
from .plan import Plan, data_files
from .run_grid import RESULTS, GridReport, pending, plan_jobs, run_grid
from .workers import RUNS, Job

with optional("models"):
    import torch

FILES = 8
"""Most files that a lease leaves, each of at most `LIMIT` bytes: few enough to be copied back by
whatever means the lender offers.
"""
REPORT, CACHE = "lease.json", "compile-cache.tar.gz"
RESERVE = 20.0
"""Seconds of the budget that are reserved for packing."""


def lease(
    plan: Plan,
    data: Mapping[str, str | Path],
    out: str | Path,
    *,
    minutes: float,
    work: str | Path | None = None,
    device: str = "cuda",
    jobs: int = 4,
    threads: int = 1,
    compiled: bool = True,
    slow_is_fine: bool = False,
    compile_cache: str | Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Check the machine with the first unfinished run, train the plan until the budget is used up,
    and pack the results.

    Args:
        plan: the runs, in order of their value.
        data: task name to prepared data file.
        out: folder of the packed files; runs that an earlier lease packed there are continued.
        minutes: budget of the whole lease, packing included.
        work: folder of the runs; default `out`/work.
        device: a torch device.
        jobs: runs at a time; several hide the times in which one alone leaves the GPU idle, while
            it is compiled or evaluated or launches its kernels.
        threads: CPU threads of a run.
        compiled: whether the loops are compiled.
        slow_is_fine: whether to continue on a machine that is slower than expected.
        compile_cache: compiled code that an earlier lease left; it is executed, so give only your
            own.
        progress: whether to show a progress bar.

    Returns:
        The report, which is also written to `out`/lease.json: plan, measurements of the machine,
        runs done and failed, minutes, and names of the files.

    Raises:
        UsageError: the request is wrong.
        LoopstabError: the machine is too slow, or its losses disagree.
    """
    begun = time.monotonic()
    check_device(device)
    torch.set_num_threads(threads)
    if not minutes > 0:
        raise UsageError(f"the budget must be positive, not {minutes} minutes")
    folder = output_folder(out)
    place = output_folder(work or folder / "work")
    _use_cache(place / "compiled", compile_cache)
    unpack(folder, place)
    left = pending(plan_jobs(plan, place, data, minutes, threads, device, compiled))
    check: MachineCheck | None = None
    if left:
        check = check_machine(left[0].run, left[0].data, device, compiled)
        _say(
            f"{check.device}: {check.step_ms:.1f} ms a step ({check.expected_ms:.1f} expected),"
            f" bf16 {check.bf16_tflops:.1f} TFLOP/s, float32 {check.float32_tflops:.1f}, copy"
            f" {check.copy_tb_per_s:.2f} TB/s, {check.graphs} graphs, {check.peak_gib:.1f} GiB,"
            f" checked in {check.seconds:.0f} s"
        )
        if check.slow and not slow_is_fine:
            raise LoopstabError(
                f"a step takes {check.step_ms:.1f} ms, over twice the {check.expected_ms:.1f}"
                " expected: use another machine, or --slow-is-fine to train all the same"
            )
    remaining = minutes - (time.monotonic() - begun + RESERVE) / 60
    if check and remaining < (needed := check.step_ms / 6e4 * _steps_left(left[0])):
        _say(
            f"the {max(remaining, 0):.1f} minutes left are too few for {left[0].run.label}, which"
            f" needs about {needed:.1f}: it will be saved, and the same command continues it"
        )
    report: GridReport | None = None
    if remaining > 0:
        report = run_grid(
            plan,
            place,
            data=data,
            minutes=remaining,
            jobs=jobs,
            threads=threads,
            device=device,
            compiled=compiled,
            progress=progress,
        )
    kept = pack_lease(place, folder)
    whole = {
        "plan": plan.name,
        "check": None if check is None else asdict(check),
        "grid": None if report is None else asdict(report),
        "minutes": (time.monotonic() - begun) / 60,
        "files": kept,
    }
    write_json(folder / REPORT, whole)
    return whole


def pack_lease(work: Path, out: Path) -> list[str]:
    """Pack the finished runs into shards, and add the states of the others and the compiled code.

    At most `FILES` files are kept, the most valuable first; their names are returned. The files of
    an earlier lease are replaced when the new ones are complete.
    """
    stage = work / "packed"
    shutil.rmtree(stage, ignore_errors=True)
    output_folder(stage)
    kept = [REPORT]
    if any((work / RUNS).glob(f"*/{MODEL}")):
        kept += [Path(file).name for file in pack(work, stage).files]
    for file in sorted((work / RUNS).glob(f"*/{STATE}")):
        if (file.parent / RESULT).exists():
            continue
        if file.stat().st_size > LIMIT:
            _say(f"{file} is not packed: it is larger than {LIMIT} bytes")
            continue
        kept.append(f"state-{file.parent.name}.safetensors")
        shutil.copyfile(file, stage / kept[-1])
    if (work / "compiled").is_dir():
        with tarfile.open(stage / CACHE, "w:gz", compresslevel=3) as tar:
            tar.add(work / "compiled", "compiled")
        if (size := (stage / CACHE).stat().st_size) <= LIMIT:
            kept.append(CACHE)
        else:
            _say(f"the compiled code is not packed: it has {size} bytes, more than {LIMIT}")
    if len(kept) > FILES:
        _say(f"not packed, to stay within {FILES} files: {', '.join(kept[FILES:])}")
        del kept[FILES:]
    for name in kept[1:]:
        write_atomic(out / name, (stage / name).read_bytes())
    for old in (*out.glob("shard-*.safetensors"), *out.glob("state-*.safetensors"), out / CACHE):
        if old.name not in kept:
            old.unlink(missing_ok=True)
    shutil.rmtree(stage)
    return kept


def _steps_left(job: Job) -> int:
    """Training steps that a run has not taken yet."""
    state = job.folder / STATE
    return job.run.steps - (read_metadata(state).get("step", 0) if state.exists() else 0)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def unpack(out: Path, work: Path) -> int:
    """Restore the runs that an earlier lease packed, and return how many there are, finished or
    begun.
    """
    count = 0
    for file in sorted(out.glob("state-*.safetensors")):
        target = work / RUNS / file.stem.removeprefix("state-")
        if not (target / STATE).exists():
            Checkpoint.load(file)  # raises for a damaged file
            write_atomic(output_folder(target) / STATE, file.read_bytes())
            count += 1
    for file in sorted(out.glob("shard-*.safetensors")):
        for name, meta in entries(file).items():
            target = work / RUNS / _run_id(meta["run"], file)
            if not (target / RESULT).exists():
                entry(file, name).save(output_folder(target) / MODEL)
                write_json(target / RESULT, meta["run"])
                count += 1
    return count


def _run_id(run: dict[str, Any], file: Path) -> str:
    """The name of a run in its grid, which becomes the name of a folder."""
    name = run.get("id", "")
    if not re.fullmatch("[0-9a-f]{12}", name):
        raise LoopstabError(
            f"{file} holds a run without a name in a grid (run.id is {shown(name)}): move the file"
            " out of the folder"
        )
    return name


def _use_cache(folder: Path, earlier: str | Path | None) -> None:
    """Keep compiled code in that folder, in this process and its workers, beginning with the code
    that an earlier lease packed.
    """
    output_folder(folder)
    if earlier is not None:
        try:
            with tarfile.open(earlier) as tar:
                tar.extractall(folder.parent, filter="data")
        except (OSError, tarfile.TarError) as error:
            raise UsageError(
                f"cannot read the compiled code in {earlier} ({error}): leave --compile-cache out"
            ) from None
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder.resolve())


def summary(work: Path) -> str:
    """One line per finished run: its accuracy at the number of iterations that was chosen on other
    samples, and after the last iteration.
    """
    lines = []
    for line in (work / RESULTS).read_text().splitlines() if (work / RESULTS).exists() else []:
        run = parsed_run(line)
        at, last = run["choice"]["loops"], run["loops"][-1]
        curves = run["accuracy"].items()
        shares = (
            f"{level} {curve[run['loops'].index(at)]:.3f} at {at}, {curve[-1]:.3f} at {last}"
            for level, curve in curves
        )
        seconds = f"{run['seconds']:.0f} + {run['evaluation_seconds']:.0f} s"
        lines.append(
            f"{run['task']} {run['architecture']} {run['config']['encoder_gradient']} ({seconds}):"
            f" {'; '.join(shares)}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m loopstab.models.grid.lease",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--plan", default="lease", help="a TOML file, or a shipped plan")
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="TASK=FILE",
        help="prepared data file of a task that needs one; once for each",
    )
    parser.add_argument(
        "--budget-minutes", type=float, default=9.0, help="for everything, packing included"
    )
    parser.add_argument(
        "--out", required=True, help="folder of the packed files; give it again to continue"
    )
    parser.add_argument("--work", help="folder of the runs (default: OUT/work)")
    parser.add_argument("--device", default="cuda", help="a torch device")
    parser.add_argument(
        "--jobs",
        type=int,
        default=4,
        help="runs at a time; one alone leaves most of a large GPU idle",
    )
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of a run")
    parser.add_argument("--no-compile", action="store_true", help="do not compile the loops")
    parser.add_argument(
        "--slow-is-fine",
        action="store_true",
        help="continue although a step takes more than twice the expected time",
    )
    parser.add_argument(
        "--compile-cache",
        metavar="FILE",
        help=f"{CACHE} of an earlier lease of your own; the code in it is executed",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON and no progress bar"
    )
    a = parser.parse_args(arguments)
    return run_command(lambda: _run(a), "loopstab lease")


def _run(a: argparse.Namespace) -> int:
    # beside the runs, because every file in OUT counts; the folder itself is locked to gather them
    with exclusive_file(Path(a.work or Path(a.out) / "work") / "lease"):
        report = lease(
            Plan.load(a.plan),
            data_files(a.data),
            a.out,
            minutes=a.budget_minutes,
            work=a.work,
            device=a.device,
            jobs=a.jobs,
            threads=a.threads,
            compiled=not a.no_compile,
            slow_is_fine=a.slow_is_fine,
            compile_cache=a.compile_cache,
            progress=not a.json,
        )
    if a.json:
        print(json.dumps(report, indent=1))
    else:
        print(summary(Path(a.work) if a.work else Path(a.out) / "work"))
        grid = report["grid"] or {"done": 0, "failed": {}, "left": "all"}
        failed, minutes = len(grid["failed"]), report["minutes"]
        print(
            f"{report['plan']}: {grid['done']} done, {grid['left']} left, {failed} failed in"
            f" {minutes:.1f} minutes; {', '.join(report['files'])} in {a.out}"
        )
        for reason in grid["failed"].values():
            print(f"  {reason}")
    return 1 if report["grid"] and report["grid"]["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
