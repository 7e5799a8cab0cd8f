"""A plan on a Slurm cluster, through submitit: one element of an array job for each run.

Folders and results are those of `run_grid`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...support.progress_bar import progress_bar
from ...support.slurm import Executor, Request, results, submit
from ..training.train import RESULT
from .plan import Plan
from .run_grid import GridReport, gather, pending, plan_jobs, report
from .workers import Job

__all__ = ["Request", "submit_grid"]

LOGS = "jobs"


@dataclass(frozen=True)
class _Run:
    """What an element of the array does: train its run, resumed from its folder where it was cut
    off, and gather all results.
    """

    job: Job
    ids: tuple[str, ...]

    def __call__(self) -> str | None:
        reason = self.job.do()
        gather(self.job.grid, self.ids)
        return reason


def submit_grid(
    plan: Plan,
    out: str | Path,
    *,
    data: Mapping[str, str | Path] | None = None,
    minutes: float | None = None,
    threads: int = 1,
    device: str = "cpu",
    compiled: bool = False,
    request: Request | None = None,
    executor: Executor = "slurm",
    wait: bool = True,
    progress: bool = True,
) -> GridReport:
    """Submit every unfinished run of a plan.

    Args:
        plan: the runs.
        out: folder of the grid, on a file system that the nodes see. `out`/results.jsonl grows as
            runs end, whether or not anyone waits; logs go to `out`/jobs.
        data: task name to prepared data file.
        minutes: budget of the whole grid from now on.
        threads: CPU threads of a run.
        device: a torch device of the nodes.
        compiled: whether the loops are compiled.
        request: what each job asks of the cluster; a job that reaches its time limit is queued
            again and resumes.
        executor: slurm, or local to run all jobs at once on this machine, for trials.
        wait: whether to wait until all runs have ended.
        progress: whether to show a progress bar.

    Returns:
        How many runs are done, failed and left.

    Raises:
        UsageError: the plan or a data file is wrong, or submitit or Slurm is missing.
    """
    start, failed = time.monotonic(), {}
    every = plan_jobs(plan, out, data or {}, minutes, threads, device, compiled)
    ids = tuple(job.id for job in every)
    todo = pending(every)
    if todo:
        work, logs = [_Run(job, ids) for job in todo], Path(every[0].grid) / LOGS
        jobs = submit(
            work, logs, request or Request(), threads, executor, instead="loopstab grid run"
        )
        if wait:
            with progress_bar(
                total=len(every),
                initial=len(every) - len(todo),
                unit="run",
                shown=progress,
                desc=plan.name,
            ) as bar:
                waiting = results(
                    dict(zip(jobs, todo, strict=True)),
                    executor,
                    then="the jobs continue and gather their results",
                )
                for job, reason in waiting:
                    bar.update(int((job.folder / RESULT).exists()))
                    if reason:
                        failed[job.id] = f"{job.run.label}: {reason}"
    return report(plan, every, failed, time.monotonic() - start)
