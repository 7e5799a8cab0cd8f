"""Train the runs of a plan on this machine: finished ones are skipped, interrupted ones resume."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...support.errors import UsageError
from ...support.files import output_folder, write_atomic
from ...support.locks import locked
from ...support.progress_bar import progress_bar
from ..network.run_record import read_result
from ..training.run_spec import check_device
from ..training.train import RESULT
from .plan import Plan
from .workers import GRACE, RUNS, Job, Workers

RESULTS = "results.jsonl"


@dataclass(frozen=True)
class GridReport:
    """Where a plan stands.

    Attributes:
        plan: its name.
        done: number of finished runs.
        failed: id of a run that failed to the run and the reason, in words.
        left: number of the other runs.
        seconds: duration of the call.
        results: the file with one line per finished run.
    """

    plan: str
    done: int
    failed: dict[str, str]
    left: int
    seconds: float
    results: str


def plan_jobs(
    plan: Plan,
    out: str | Path,
    data: Mapping[str, str | Path],
    minutes: float | None,
    threads: int,
    device: str,
    compiled: bool = False,
) -> list[Job]:
    """Every run of the plan as a job that ends `minutes` from now; the whole plan is checked first,
    and `UsageError` raised where something is wrong.
    """
    for name, value in (("threads", threads), ("budget minutes", minutes)):
        if value is not None and not value > 0:
            raise UsageError(f"{name} must be positive, not {value}")
    ids = plan.check(data)
    folder, until = (
        str(output_folder(out).resolve()),
        (None if minutes is None else time.time() + 60 * minutes),
    )
    files = {task: str(Path(file).resolve()) for task, file in data.items()}
    return [
        Job(run, i, folder, files.get(run.task), threads, device, until, compiled)
        for run, i in zip(plan.runs, ids, strict=True)
    ]


def pending(jobs: list[Job]) -> list[Job]:
    """The jobs without a result."""
    return [job for job in jobs if not (job.folder / RESULT).exists()]


def run_grid(
    plan: Plan,
    out: str | Path,
    *,
    data: Mapping[str, str | Path] | None = None,
    minutes: float | None = None,
    jobs: int = 1,
    threads: int = 1,
    device: str = "cpu",
    compiled: bool = False,
    progress: bool = True,
) -> GridReport:
    """Train the runs of a plan; finished ones are skipped, and interrupted ones resume.

    A run that fails is reported and does not stop the others. A run that another process is
    training, of a second grid on the same folder, is left to it.

    Args:
        plan: the runs.
        out: folder of the grid; it gets a folder runs/ID for each run, and results.jsonl with one
            line per finished run, in the order of the plan.
        data: task name to prepared data file.
        minutes: budget; when it is used up every run is stopped, resumably: it saves its state, or
            is killed `GRACE` seconds later.
        jobs: runs at a time; default 1.
        threads: CPU threads of a run; default 1.
        device: a torch device; default cpu.
        compiled: whether the loops are compiled; default no.
        progress: whether to show a progress bar; default yes.

    Returns:
        How many runs are done, failed and left.

    Raises:
        UsageError: the plan, a data file or an option is wrong; no run has started then.
    """
    if jobs < 1:
        raise UsageError(f"jobs must be at least 1, not {jobs}")
    check_device(device)
    start = time.monotonic()
    every = plan_jobs(plan, out, data or {}, minutes, threads, device, compiled)
    ids = [job.id for job in every]
    todo, failed, until = pending(every), {}, every[0].until or float("inf")
    bar = progress_bar(
        total=len(every), initial=len(every) - len(todo), unit="run", shown=progress, desc=plan.name
    )
    with bar, Workers() as workers:
        while True:
            while todo and len(workers.busy) < jobs and time.time() < until:
                workers.start(todo.pop(0))
            if not workers.busy or time.time() >= until + GRACE:
                break
            for job, reason in workers.wait(
                None if minutes is None else max(0.0, until + GRACE - time.time())
            ):
                if reason:
                    failed[job.id] = f"{job.run.label}: {reason}"
                gather(job.grid, ids)
                bar.update(int((job.folder / RESULT).exists()))
    return report(plan, every, failed, time.monotonic() - start)


def report(plan: Plan, jobs: list[Job], failed: dict[str, str], seconds: float) -> GridReport:
    """Gather the results, and report where the plan stands."""
    done, left = gather(jobs[0].grid, [job.id for job in jobs]), {job.id for job in pending(jobs)}
    failed = {i: reason for i, reason in failed.items() if i in left}
    return GridReport(
        plan.name, done, failed, len(left) - len(failed), seconds, str(Path(jobs[0].grid) / RESULTS)
    )


def gather(grid: str | Path, ids: Sequence[str]) -> int:
    """Write results.jsonl from the finished runs among `ids`, in that order; returns their
    number.
    """
    folder = Path(grid)
    # the lock keeps a slower grid on the same folder from putting older lines back
    with locked(folder, wait=True):
        lines = []
        for i in ids:
            file = folder / RUNS / i / RESULT
            if file.exists():
                lines.append(json.dumps({**read_result(file), "id": i}) + "\n")
        write_atomic(folder / RESULTS, "".join(lines))
    return len(lines)
