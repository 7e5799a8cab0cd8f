"""The same plan on a Slurm cluster through submitit: one array job, one element per run, the same folders and results as `run_grid`."""

from __future__ import annotations

import getpass
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from models.grid import GridReport, gather, pending, plan_jobs, report
from models.plan import Plan
from models.train import RESULT
from models.workers import Job
from theory.errors import LoopstabError, UsageError

LOGS = "jobs"
POLL = 2.0
"""seconds between two looks at the queue"""


@dataclass(frozen=True)
class Element:
    """What one element of the array does; submitit puts it back into the queue when its time limit ends or it is preempted."""

    job: Job
    ids: tuple[str, ...]

    def __call__(self) -> str | None:
        """Do the run, then gather; returns why it failed, or None."""
        reason = self.job.do()
        gather(self.job.grid, self.ids)
        return reason

    def checkpoint(self) -> Any:
        """The same again: the run resumes from its folder."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@dataclass(frozen=True)
class Request:
    """What each job asks of the cluster; `at_once` elements run at a time (Slurm only)."""

    minutes: int = 240
    partition: str | None = None
    gpus: int = 0
    memory_gb: float | None = None
    at_once: int = 16

    def __post_init__(self) -> None:
        for name in ("minutes", "at_once"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")


def submit_grid(
    plan: Plan, out: str | Path, *, data: Mapping[str, str | Path] | None = None, minutes: float | None = None, threads: int = 1,
    device: str = "cpu", request: Request | None = None, executor: Literal["slurm", "local"] = "slurm", wait: bool = True,
    progress: bool = True,
) -> GridReport:  # fmt: skip
    """Submit every unfinished run of the plan; with `wait`, stay until all have ended and report them as `run_grid` does.

    out/results.jsonl grows as runs end, whether or not anyone waits; logs are in out/jobs. `minutes` is the budget of the whole grid from
    now on, `request.minutes` the time limit of one job, after which it is queued again and resumes. `local` runs the jobs here, all
    at once: for tests. Raises `UsageError` where submitit or Slurm is missing.
    """
    start, failed = time.monotonic(), {}
    every = plan_jobs(plan, out, data or {}, minutes, threads, device)
    ids = tuple(job.id for job in every)
    todo = pending(every)
    if todo:
        jobs = _submit([Element(job, ids) for job in todo], Path(every[0].grid) / LOGS, request or Request(), threads, executor)
        if wait:
            with tqdm(total=len(every), initial=len(every) - len(todo), unit="run", disable=not progress, desc=plan.name) as bar:
                for job, reason in _results(dict(zip(jobs, todo, strict=True)), executor, bar):
                    failed[job.id] = f"{job.run.label}: {reason}"
    return report(plan, every, failed, time.monotonic() - start)


def _submit(elements: list[Element], logs: Path, request: Request, threads: int, executor: str) -> list[Any]:
    try:
        from submitit import AutoExecutor
    except ImportError:
        raise UsageError("submitit is not installed: pip install 'loopstab[cluster]'") from None
    options: dict[str, Any] = {"name": "loopstab", "timeout_min": request.minutes, "cpus_per_task": threads}
    if request.gpus:
        options["gpus_per_node"] = request.gpus
    if request.memory_gb is not None:
        options["mem_gb"] = request.memory_gb
    if request.partition is not None:
        options["slurm_partition"] = request.partition
    try:
        queue = AutoExecutor(logs, cluster=executor, slurm_max_num_timeout=1000)
        queue.update_parameters(**options, slurm_array_parallelism=request.at_once)
        return queue.submit_array(elements)
    except Exception as error:  # submitit's own errors share no base but this
        raise UsageError(f"cannot submit ({' '.join(str(error).split())[:200]}); without Slurm use loopstab grid run") from None


def _results(jobs: dict[Any, Job], executor: str, bar: tqdm) -> Iterator[tuple[Job, str]]:
    """Wait for all; yield those that failed, with the reason."""
    missed: Counter[str] = Counter()
    try:
        while jobs:
            queued = None if executor == "local" else _queue()
            for one in list(jobs):
                ended = one.paths.result_pickle.exists()
                if not ended:
                    gone = one.done() if queued is None else one.job_id not in queued
                    missed[one.job_id] = missed[one.job_id] + 1 if gone else 0
                if not ended and missed[one.job_id] < 3:  # a shared file system may show the result later than the queue its end
                    continue
                job = jobs.pop(one)
                bar.update(int((job.folder / RESULT).exists()))
                reason = (
                    _reason(one)
                    if ended
                    else f"its job ended without a result (killed?): the same command resumes it; log {one.paths.stderr}"
                )
                if reason:
                    yield job, f"{reason}; log {one.paths.stderr}"
            if jobs:
                time.sleep(POLL)
    except KeyboardInterrupt:
        if executor == "local":
            for one in jobs:
                one.cancel()
            raise
        numbers = ", ".join(sorted({one.job_id.partition("_")[0] for one in jobs}))
        raise LoopstabError(f"no longer waiting; the jobs go on and gather their results (scancel {numbers} ends them)") from None


def _queue() -> set[str] | None:
    """Ids of the user's queued and running jobs, one per array element; needs no accounting data base, unlike submitit's own look."""
    command = ["squeue", "--noheader", "--array", "--user", getpass.getuser(), "--format", "%i"]
    done = subprocess.run(command, capture_output=True, text=True)
    return set(done.stdout.split()) if done.returncode == 0 else None


def _reason(one: Any) -> str | None:
    error = one.exception()
    return one.result() if error is None else " ".join(str(error).split())[-200:]
