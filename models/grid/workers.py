"""Runs in processes of their own: one process per folder, and none that outlives its parent.

A process that dies does not take another one with it.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from multiprocessing.context import SpawnProcess
from pathlib import Path

import torch

from ...support.errors import LoopstabError, UsageError
from ...support.files import output_folder, write_atomic
from ...support.interruption import GRACE as HASTE
from ...support.locks import locked
from ..training.run_spec import RunSpec
from ..training.train import Trainer
from .serve import serve

RUNS, TRACEBACK = "runs", "error.txt"
GRACE = 10.0
"""Seconds that a run has to save its state when the budget is used up, before its process is
killed.
"""


@dataclass(frozen=True)
class Job:
    """One run of a grid, which any process that sees the folder can train.

    Attributes:
        run: its options.
        id: its name in the grid.
        grid: folder of the grid.
        data: prepared data file of its task.
        threads: CPU threads.
        device: a torch device.
        until: time at which to stop, in seconds since 1970.
        compiled: whether the loop is compiled.
    """

    run: RunSpec
    id: str
    grid: str
    data: str | None = None
    threads: int = 1
    device: str = "cpu"
    until: float | None = None
    compiled: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return Path(self.grid) / RUNS / self.id

    def do(self, stop: Callable[[], bool] = lambda: False) -> str | None:
        """Train until the run or its time ends or `stop` returns true; returns the reason for a
        failure, or None.
        """
        torch.set_num_threads(self.threads)
        try:
            with locked(output_folder(self.folder)) as mine:
                if not mine:  # another process trains this run
                    return None
                config, task = self.run.build(self.data)
                if self.run.id(task.fingerprint()) != self.id:
                    raise UsageError(
                        f"the data file {self.data} has changed since the grid was started: start"
                        " it again"
                    )
                trainer = Trainer(
                    config,
                    task,
                    self.folder,
                    self.device,
                    command=self.run.command(),
                    compiled=self.compiled,
                    run_id=self.id,
                )
                trainer.run(
                    progress=False,
                    stop=lambda: stop() or (self.until is not None and time.time() >= self.until),
                )
                (self.folder / TRACEBACK).unlink(missing_ok=True)
        except LoopstabError as error:
            return " ".join(str(error).split())
        except Exception as error:  # an error in one run must not stop the others
            with suppress(LoopstabError):
                write_atomic(self.folder / TRACEBACK, traceback.format_exc())
            return (
                f"{type(error).__name__}: {' '.join(str(error).split())[:200]} (see"
                f" {self.folder / TRACEBACK})"
            )
        return None


class Workers:
    """Processes that do jobs.

    Leaving the context stops them: each saves its run and ends, or is killed after `GRACE` seconds,
    or a little more than `HASTE` where an interruption ends the context.
    """

    def __init__(self) -> None:
        self._idle: list[tuple[Connection, SpawnProcess]] = []
        self.busy: dict[Connection, tuple[SpawnProcess, Job]] = {}

    def __enter__(self) -> Workers:
        return self

    def start(self, job: Job) -> None:
        """Give the job to an idle process, or to a new one."""
        while self._idle:
            connection, process = self._idle.pop()
            with suppress(OSError):  # the process has ended in the meantime
                connection.send(job)
                self.busy[connection] = process, job
                return
        connection, process = _spawn()
        self.busy[connection] = process, job
        with suppress(OSError):  # the process has ended already, which `wait` will report
            connection.send(job)

    def wait(self, seconds: float | None = None) -> list[tuple[Job, str | None]]:
        """The jobs that have ended, with the reason for a failure or None.

        There is at least one, unless that many seconds pass before one ends.
        """
        out: list[tuple[Job, str | None]] = []
        for connection in wait_for(list(self.busy), seconds):
            assert isinstance(connection, Connection)
            process, job = self.busy.pop(connection)
            try:
                out.append((job, connection.recv()))
                self._idle.append((connection, process))
            except (EOFError, OSError):
                process.join()
                status = process.exitcode or 0
                how = f"signal {-status}" if status < 0 else f"exit status {status}"
                out.append(
                    (job, f"its process died ({how}; out of memory?): the same command resumes it")
                )
        return out

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        for process, _ in self.busy.values():
            process.terminate()
        every = self._idle + [
            (connection, process) for connection, (process, _) in self.busy.items()
        ]
        for connection, _ in every:
            connection.close()
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        end = time.monotonic() + (HASTE + 1 if interrupted else GRACE)
        for _, process in every:
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


def _spawn() -> tuple[Connection, SpawnProcess]:
    context = multiprocessing.get_context("spawn")  # torch must not be forked
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    main = threading.current_thread() is threading.main_thread()
    # the process inherits this: Ctrl-C in a terminal reaches the whole group
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        process.start()
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
    theirs.close()
    return ours, process
