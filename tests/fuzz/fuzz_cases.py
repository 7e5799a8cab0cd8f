"""Cases for the command line, judged in processes of their own with limits on time and memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from loopstab.support.printable import HIDDEN

SERVER = Path(__file__).with_name("fuzz_server.py")
SECONDS = 4.0
"""Seconds of CPU time after which a case gets SIGTERM; work that is merely long must then end with
143.
"""
MEGABYTES = 6000
"""Limit on the memory of a case."""
DOCUMENTED = (0, 1, 2, 143)
"""The exit statuses that the commands document."""
PROMPT = 5.0
"""Seconds of CPU time in which a wrong request must be answered."""
ERROR = "loopstab: error: "
WARNING = "loopstab: warning: "


@dataclass(frozen=True)
class Case:
    """A command, or a reader with the path of a file, and under which limits it runs.

    Attributes:
        arguments: of the command line; for a reader its name and the path.
        reader: whether it is a reader of `fuzz_readers`.
        limits: what `fuzz_server` knows besides: `seconds`, `patience`, `megabytes`, `file_bytes`,
            `environment`, `encoding`, `stdout`, `twice`.
        statuses: the exit statuses that are right.
        most: megabytes that it may use.
        check: what is wrong in the folder afterwards.
    """

    arguments: tuple[str, ...]
    reader: bool = False
    limits: dict[str, Any] = field(default_factory=dict)
    statuses: tuple[int, ...] = DOCUMENTED
    most: int = MEGABYTES
    check: Callable[[Path], list[str]] | None = None


@dataclass(frozen=True)
class Outcome:
    """What a case did."""

    case: Case
    status: int
    seconds: float
    megabytes: int
    output: str
    errors: str
    hung: bool
    afterwards: tuple[str, ...] = ()

    @property
    def faults(self) -> list[str]:
        """What is wrong with it; empty for a command that behaves."""
        found = list(self.afterwards)
        if self.hung:
            found.append("it did not end on SIGTERM")
        elif self.status not in self.case.statuses:
            found.append(f"exit status {self.status}")
        if "Traceback (most recent" in self.errors + self.output:
            found.append("a traceback")
        if any(_acts_on_a_terminal(c) for c in self.output + self.errors):
            found.append("control characters")
        if self.megabytes > self.case.most:
            found.append(f"{self.megabytes} MB of memory")
        if self.case.most < MEGABYTES and "out of memory" in self.errors:
            found.append("a file that makes it run out of memory")
        if self.status == 2 and self.seconds > PROMPT:
            found.append(f"{self.seconds} s to refuse a request")
        return found + self._faults_of_words()

    def _faults_of_words(self) -> list[str]:
        lines = [line for line in self.errors.splitlines() if line.strip()]
        own = [line for line in lines if line.startswith(ERROR)]
        boxed = any(line.startswith("╭") for line in lines)
        if self.status not in (1, 2) or "stdout" in self.case.limits:
            return []
        if not lines and not self.output.strip():
            return [f"exit status {self.status} without a word"]
        if self.status == 2 and not boxed and (len(own) != 1 or lines[-1] != own[0]):
            return ["not one line with the error"]
        if own and (len(own) != 1 or lines[-1] != own[0]):
            return ["more than one line with the error"]
        return []


def _acts_on_a_terminal(character: str) -> bool:
    return character not in "\n\t\ufffd" and unicodedata.category(character) in HIDDEN


class Cases:
    """Runs cases, one after the other, in a server that has imported everything."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, folder: Path, case: Case) -> Outcome:
        """Run a case in a folder."""
        request = {"seconds": SECONDS, "megabytes": MEGABYTES, **case.limits, "folder": str(folder)}
        if case.reader:
            request["reader"], request["path"] = case.arguments
        else:
            request["arguments"] = list(case.arguments)
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, f"the server ended at {case}"
        found = Outcome(case, **json.loads(answer))
        wrong = case.check(folder) if case.check is not None else []
        return replace(found, afterwards=tuple(wrong))

    def command(self, folder: Path, arguments: Sequence[str], **limits: Any) -> Outcome:
        """Run a command in a folder."""
        return self.run(folder, Case(tuple(arguments), limits=limits))

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            environment = {
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "LOOPSTAB_CACHE": "off",
                "MPLBACKEND": "Agg",
                "COLUMNS": "100",
            }
            self._process = subprocess.Popen(
                [sys.executable, str(SERVER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            assert self._process.stdout is not None
            assert self._process.stdout.readline() == "ready\n"
        return self._process

    def close(self) -> None:
        """End the server."""
        if self._process is not None:
            with self._process as process:
                assert process.stdin is not None
                process.stdin.close()
            self._process = None


@contextmanager
def cases() -> Iterator[Cases]:
    """A runner of cases until the block ends; the server starts with the first case."""
    found = Cases()
    try:
        yield found
    finally:
        found.close()


@contextmanager
def work_folder() -> Iterator[Path]:
    """An empty folder, two levels below one that is deleted at the end, which nobody else uses.

    A case that climbs out of its folder by two levels does not meet anything.
    """
    base = Path(tempfile.mkdtemp(prefix="loopstab-fuzz-"))
    folder = base / "outer" / "inner"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(base, ignore_errors=True)
