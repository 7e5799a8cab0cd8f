"""The same plan on a Slurm cluster through submitit: one array job, one element per run, the same
folders and results as `run_grid`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ...support.slurm import Executor, Request, results, submit
from ..training.train import RESULT
from .plan import Plan
from .run_grid import GridReport, gather, pending, plan_jobs, report
from .workers import Job

__all__ = ["Request", "submit_grid"]

LOGS = "jobs"


@dataclass(frozen=True)
class _Run:
    """What one element of the array does: the run, resumed from its folder when it was cut off,
    then the gathering of all.
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
    """Submit every unfinished run of the plan; with `wait`, stay until all have ended and report
    them as `run_grid` does.

    out/results.jsonl grows as runs end, whether or not anyone waits; logs are in out/jobs.
    `minutes` is the budget of the whole grid from now on, `request.minutes` the time limit of one
    job, after which it is queued again and resumes. `local` runs the jobs here, all at once: for
    tests. Raises `UsageError` where submitit or Slurm is missing.
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
            with tqdm(
                total=len(every),
                initial=len(every) - len(todo),
                unit="run",
                disable=not progress,
                desc=plan.name,
            ) as bar:
                waiting = results(
                    dict(zip(jobs, todo, strict=True)),
                    executor,
                    then="the jobs go on and gather their results",
                )
                for job, reason in waiting:
                    bar.update(int((job.folder / RESULT).exists()))
                    if reason:
                        failed[job.id] = f"{job.run.label}: {reason}"
    return report(plan, every, failed, time.monotonic() - start)
