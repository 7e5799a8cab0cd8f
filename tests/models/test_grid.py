"""Grids: order, budget, wrong requests, and what is left when processes die.

A worker imports torch, which takes seconds: each test starts as few as it can.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from loopstab.models.grid import workers
from loopstab.models.grid.plan import Plan
from loopstab.models.grid.run_grid import RESULTS, gather, plan_jobs, run_grid
from loopstab.models.grid.workers import RUNS, Job
from loopstab.models.network.checkpoint import Checkpoint
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.training.saved_state import STATE
from loopstab.models.training.train import MODEL, RESULT
from loopstab.support.errors import LoopstabError, UsageError
from loopstab.support.files import unfinished_name
from loopstab.support.locks import LOCK, locked

TINY = {"width": 16, "heads": 2, "batch": 4, "bits": 4, "steps": 4, "polish": 2, "eval_size": 4}
LONG = {**TINY, "bits": 64, "steps": 10**6}


def plan(*architectures, **options):
    return Plan(
        "test", tuple(RunSpec(**{**TINY, "architecture": a, **options}) for a in architectures)
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "go"}, "unknown task 'go'"),
        ({"architecture": "internal/mid"}, "unknown norm"),
        ({"width": 15}, "internal/post lr 0.001 seed 0: width 15"),
        ({"task": "sudoku"}, "needs a data file"),
        ({"lr": float("inf")}, "lr must be a finite number above 0"),
    ],
)
def test_a_wrong_run_is_told_before_any_run_starts(options, words, tmp_path):
    with pytest.raises(UsageError, match=words):
        run_grid(Plan("test", (RunSpec(), RunSpec(**options))), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"jobs": 0},
        {"threads": 0},
        {"minutes": 0.0},
        {"device": "cuda:99"},
        {"data": {"chess": "x"}},
    ],
)
def test_wrong_grid_options(options, tmp_path):
    with pytest.raises(UsageError):
        run_grid(plan("internal/post"), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def lines(out):
    return [json.loads(line) for line in (out / RESULTS).read_text().splitlines()]


def test_a_failing_run_is_reported_and_the_others_go_on_in_plan_order(tmp_path):
    runs = plan("external/peri", "internal/post", "none/post")
    ids = runs.check({})
    blocked = tmp_path / RUNS / ids[1]
    blocked.mkdir(parents=True)
    (blocked / STATE).write_bytes(b"not a checkpoint")
    report = run_grid(runs, tmp_path, progress=False)
    assert (report.done, report.left, list(report.failed)) == (2, 0, [ids[1]])
    assert "corrupt or truncated" in report.failed[ids[1]]
    assert "internal/post" in report.failed[ids[1]]
    assert [line["id"] for line in lines(tmp_path)] == [ids[0], ids[2]]
    (blocked / STATE).unlink()
    before = (tmp_path / RUNS / ids[0] / MODEL).stat().st_mtime_ns
    report = run_grid(runs, tmp_path, jobs=2, progress=False)
    assert (report.done, report.left, report.failed) == (3, 0, {})
    assert [line["id"] for line in lines(tmp_path)] == ids
    assert (tmp_path / RUNS / ids[0] / MODEL).stat().st_mtime_ns == before
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_budget_is_kept_and_the_grid_resumes(tmp_path):
    runs = plan("external/peri", "internal/post", **LONG)
    states = []
    for seconds in (7, 30, 90):  # on a busy machine a worker takes longer than that to start
        if not states:
            report = run_grid(runs, tmp_path, minutes=seconds / 60, progress=False)
            assert (report.done, report.left, report.failed) == (0, 2, {})  # they would take hours
            states = list(tmp_path.rglob(STATE))
    (state,) = states
    step = Checkpoint.load(state).meta["step"]
    assert step > 0
    job = Job(runs.runs[0], runs.check({})[0], str(tmp_path), until=time.time() + 1)
    assert job.do() is None
    assert Checkpoint.load(state).meta["step"] > step


def test_a_run_that_does_not_stop_is_killed_when_the_budget_ends(tmp_path, monkeypatch):
    """Evaluation of a large model may outlast the budget by hours: it is cut, and done again by the
    same command.
    """
    monkeypatch.setattr("loopstab.models.grid.run_grid.GRACE", 0.0)
    monkeypatch.setattr(workers, "GRACE", 0.0)
    start = time.monotonic()
    report = run_grid(plan("external/peri", **LONG), tmp_path, minutes=1 / 60, progress=False)
    assert time.monotonic() - start < 5
    assert (report.done, report.left, report.failed) == (0, 1, {})


def test_a_killed_worker_is_reported_and_replaced(tmp_path):
    runs = Plan("test", (RunSpec(**LONG), RunSpec(**TINY)))
    ids = runs.check({})
    import threading

    def kill():
        deadline = time.monotonic() + 60
        while not (tmp_path / RUNS / ids[0] / LOCK).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        (child,) = (
            c for c in multiprocessing.active_children() if "Loky" not in c.name
        )  # pools of other tests
        os.kill(child.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    report = run_grid(runs, tmp_path, progress=False)
    thread.join()
    assert (report.done, report.left, list(report.failed)) == (1, 0, [ids[0]])
    assert "signal 9" in report.failed[ids[0]]
    assert [line["id"] for line in lines(tmp_path)] == [ids[1]]
    with locked(tmp_path / RUNS / ids[0]) as mine:  # its lock died with it
        assert mine


def test_no_two_processes_at_one_run(tmp_path):
    """Whatever the lock file says: a dead holder's number may have been given to another
    process.
    """
    job = Job(RunSpec(**TINY), RunSpec(**TINY).id("prefix-sums-4"), str(tmp_path))
    job.folder.mkdir(parents=True)
    (job.folder / LOCK).write_text(json.dumps({"pid": os.getpid()}))
    with locked(job.folder) as mine:
        assert mine
        assert job.do() is None
        assert not (job.folder / RESULT).exists()
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = unfinished_name("state.safetensors").replace(f".{os.getpid()}.", f".{ended.pid}.")
    (job.folder / left).write_text("left by kill -9")
    assert job.do() is None
    assert (job.folder / RESULT).exists()
    assert not list(job.folder.glob(".*.tmp"))
    assert gather(tmp_path, [job.id]) == 1
    (job.folder / RESULT).write_text("{")
    with pytest.raises(LoopstabError, match="delete it"):
        gather(tmp_path, [job.id])


def test_compiled_runs(tmp_path, monkeypatch):
    """Jobs carry the wish; here it fails for want of a compiler, which the run says as its
    reason.
    """

    def absent(*_, **__):
        raise RuntimeError("no C++ compiler found")

    jobs = plan_jobs(plan("internal/post"), tmp_path, {}, None, 1, "cpu", compiled=True)
    monkeypatch.setattr(torch, "compile", absent)
    (reason,) = [job.do() for job in jobs]
    assert reason is not None
    assert "no C++ compiler found" in reason


def test_an_unforeseen_error_is_a_reason_too(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr("loopstab.models.grid.workers.Trainer", broken)
    job = Job(RunSpec(**TINY), RunSpec(**TINY).id("prefix-sums-4"), str(tmp_path))
    assert job.do() == f"RuntimeError: out of memory (see {job.folder / 'error.txt'})"
    assert "Traceback" in (job.folder / "error.txt").read_text()
    assert "has changed" in (Job(RunSpec(**TINY), "0" * 12, str(tmp_path)).do() or "")


GRID = """
import sys, json
from loopstab.models.grid.run_grid import run_grid
from loopstab.models.grid.plan import Plan
from loopstab.models.training.run_spec import RunSpec
if __name__ == "__main__":
    run_grid(Plan("test", (RunSpec(**json.loads(sys.argv[2])),)), sys.argv[1], progress=False)
"""


def test_a_killed_grid_leaves_no_worker_and_two_grids_share_the_work(tmp_path):
    script = tmp_path / "grid.py"
    script.write_text(GRID)
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "OMP_NUM_THREADS": "1",
    }
    grid = subprocess.Popen(
        [sys.executable, script, tmp_path / "out", json.dumps(LONG)], env=environment
    )
    runs = Plan("test", (RunSpec(**LONG), RunSpec(**TINY)))
    lock = tmp_path / "out" / RUNS / runs.check({})[0] / LOCK
    deadline = time.monotonic() + 60
    while not lock.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    report = run_grid(runs, tmp_path / "out", progress=False)  # the first run is the other grid's
    assert (report.done, report.left, report.failed) == (1, 1, {})
    grid.send_signal(signal.SIGKILL)
    grid.wait()
    deadline = time.monotonic() + 20
    free = False
    while not free and time.monotonic() < deadline:
        time.sleep(0.1)
        with locked(lock.parent) as free:
            pass
    assert free, "the worker of the killed grid is still at its run"
    state = Checkpoint.load(lock.parent / STATE)  # it saved before it went
    assert np.isfinite(state.meta["seconds"])
    assert state.meta["step"] > 0
