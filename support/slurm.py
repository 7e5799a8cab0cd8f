"""Work on a Slurm cluster through submitit: one array job with one element for each piece of work.

Both floors that have long work (`numerics`, `models`) use it. It needs submitit and the standard
library only.
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
MISSES = 3
"""looks without the job before it counts as lost: a shared file system may show the result later
than the queue shows the end of the job
"""
TIMEOUTS = 1000
"""times that submitit puts a job back into the queue when its time limit ends: in effect always"""
LOST = "its job ended without a result (killed?): the same command resumes it"
REASON_LENGTH = 200
"""characters of another program's error that are shown"""


@dataclass(frozen=True)
class Request:
    """The resources that each job asks of the cluster.

    Args:
        minutes: time limit of a job, at least 1.
        partition: partition of the cluster; None for its default.
        gpus: GPUs for each job.
        memory_gb: memory for each job, in GB; None for the default of the cluster.
        at_once: elements of the array that may run at the same time, at least 1 (Slurm only).

    Raises:
        UsageError: `minutes` or `at_once` is below 1.
    """

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
    """One element of the array: picklable work that can be called again after an interruption.

    The work returns None, or why it failed. submitit puts the element back into the queue when
    its time limit ends or when it is preempted.
    """

    work: Callable[[], str | None]

    def __call__(self) -> str | None:
        """Do the work."""
        return self.work()

    def checkpoint(self) -> Any:
        """The same element again: the work itself resumes where it was interrupted."""
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
    """Queue every piece of work as an element of one array.

    Args:
        work: picklable callables that return None, or why they failed.
        logs: folder for the logs and results of submitit.
        request: resources of each job.
        threads: CPU cores for each job.
        executor: `slurm`, or `local` to run all jobs at once on this machine (for tests).
        instead: the command that does the same without a cluster, for the error message.

    Returns:
        submitit's jobs, in the order of `work`.

    Raises:
        UsageError: submitit is not installed, or the submission failed (Slurm is missing, say).
    """
    try:
        from submitit import AutoExecutor
    except ImportError:
        raise UsageError("submitit is not installed: pip install 'loopstab[cluster]'") from None
    options: dict[str, Any] = {
        "name": "loopstab",
        "timeout_min": request.minutes,
        "cpus_per_task": threads,
        "slurm_array_parallelism": request.at_once,
    }
    if request.gpus:
        options["gpus_per_node"] = request.gpus
    if request.memory_gb is not None:
        options["mem_gb"] = request.memory_gb
    if request.partition is not None:
        options["slurm_partition"] = request.partition
    try:
        queue = AutoExecutor(logs, cluster=executor, slurm_max_num_timeout=TIMEOUTS)
        queue.update_parameters(**options)
        return queue.submit_array([Element(one) for one in work])
    except Exception as error:  # the errors of submitit share no narrower base
        cause = " ".join(str(error).split())[:REASON_LENGTH]
        raise UsageError(f"cannot submit ({cause}); without Slurm use {instead}") from None


def results(jobs: Mapping[Any, K], executor: Executor, then: str) -> Iterator[tuple[K, str | None]]:
    """Wait for all jobs, and yield the work of each as it ends with the reason of its failure.

    Args:
        jobs: what each of submitit's jobs works on.
        executor: the executor of `submit`.
        then: what becomes of the results when nobody waits, for the message on Ctrl-C.

    Yields:
        The value in `jobs`, and None or the reason why it failed, with the path of the log.

    Raises:
        LoopstabError: the wait was interrupted; jobs on a cluster continue.
        KeyboardInterrupt: the wait for local jobs was interrupted; they are cancelled.
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
                    if missed[one.job_id] < MISSES:
                        continue
                reason = _reason(one) if ended else LOST
                yield left.pop(one), f"{reason}; log {one.paths.stderr}" if reason else None
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
    """The ids of the user's queued and running jobs, one for each array element.

    Unlike submitit's own query, squeue needs no accounting database. None when squeue fails.
    """
    command = ["squeue", "--noheader", "--array", "--user", getpass.getuser(), "--format", "%i"]
    done = subprocess.run(command, capture_output=True, text=True)
    return set(done.stdout.split()) if done.returncode == 0 else None


def _reason(job: Any) -> str | None:
    """What the work of an ended job returned, or the end of the error that it raised."""
    error = job.exception()
    return job.result() if error is None else " ".join(str(error).split())[-REASON_LENGTH:]
