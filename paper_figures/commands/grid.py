"""The training runs of a plan."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ...models.grid.plan import data_files
from ...support.jsonable import json_text
from ...support.option_bounds import MINUTES, THREADS, check_options
from ...support.schema import Maybe
from .data_files import DataFiles

if TYPE_CHECKING:
    from ...models.grid.run_grid import GridReport


def run(
    out: Path,
    plan: str = "cpu",
    data: DataFiles = (),
    budget_minutes: float | None = None,
    jobs: int = 1,
    threads: int = 1,
    device: str = "cpu",
    compile_: Annotated[bool, tyro.conf.arg(name="compile")] = False,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Do the training runs of a plan on this machine.

    Runs that are finished are skipped, and interrupted ones resume. Each run has a folder
    OUT/runs/ID; OUT/results.jsonl collects the results.

    Example: loopstab grid run --plan cpu --out runs/cpu --jobs 2 --budget-minutes 60

    Exit status: 0 if no run failed, 1 if one did, 2 for a wrong request.

    Args:
        out: Folder of the grid. It is created; give it again to resume.
        plan: A TOML file, or the name of a shipped plan: cpu, desk, lease, core or paper.
        data: Prepared data file of a task that needs one, as TASK=FILE. Repeat for each task.
        budget_minutes: Stop every run after this many minutes; the same command resumes them.
        jobs: Runs at the same time.
        threads: CPU threads of each run.
        device: A torch device, such as cpu or cuda.
        compile_: Compile the loops, which needs a C++ compiler and pays off in long runs.
        json_: Print the summary as a JSON object, and no progress bar.
    """
    check_options(budget_minutes=(budget_minutes, Maybe(MINUTES)), threads=(threads, THREADS))
    check_options(jobs=(jobs, THREADS))
    from ...models.grid.plan import Plan
    from ...models.grid.run_grid import run_grid

    report = run_grid(
        Plan.load(plan),
        out,
        data=data_files(data),
        minutes=budget_minutes,
        jobs=jobs,
        threads=threads,
        device=device,
        compiled=compile_,
        progress=not json_,
    )
    return _print(report, json_)


def submit(
    out: Path,
    plan: str = "cpu",
    data: DataFiles = (),
    budget_minutes: float | None = None,
    job_minutes: int = 240,
    partition: str | None = None,
    gpus: int = 0,
    memory_gb: float | None = None,
    at_once: int = 16,
    threads: int = 1,
    device: str = "cpu",
    compile_: Annotated[bool, tyro.conf.arg(name="compile")] = False,
    executor: Literal["slurm", "local"] = "slurm",
    detach: bool = False,
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Do the training runs of a plan on a Slurm cluster.

    Each run is one job of an array. Folders and results are those of loopstab grid run. This needs
    loopstab[cluster].

    Example: loopstab grid submit --plan core --out runs/core --partition gpu --gpus 1 --device cuda

    Exit status: 0 if no run failed, 1 if one did, 2 for a wrong request.

    Args:
        out: Folder of the grid, on a file system that every node can see. Logs go to OUT/jobs.
        plan: A TOML file, or the name of a shipped plan: cpu, desk, lease, core or paper.
        data: Prepared data file of a task that needs one, as TASK=FILE. Repeat for each task.
        budget_minutes: Stop every run this many minutes from now; the same command resumes them.
        job_minutes: Time limit of one job; a run that needs longer is queued again and resumes.
        partition: Slurm partition.
        gpus: GPUs of each job.
        memory_gb: Memory of each job, in GB.
        at_once: The most jobs at a time.
        threads: CPU threads of each run.
        device: A torch device of the nodes, such as cpu or cuda.
        compile_: Compile the loops, which needs a C++ compiler and pays off in long runs.
        executor: With local the jobs run on this machine, all at once, to try things out.
        detach: Submit the jobs and do not wait for them; OUT/results.jsonl grows all the same.
        json_: Print the summary as a JSON object, and no progress bar.
    """
    from ...models.grid.cluster import Request, submit_grid
    from ...models.grid.plan import Plan

    report = submit_grid(
        Plan.load(plan),
        out,
        data=data_files(data),
        minutes=budget_minutes,
        threads=threads,
        device=device,
        compiled=compile_,
        request=Request(job_minutes, partition, gpus, memory_gb, at_once),
        executor=executor,
        wait=not detach,
        progress=not json_,
    )
    return _print(report, json_)


def pack(
    out: Path,
    to: Path,
    half: bool = False,
    data: DataFiles = (),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Pack the finished runs of a grid into safetensors files.

    A file has at most 15 MiB. The diagnosis that --half needs takes about half a minute for each
    run.

    Example: loopstab grid pack --out runs/cpu --to packed --half

    Exit status: 0 if the files are written, 1 for a damaged run, 2 for a wrong request.

    Args:
        out: Folder of the grid.
        to: Folder for the files. It is created.
        half: Store weights in float16 where the rounded model has the same diagnosis.
        data: Prepared data file of a task that needs one, as TASK=FILE. Repeat for each task.
        json_: Print the summary as a JSON object.
    """
    from ...models.grid.pack import pack as pack_runs

    packed = pack_runs(out, to, half=half, data=data_files(data), progress=half and not json_)
    if json_:
        print(json_text(asdict(packed)))
    else:
        print(
            f"{len(packed.runs)} runs ({len(packed.half)} in half precision):"
            f" {', '.join(packed.files)}"
        )
    return 0


def _print(report: GridReport, json_: bool) -> int:
    if json_:
        print(json_text(asdict(report)))
    else:
        print(
            f"{report.plan}: {report.done} done, {report.left} left, {len(report.failed)} failed;"
            f" results: {report.results}"
        )
        for run_id, reason in report.failed.items():
            print(f"  {run_id}: {reason}")
    return 1 if report.failed else 0


@tyro.conf.configure(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
def grid(
    status: (
        Annotated[int, tyro.conf.subcommand(name="run", constructor=run)]
        | Annotated[int, tyro.conf.subcommand(name="submit", constructor=submit)]
        | Annotated[int, tyro.conf.subcommand(name="pack", constructor=pack)]
    ),
) -> int:
    """Do the many training runs of a plan, and pack their models.

    Example: loopstab grid run --plan cpu --out runs/cpu --jobs 2

    Exit status: that of the subcommand.
    """
    return status
