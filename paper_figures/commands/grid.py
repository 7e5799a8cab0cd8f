"""Many training runs from a plan."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ...models.grid.plan import data_files
from ...support.jsonable import json_text
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
    """Do the runs of a plan: finished ones are skipped, interrupted ones resume, the budget is
    kept.

    Writes OUT/runs/ID/ for each run and OUT/results.jsonl. Exit status 1 when a run failed.
    Example: loopstab grid run --plan cpu --out runs/cpu --jobs 2 --budget-minutes 60

    Args:
        out: Folder of the grid (created; give it again to go on).
        plan: A TOML file, or a shipped plan: cpu, desk, lease, core, paper.
        data: Prepared file of a task that needs one, as TASK=FILE; once for each.
        budget_minutes: Stop every run, resumably, after that many minutes.
        jobs: Runs at a time.
        threads: CPU threads per run.
        device: A torch device, e.g. cpu or cuda.
        compile_: Compile the loops (needs a C++ compiler); for boards and long runs.
        json_: Print the summary as JSON and no progress bar.
    """
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
    """Do the runs of a plan on a Slurm cluster, one job of an array each: same folders, same
    results (needs loopstab[cluster]).

    Exit status 1 when a run failed. Example: loopstab grid submit --plan core --out runs/core
    --partition gpu --gpus 1 --device cuda --data sudoku=sudoku.safetensors

    Args:
        out: Folder of the grid, on a file system that the nodes see; job logs go to OUT/jobs.
        plan: A TOML file, or a shipped plan: cpu, desk, lease, core, paper.
        data: Prepared file of a task that needs one, as TASK=FILE; once for each.
        budget_minutes: Stop every run, resumably, that many minutes from now.
        job_minutes: Time limit of one job; a run that needs longer is queued again and resumes.
        partition: Slurm partition.
        gpus: GPUs per job.
        memory_gb: Memory per job.
        at_once: Most jobs at a time.
        threads: CPU threads per run.
        device: A torch device of the nodes, e.g. cpu or cuda.
        compile_: Compile the loops (needs a C++ compiler on the nodes); for boards and long runs.
        executor: Local runs the jobs on this machine, all at once, to try things out.
        detach: Do not wait; OUT/results.jsonl grows all the same.
        json_: Print the summary as JSON and no progress bar.
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
    """Pack the finished runs of a grid into safetensors shards of at most 15 MiB.

    Example: loopstab grid pack --out runs/cpu --to packed --half

    Args:
        out: Folder of the grid.
        to: Folder for the shards (created).
        half: Store weights in float16 where the diagnosis of the rounded model agrees with the full
            one (about half a minute per run).
        data: Prepared file of a task that needs one, as TASK=FILE; once for each (for the
            diagnosis).
        json_: Print the summary as JSON.
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
    """Many training runs from a plan. Example: loopstab grid run --plan cpu --out runs/cpu
    --jobs 2
    """
    return status
