"""Samples as tasks: grouped by random draw, done on the cores of this machine or on a cluster, each
once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from ...support.errors import LoopstabError, UsageError, check_seed_and_jobs
from ...support.slurm import Executor, Request, results, submit
from .laws.law import Point, Samples
from .laws.registry import law_named
from .store import Store, key, write_shard

Wanted = tuple[tuple[int, ...], Point]
"""seed of the draw, point of the law"""


@dataclass(frozen=True)
class SampleTask:
    """Points of one draw that are measured together; equal wishes make equal tasks, so that no
    number depends on who does them.
    """

    law: str
    seed: tuple[int, ...]
    points: tuple[Point, ...]
    folder: str | None = None

    @cached_property
    def names(self) -> list[str]:
        """Keys of its samples."""
        law = law_named(self.law)
        return [key(law, self.seed, point) for point in self.points]

    def without(self, store: Store) -> SampleTask:
        """The same without what is known."""
        points = tuple(
            p for p, name in zip(self.points, self.names, strict=True) if name not in store
        )
        return self if len(points) == len(self.points) else replace(self, points=points)

    def __call__(self) -> Samples:
        """Measure, and write the shard if there is a folder."""
        samples = law_named(self.law).measure(self.seed, self.points)
        if self.folder is not None:
            write_shard(self.folder, self.names, samples)
        return samples


Workforce = Callable[[Sequence[SampleTask]], Iterable[tuple[SampleTask, Samples | None]]]
"""does tasks in any order; yields each with its samples, or with None when they are in the folder
"""


def tasks_of(law: str, wanted: Iterable[Wanted], folder: str | None) -> list[SampleTask]:
    """The tasks that measure the wanted samples, each once."""
    rule = law_named(law)
    ordered = sorted(set(wanted), key=lambda w: (w[0], w[1][: rule.shared], w[1][::-1]))
    out = []
    for (seed, _), group in groupby(ordered, key=lambda w: (w[0], w[1][: rule.shared])):
        points = [point for _, point in group]
        out += [
            SampleTask(law, seed, tuple(points[i : i + rule.batch]), folder)
            for i in range(0, len(points), rule.batch)
        ]
    return out


def measure(
    law: str, wanted: Sequence[Wanted], store: Store, workforce: Workforce, progress: bool = False
) -> int:
    """Put the wanted samples into the store; returns how many had to be measured, those it lacked.

    Tasks are formed before the store is asked, so that what is left after an interruption is whole
    tasks: the numbers are then the same to the last bit. Where the store knows a part from other
    requests, they are the same up to rounding.
    """
    tasks = tasks_of(law, wanted, None if store.folder is None else str(store.folder))
    tasks = [task for task in (task.without(store) for task in tasks) if task.points]
    count = sum(len(task.points) for task in tasks)
    with tqdm(total=count, unit="sample", disable=not progress, desc=f"phase {law}") as bar:
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


def local(jobs: int = -1, backend: Literal["threading", "loky"] = "threading") -> Workforce:
    """The cores of this machine: `jobs` threads (-1: all cores), or with `loky` processes, which
    take seconds to start.

    LAPACK, BLAS and the loops of NumPy release the interpreter; let BLAS itself use one thread
    (OMP_NUM_THREADS=1).
    """
    check_seed_and_jobs(jobs=jobs)
    jobs = (os.cpu_count() or 1) if jobs == -1 else jobs

    def work(tasks: Sequence[SampleTask]) -> Iterator[tuple[SampleTask, Samples | None]]:
        hands = min(jobs, len(tasks))
        if hands <= 1:
            yield from ((task, task()) for task in tasks)
            return
        limits = {"inner_max_num_threads": 1} if backend == "loky" else {}
        with parallel_config(backend=backend, **limits):
            done = Parallel(n_jobs=hands, return_as="generator", pre_dispatch="all")(
                delayed(task)() for task in tasks
            )
            yield from zip(tasks, done, strict=True)  # type: ignore[arg-type]

    return work


@dataclass(frozen=True)
class _Remote:
    """A task as an element of a Slurm array: its samples stay in the folder; returns why it failed,
    or None.
    """

    task: SampleTask

    def __call__(self) -> str | None:
        try:
            self.task()
        except LoopstabError as error:
            return str(error)
        return None


def cluster(logs: Path, request: Request | None = None, executor: Executor = "slurm") -> Workforce:
    """A Slurm cluster, one element of an array per task; needs a folder for the samples that the
    nodes see.

    Raises `LoopstabError` with the first reason when a task failed; the others are kept, and the
    same command goes on with the rest.
    """

    def work(tasks: Sequence[SampleTask]) -> Iterator[tuple[SampleTask, Samples | None]]:
        if not tasks:
            return
        if any(task.folder is None for task in tasks):
            raise UsageError(
                "a phase diagram on a cluster needs a folder for its samples: give cache"
            )
        remote, instead = [_Remote(task) for task in tasks], "loopstab phase without --cluster"
        jobs, failed = submit(remote, logs, request or Request(), 1, executor, instead), []
        then = "the jobs go on; the same command takes what they wrote"
        for task, reason in results(dict(zip(jobs, tasks, strict=True)), executor, then):
            if reason:
                failed.append(reason)
            else:
                yield task, None
        if failed:
            raise LoopstabError(
                f"{len(failed)} of {len(tasks)} jobs failed: {failed[0]}; the same command goes on"
                " with what is missing"
            )

    return work
