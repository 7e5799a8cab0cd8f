"""A process that has imported everything once, and forks a child for each case.

Cases come as JSON lines on the standard input, with

- `arguments` of the command line, or a `reader` of `fuzz_readers` with its `path`,
- a `folder` to work in,
- `seconds` of CPU time after which the child gets SIGTERM, or those by the clock that `patience`
  names, and `megabytes` of memory,
- optionally `file_bytes`, the size of the largest file that it can write, `environment`, `encoding`
  of the streams, `stdout`, which may be closed or full, and `twice`, for two children at a time.

For each, a JSON line tells `status`, `seconds` (of CPU time), `megabytes`, `output`, `errors`, and
whether it did not end on SIGTERM (`hung`).
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import fuzz_readers
import torch

import loopstab
from loopstab.numerics.attack.result_key import result_key
from loopstab.paper_figures import cli
from loopstab.support.command_line import run_command

TERM = 5.0
"""Seconds of CPU time that a command has to end when it gets SIGTERM."""
PATIENCE = 60.0
"""Seconds by the clock in which a child that waits for something is given up: a machine may be
busy, so that CPU time is what counts else.
"""
SHOWN = 20_000
"""Bytes of the output that are sent back."""
FLOORS = ("support", "theory", "numerics", "models", "paper_figures")


def serve() -> None:
    """Answer cases until the input ends."""
    torch.set_num_threads(1)
    _import_everything()
    with tempfile.TemporaryDirectory() as place:
        files = Path(place, "output"), Path(place, "errors")
        gc.collect()
        gc.freeze()
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(_answer(json.loads(line), files)), flush=True)


def _import_everything() -> None:
    for floor in FLOORS:
        package = importlib.import_module(f"loopstab.{floor}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".tests" not in module.name and not module.name.endswith("_child"):
                importlib.import_module(module.name)
    for name in dir(loopstab):
        getattr(loopstab, name)
    for name in ("chess", "joblib", "matplotlib.pyplot", "tqdm", "tyro", "zstandard"):
        importlib.import_module(name)
    # what is computed once in a process
    suites = importlib.import_module("loopstab.numerics.suites").all_suites()
    budget = importlib.import_module("loopstab.numerics.attack.budget").find_budget("quick")
    for suite in suites:
        if suite.claim == "A1":
            result_key(suite, budget, 0)
    importlib.import_module("loopstab.theory.checking.cache")._key("A1")
    importlib.import_module("loopstab.models.zoo.zoo").names()


def _answer(case: dict, files: Sequence[Path]) -> dict:
    twins = [file.with_suffix(".twin") for file in files]
    twin = _start(case, twins) if case.get("twice") else None
    limits = case["seconds"], case.get("patience", PATIENCE)
    status, usage, hung = _wait(_start(case, files), *limits)
    output, errors = map(_text, files)
    if twin is not None:
        other, _, late = _wait(twin, *limits)
        status, hung = max(status, other), hung or late
        output, errors = output + _text(twins[0]), errors or _text(twins[1])
    return {
        "status": status,
        "seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "megabytes": round(usage.ru_maxrss / 1024),
        "output": output,
        "errors": errors,
        "hung": hung,
    }


def _start(case: dict, files: Sequence[Path]) -> int:
    child = os.fork()
    if child == 0:
        try:
            _run(case, files)
        finally:
            os._exit(70)
    return child


def _text(file: Path) -> str:
    return file.read_bytes()[:SHOWN].decode(errors="replace")


def _run(case: dict, files: Sequence[Path]) -> None:
    """The child: a process group of its own, with limits, files as streams, and one command."""
    os.setpgid(0, 0)
    for number, file in zip((1, 2), files, strict=True):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(case["folder"])
    os.environ |= case.get("environment", {})
    os.umask(0o022)
    limit = case["megabytes"] << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    if "file_bytes" in case:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (case["file_bytes"],) * 2)
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler if name == signal.SIGINT else signal.SIG_DFL)
    _open_streams(case)
    status = 70
    try:
        if "reader" in case:
            read = fuzz_readers.READERS[case["reader"]]
            status = run_command(lambda: (read(Path(case["path"])), 0)[1])
        else:
            cli.main(case["arguments"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 71
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _open_streams(case: dict) -> None:
    """The streams as an interpreter makes them when it starts."""
    encoding = case.get("encoding", "utf-8")
    stdout = case.get("stdout")
    if stdout == "full":
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding
    )
    errors = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(
        errors, encoding, "backslashreplace", line_buffering=True
    )
    if stdout == "closed":
        os.close(1)
        sys.stdout = sys.__stdout__ = None  # pyright: ignore[reportAttributeAccessIssue]


def _wait(child: int, seconds: float, patience: float) -> tuple[int, resource.struct_rusage, bool]:
    """Status of the child, what it used, and whether it had to be killed."""
    begin = since = time.monotonic()
    at_signal = 0.0
    asked = hung = False
    while True:
        number, code, usage = os.wait4(child, os.WNOHANG)
        if number:
            break
        now, used = time.monotonic(), _cpu_seconds(child)
        if not asked and (used > seconds or now > begin + patience):
            os.kill(child, signal.SIGTERM)
            asked, since, at_signal = True, now, used
        elif asked and not hung and (used > at_signal + TERM or now > since + patience):
            os.killpg(child, signal.SIGKILL)
            hung = True
        time.sleep(0.005)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # workers that it left
    return os.waitstatus_to_exitcode(code), usage, hung


def _cpu_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    serve()
