"""Plans of many runs: expand, skip what is done, resume what was cut, keep to the budget, gather one line per run."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import socket
import time
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from models.run import RunSpec
from models.tasks.registry import make_task
from models.train import RESULT, Trainer
from theory.errors import LoopstabError, UsageError
from theory.files import output_folder, write_atomic

PLANS = Path(__file__).parent / "plans"
RUNS, RESULTS, LOCK = "runs", "results.jsonl", "running"


@dataclass(frozen=True)
class Plan:
    """A named table of runs, in the order in which they are to be done."""

    name: str
    runs: tuple[RunSpec, ...]

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a TOML plan, or one of the shipped ones by name (`cpu`, `core`, `paper`).

        A plan has `name`, a table `defaults` and an array of tables `runs`; a list as a value stands for one run per element (the first
        key varies slowest). Raises `UsageError` naming the file and the key.
        """
        path = Path(path)
        if not path.suffix:
            path = PLANS / f"{path}.toml"
        if not path.is_file():
            shipped = ", ".join(sorted(p.stem for p in PLANS.glob("*.toml")))
            raise UsageError(f"no plan at {path}: give a TOML file, or one of the shipped plans ({shipped})")
        try:
            data = tomllib.loads(path.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is not a TOML file: {error}") from None
        extra = sorted(set(data) - {"name", "defaults", "runs"})
        if extra:
            raise UsageError(f"{path}: unknown key {extra[0]!r}; a plan has name, defaults and runs")
        tables = data.get("runs", [])
        if not tables:
            raise UsageError(f"{path}: no [[runs]]: a plan lists at least one run")
        runs = []
        for number, table in enumerate(tables, 1):
            merged = {**data.get("defaults", {}), **table}
            axes = [value if isinstance(value, list) else [value] for value in merged.values()]
            for values in itertools.product(*axes):
                runs.append(RunSpec.from_dict(dict(zip(merged, values, strict=True)), f"{path}, run {number}"))
        unique = tuple(dict.fromkeys(runs))
        return cls(str(data.get("name", path.stem)), unique)


@dataclass(frozen=True)
class GridReport:
    """How many runs of a plan are done, failed (id: reason) and left, and where the results are."""

    plan: str
    done: int
    failed: dict[str, str]
    left: int
    seconds: float
    results: str


def run_grid(
    plan: Plan, out: str | Path, *, data: Mapping[str, str | Path] | None = None, minutes: float | None = None, jobs: int = 1,
    threads: int = 1, device: str = "cpu", progress: bool = True,
) -> GridReport:  # fmt: skip
    """Do the plan, `jobs` runs at a time with `threads` threads each; finished runs are skipped, interrupted ones resume.

    `data` maps task names to prepared files. With `minutes` every run is stopped, resumably, when the budget ends. A run that fails is
    reported and the others go on. Writes out/runs/<id>/ per run and out/results.jsonl, one line per finished run in plan order.
    """
    start, folder = time.monotonic(), output_folder(out)
    ids = _check(plan, data or {})
    pending = [(run, i) for run, i in ids if not (folder / RUNS / i / RESULT).exists()]
    failed: dict[str, str] = {}
    context = multiprocessing.get_context("spawn")  # torch must not be forked
    with (
        tqdm(total=len(ids), initial=len(ids) - len(pending), unit="run", disable=not progress, desc=plan.name) as bar,
        ProcessPoolExecutor(jobs, mp_context=context) as pool,
    ):
        waiting: dict[Future[str | None], str] = {}
        while pending or waiting:
            left = None if minutes is None else minutes - (time.monotonic() - start) / 60
            while pending and len(waiting) < jobs and (left is None or left > 0):
                run, i = pending.pop(0)
                file = (data or {}).get(run.task)
                waiting[pool.submit(_work, run, file, str(folder / RUNS / i), left, threads, device)] = i
            if not waiting:
                break
            for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                i = waiting.pop(done)
                try:
                    reason = done.result()
                except BrokenProcessPool:
                    raise LoopstabError(f"a worker died (out of memory?) at or beside run {i}: the same command resumes") from None
                if reason:
                    failed[i] = reason
                gather(folder, [i for _, i in ids])
                bar.update(int((folder / RUNS / i / RESULT).exists()))
    done_count = gather(folder, [i for _, i in ids])
    return GridReport(plan.name, done_count, failed, len(ids) - done_count - len(failed), time.monotonic() - start, str(folder / RESULTS))


def gather(folder: Path, ids: list[str]) -> int:
    """Write results.jsonl from the finished runs, in plan order; returns how many there are."""
    lines = []
    for i in ids:
        result = folder / RUNS / i / RESULT
        if result.exists():
            lines.append(json.dumps({"id": i, **json.loads(result.read_text())}) + "\n")
    write_atomic(folder / RESULTS, "".join(lines))
    return len(lines)


def _check(plan: Plan, data: Mapping[str, str | Path]) -> list[tuple[RunSpec, str]]:
    """Every run with its id; the whole plan is checked before the first run starts."""
    unknown = sorted(set(data) - {run.task for run in plan.runs})
    if unknown:
        raise UsageError(f"data was given for {unknown[0]!r}, which is no task of the plan {plan.name}")
    prints = {}
    for task, bits in {(run.task, run.bits) for run in plan.runs}:
        prints[task, bits] = make_task(task, bits=bits, data=data.get(task)).fingerprint()
    for run in plan.runs:
        run.build(data.get(run.task))
    return [(run, run.id(prints[run.task, run.bits])) for run in plan.runs]


def _work(run: RunSpec, data: str | Path | None, out: str, minutes: float | None, threads: int, device: str) -> str | None:
    """One run in a process of its own; returns why it failed, or None."""
    torch.set_num_threads(threads)
    try:
        with _locked(output_folder(out)) as mine:
            if mine:
                config, task = run.build(data)
                Trainer(config, task, out, device, command=run.command()).run(minutes=minutes, progress=False)
    except LoopstabError as error:
        return str(error)
    return None


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether this process holds the folder; another grid on the same folder leaves it alone. A dead holder on this host is ignored."""
    lock, me = folder / LOCK, {"host": socket.gethostname(), "pid": os.getpid()}
    try:
        with open(lock, "x") as file:
            json.dump(me, file)
    except FileExistsError:
        if not _abandoned(lock):
            yield False
            return
        write_atomic(lock, json.dumps(me))
    try:
        yield True
    finally:
        lock.unlink(missing_ok=True)


def _abandoned(lock: Path) -> bool:
    try:
        holder: dict[str, Any] = json.loads(lock.read_text())
        if holder["host"] != socket.gethostname():
            return False
        os.kill(holder["pid"], 0)
    except (OSError, ValueError, KeyError):
        return True
    return False
