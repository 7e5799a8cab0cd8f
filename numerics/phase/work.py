"""Samples as tasks, done on the cores of this machine or on a cluster.

A task has the samples of one random draw, and each sample is measured once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

from joblib import Parallel, parallel_config

from ...support.errors import LoopstabError, UsageError, check_seed_and_jobs
from ...support.progress_bar import progress_bar
from ...support.slurm import Executor, Request, results, submit
from ...support.worker_processes import tied
from .laws.law import LoopLaw, Point, Samples
from .store import Store, key, write_shard

Wanted = tuple[tuple[int, ...], Point]
"""The seed of a draw and a point of the law: one sample."""


@dataclass(frozen=True)
class SampleTask:
    """Points of one draw that are measured together.

    Equal requests produce equal tasks, so that no number depends on where they are done.
    """

    law: LoopLaw
    seed: tuple[int, ...]
    points: tuple[Point, ...]
    folder: str | None = None

    @cached_property
    def names(self) -> list[str]:
        """The keys of its samples."""
        return [key(self.law, self.seed, point) for point in self.points]

    def without(self, store: Store) -> SampleTask:
        """The same task without the samples that the store has."""
        points = tuple(
            p for p, name in zip(self.points, self.names, strict=True) if name not in store
        )
        return self if len(points) == len(self.points) else replace(self, points=points)

    def __call__(self) -> Samples:
        """Measure the samples, and write them as a shard if there is a folder."""
        samples = self.law.measure(self.seed, self.points)
        if self.folder is not None:
            write_shard(self.folder, self.names, samples)
        return samples


Workforce = Callable[[Sequence[SampleTask]], Iterable[tuple[SampleTask, Samples | None]]]
"""Does tasks in any order; yields each with its samples, or with None when they are in the folder.
"""


def tasks_of(law: LoopLaw, wanted: Iterable[Wanted], folder: str | None) -> list[SampleTask]:
    """The tasks that measure the wanted samples, each once."""
    ordered = sorted(set(wanted), key=lambda w: (w[0], w[1][: law.shared], w[1][::-1]))
    out = []
    for (seed, _), group in groupby(ordered, key=lambda w: (w[0], w[1][: law.shared])):
        points = [point for _, point in group]
        out += [
            SampleTask(law, seed, tuple(points[i : i + law.batch]), folder)
            for i in range(0, len(points), law.batch)
        ]
    return out


def measure(
    law: LoopLaw,
    wanted: Sequence[Wanted],
    store: Store,
    workforce: Workforce,
    progress: bool = False,
) -> int:
    """Put the wanted samples into the store; returns how many had to be measured.

    Tasks are formed before the store is asked, so that what is left after an interruption is whole
    tasks: the numbers are then the same to the last bit. Where the store has a part from other
    requests, they are the same up to rounding.
    """
    tasks = tasks_of(law, wanted, None if store.folder is None else str(store.folder))
    tasks = [task for task in (task.without(store) for task in tasks) if task.points]
    count = sum(len(task.points) for task in tasks)
    with progress_bar(total=count, unit="sample", shown=progress, desc=f"phase {law.name}") as bar:
        for task, samples in workforce(tasks):
            if samples is None:
                store.reread(task.names)
            else:
                store.add(task.names, samples)
            bar.update(len(task.points))
    if not all(name in store for task in tasks for name in task.names):
        raise LoopstabError(
            "samples came back under other names: install the same loopstab, NumPy and SciPy"
            " wherever the work is done"
        )
    return count


def local(
    jobs: int = -1, backend: Literal["threading", "loky", "sequential"] = "threading"
) -> Workforce:
    """A workforce on the cores of this machine.

    LAPACK, BLAS and the loops of NumPy release the interpreter lock, so that threads suffice; let
    BLAS itself use one thread (OMP_NUM_THREADS=1).

    Args:
        jobs: how many tasks are done at a time; -1 for one on each core.
        backend: "threading"; "loky" for processes, which take seconds to start; or "sequential"
            for one task at a time, whatever `jobs` is.

    Returns:
        A function that does tasks, for `phase_diagram(workforce=...)`.

    Raises:
        UsageError: `jobs` is neither positive nor -1.

    Example:
        >>> from loopstab import phase_diagram
        >>> from loopstab.numerics.phase import local
        >>> phase_diagram(settings={"width": 8}, grid=(2, 2), workforce=local(1)).measured
        4
    """
    check_seed_and_jobs(jobs=jobs)
    jobs = (os.cpu_count() or 1) if jobs == -1 else jobs

    def work(tasks: Sequence[SampleTask]) -> Iterator[tuple[SampleTask, Samples | None]]:
        hands = 1 if backend == "sequential" else min(jobs, len(tasks))
        if hands <= 1:
            yield from ((task, task()) for task in tasks)
            return
        limits = {"inner_max_num_threads": 1} if backend == "loky" else {}
        with parallel_config(backend=backend, **limits):
            done = Parallel(n_jobs=hands, return_as="generator", pre_dispatch="all")(
                tied(task)() for task in tasks
            )
            yield from zip(tasks, done, strict=True)  # type: ignore[arg-type]

    return work


@dataclass(frozen=True)
class _Remote:
    """A task as an element of a Slurm array: its samples stay in the folder.

    Calling it returns why it failed, or None.
    """

    task: SampleTask

    def __call__(self) -> str | None:
        try:
            self.task()
        except LoopstabError as error:
            return str(error)
        return None


def cluster(logs: Path, request: Request | None = None, executor: Executor = "slurm") -> Workforce:
    """A workforce on a Slurm cluster: every task is an element of a job array.

    Args:
        logs: a folder for the logs of the jobs, and for the tasks themselves.
        request: what a job asks for: time, memory, partition; the defaults of `Request` if None.
        executor: "slurm", or another executor of `loopstab.support.slurm`.

    Returns:
        A function that does tasks, for `phase_diagram(workforce=...)`. It raises `UsageError`
        without a `cache`, the folder for the samples, which the nodes must see, and `LoopstabError`
        with the first reason when jobs failed. The samples of the other jobs are kept then, and
        running the same command again measures only what is missing.

    Example:
        >>> from pathlib import Path
        >>> from loopstab import phase_diagram
        >>> from loopstab.numerics.phase import cluster
        >>> work = cluster(Path("logs"))
        >>> phase_diagram(grid=(2, 2), workforce=work)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        loopstab.support.errors.UsageError: a phase diagram on a cluster needs a folder ...
    """

    def work(tasks: Sequence[SampleTask]) -> Iterator[tuple[SampleTask, Samples | None]]:
        if not tasks:
            return
        if not tasks[0].law.portable:
            raise UsageError(
                f"other machines cannot load {tasks[0].law.name}: write the step into a file, and"
                " give the file as the law"
            )
        if any(task.folder is None for task in tasks):
            raise UsageError(
                "a phase diagram on a cluster needs a folder for its samples: give cache"
            )
        remote, instead = [_Remote(task) for task in tasks], "loopstab phase without --cluster"
        jobs, failed = submit(remote, logs, request or Request(), 1, executor, instead), []
        then = "the jobs continue; run the same command again to read what they wrote"
        for task, reason in results(dict(zip(jobs, tasks, strict=True)), executor, then):
            if reason:
                failed.append(reason)
            else:
                yield task, None
        if failed:
            raise LoopstabError(
                f"{len(failed)} of {len(tasks)} jobs failed: {failed[0]}; run the same command"
                " again to measure what is missing"
            )

    return work
