"""Many runs: skip what is done, resume what was cut, keep to the budget, gather one line per
run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ...support.errors import LoopstabError, UsageError
from ...support.files import output_folder, write_atomic
from ..training.run_spec import check_device
from ..training.train import RESULT
from .plan import Plan
from .workers import GRACE, RUNS, Job, Workers, locked

RESULTS = "results.jsonl"


@dataclass(frozen=True)
class GridReport:
    """How many runs of a plan are done, failed (id: which run, and why) and left, and where the
    results are.
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
    """Every run of the plan as a job that ends `minutes` from now; the whole plan is checked first
    (`UsageError`).
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
    """Those without a result."""
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
    """Do the plan, `jobs` runs at a time with `threads` threads each; finished runs are skipped,
    interrupted ones resume.

    `data` maps task names to prepared files. When `minutes` end every run is stopped, resumably: it
    saves, or is killed `GRACE` seconds later. A run that fails is reported and the others go on; a
    run at which another process is (a second grid on the folder) is left to it. Writes
    out/runs/<id>/ per run and out/results.jsonl, one line per finished run of this plan in its
    order.
    """
    if jobs < 1:
        raise UsageError(f"jobs must be at least 1, not {jobs}")
    check_device(device)
    start = time.monotonic()
    every = plan_jobs(plan, out, data or {}, minutes, threads, device, compiled)
    ids = [job.id for job in every]
    todo, failed, until = pending(every), {}, every[0].until or float("inf")
    bar = tqdm(
        total=len(every),
        initial=len(every) - len(todo),
        unit="run",
        disable=not progress,
        desc=plan.name,
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
    """Where the plan stands; the results are gathered."""
    done, left = gather(jobs[0].grid, [job.id for job in jobs]), {job.id for job in pending(jobs)}
    failed = {i: reason for i, reason in failed.items() if i in left}
    return GridReport(
        plan.name, done, failed, len(left) - len(failed), seconds, str(Path(jobs[0].grid) / RESULTS)
    )


def gather(grid: str | Path, ids: Sequence[str]) -> int:
    """Write results.jsonl from the finished runs among `ids`, in that order; returns how many there
    are.
    """
    folder = Path(grid)
    with locked(
        folder, wait=True
    ):  # else a slower grid on the same folder would put older lines back
        lines = []
        for i in ids:
            file = folder / RUNS / i / RESULT
            if file.exists():
                try:
                    lines.append(json.dumps({**json.loads(file.read_text()), "id": i}) + "\n")
                except ValueError:
                    raise LoopstabError(
                        f"{file} is not JSON any more: delete it, and the same command evaluates"
                        " the run again"
                    ) from None
        write_atomic(folder / RESULTS, "".join(lines))
    return len(lines)
