"""Work on a Slurm cluster through submitit: one array job, one element per piece of work; what an
element does is its own affair.

For both floors that have long work (`numerics`, `models`); standard library and submitit only.
"""

from __future__ import annotations

import getpass
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from .errors import LoopstabError, UsageError

Executor = Literal["slurm", "local"]
K = TypeVar("K")
POLL = 2.0
"""seconds between two looks at the queue"""


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


@dataclass(frozen=True)
class Element:
    """One element of the array: a picklable callable that can be called again after it was cut off,
    and says why it failed, or None.

    submitit puts it back into the queue when its time limit ends or it is preempted.
    """

    work: Callable[[], str | None]

    def __call__(self) -> str | None:
        """Do the work."""
        return self.work()

    def checkpoint(self) -> Any:
        """The same again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def submit(
    work: Sequence[Callable[[], str | None]],
    logs: Path,
    request: Request,
    threads: int,
    executor: Executor,
    instead: str,
) -> list[Any]:
    """Queue each piece of work; returns submitit's jobs in that order. `UsageError` where submitit
    or Slurm is missing.

    `local` runs them on this machine, all at once: for tests. `instead` is the command to use
    without a cluster.
    """
    try:
        from submitit import AutoExecutor
    except ImportError:
        raise UsageError("submitit is not installed: pip install 'loopstab[cluster]'") from None
    options: dict[str, Any] = {
        "name": "loopstab",
        "timeout_min": request.minutes,
        "cpus_per_task": threads,
    }
    if request.gpus:
        options["gpus_per_node"] = request.gpus
    if request.memory_gb is not None:
        options["mem_gb"] = request.memory_gb
    if request.partition is not None:
        options["slurm_partition"] = request.partition
    try:
        queue = AutoExecutor(logs, cluster=executor, slurm_max_num_timeout=1000)
        queue.update_parameters(**options, slurm_array_parallelism=request.at_once)
        return queue.submit_array([Element(one) for one in work])
    except Exception as error:  # submitit's own errors share no base but this
        raise UsageError(
            f"cannot submit ({' '.join(str(error).split())[:200]}); without Slurm use {instead}"
        ) from None


def results(jobs: Mapping[Any, K], executor: Executor, then: str) -> Iterator[tuple[K, str | None]]:
    """Wait for all jobs; yield what each stands for as it ends, with the reason why it failed, or
    None.

    When the wait is interrupted, local jobs are cancelled; those of a cluster go on, and `then`
    says what becomes of their results.
    """
    left, missed = dict(jobs), Counter[str]()
    try:
        while left:
            queued = None if executor == "local" else _queue()
            for one in list(left):
                ended = one.paths.result_pickle.exists()
                if not ended:
                    gone = one.done() if queued is None else one.job_id not in queued
                    missed[one.job_id] = missed[one.job_id] + 1 if gone else 0
                if (
                    not ended and missed[one.job_id] < 3
                ):  # a shared file system may show the result later than the queue its end
                    continue
                stands_for = left.pop(one)
                reason = (
                    _reason(one)
                    if ended
                    else "its job ended without a result (killed?): the same command resumes it"
                )
                yield stands_for, f"{reason}; log {one.paths.stderr}" if reason else None
            if left:
                time.sleep(POLL)
    except KeyboardInterrupt:
        if executor == "local":
            for one in left:
                one.cancel()
            raise
        numbers = ", ".join(sorted({one.job_id.partition("_")[0] for one in left}))
        raise LoopstabError(f"no longer waiting; {then} (scancel {numbers} ends them)") from None


def _queue() -> set[str] | None:
    """Ids of the user's queued and running jobs, one per array element; needs no accounting data
    base, unlike submitit's own look.
    """
    command = ["squeue", "--noheader", "--array", "--user", getpass.getuser(), "--format", "%i"]
    done = subprocess.run(command, capture_output=True, text=True)
    return set(done.stdout.split()) if done.returncode == 0 else None


def _reason(one: Any) -> str | None:
    error = one.exception()
    return one.result() if error is None else " ".join(str(error).split())[-200:]
