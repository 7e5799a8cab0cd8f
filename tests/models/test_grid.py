"""Plans and grids: order, budget, what a wrong plan says, and what is left when processes die."""

import dataclasses
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
from loopstab.models.grid.plan import PLANS, Plan
from loopstab.models.grid.run_grid import RESULTS, gather, plan_jobs, run_grid
from loopstab.models.grid.workers import RUNS, Job
from loopstab.models.network.checkpoint import Checkpoint
from loopstab.models.tasks.chess.endgames import table
from loopstab.models.tasks.registry import make_task
from loopstab.models.tasks.sudoku.sudoku_task import SudokuTask
from loopstab.models.tasks.table import Table
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


def write(path, text):
    path.write_text(text)
    return path


# Plans


def test_lists_expand_with_the_first_key_slowest_and_tasks_have_defaults_of_their_own(tmp_path):
    text = """
[defaults]
lr = [0.1, 0.2]
width = 8
[tasks.sudoku]
lr = [0.3]
steps = 7
[tasks.prefix-sums]
width = 16
[[runs]]
task = ["prefix-sums", "sudoku"]
seed = [1, 2]
width = 32
[[runs]]
task = "chess"
lr = 1
[[runs]]
task = "chess"
lr = 1.0
"""
    runs = Plan.load(write(tmp_path / "p.toml", text)).runs
    seen = [(r.lr, r.task, r.seed, r.width, r.steps) for r in runs]
    pre, sud = "prefix-sums", "sudoku"
    assert seen == [
        (0.1, pre, 1, 32, 2000),
        (0.1, pre, 2, 32, 2000),
        (0.3, sud, 1, 32, 7),
        (0.3, sud, 2, 32, 7),
        (0.2, pre, 1, 32, 2000),
        (0.2, pre, 2, 32, 2000),
        (1.0, "chess", 0, 8, 2000),
    ]


WRONG = [
    ("runs = 3", "line 1: runs must be tables"),
    ("[[runs]]\nseed = 0\nwidht = 64", "line 3: run 1: unknown key 'widht'"),
    (
        "[defaults]\nwidth = 8\n[[runs]]\nseed = 0\n[[runs]]\nseed = 1\nwidth = '64'",
        "line 7: run 2: width must be a whole number from 1 to 65536, not '64'",
    ),
    ("[[runs]]\nlr = true", "line 2: run 1: lr must be a finite number above 0 up to 1e+06, not"),
    ("[[runs]]\nseed = [0, 1.5]", "line 2: run 1: seed must be a whole number from 0 to"),
    ("[[runs]]\nlr = nan", "line 2: run 1: lr must be a finite number"),
    ("[[runs]]\nseed = 0\nlr = inf", "line 3: run 1: lr must be a finite number"),
    ("[[runs]]\nwidth = 9999999999", "line 2: run 1: width must be a whole number from 1 to 65536"),
    ("[[runs]]\nsteps = 1e3", "line 2: run 1: steps must be a whole number"),
    ("[[runs]]\nbits = 1979-05-27", "line 2: run 1: bits must be a whole number from 1"),
    (
        "[[runs]]\nbits = [[8]]",
        "line 2: run 1: bits must be a whole number from 1 to 100000, not a",
    ),
    ("[[runs]]\ntask = [[8]]", "line 2: run 1: task must be a text, not a list"),
    ("[[runs]]\ntask = 1979-05-27", "line 2: run 1: task must be a text, not a date"),
    ("[[runs]]\nwindow = -3", "line 2: run 1: window must be a whole number from 0"),
    (f"[[runs]]\nseed = 1{'0' * 3000}", "not a number of more than 20 digits"),
    (f"[[runs]]\nseed = 1{'0' * 5000}", "not a TOML file"),
    (f"[[runs]]\nseed = {'[' * 100_000}", "nested too deep"),
    (f"[[runs]]\nseed = {[0] * 1000}\nsteps = {[1] * 1000}", "stand for 1000000 runs, more than"),
    (
        f"[[runs]]\n{''.join(f'{k} = [1, 1, 1]; '.replace('; ', chr(10)) for k in 'abcdefghijkl')}",
        "stand for 531441 runs",
    ),
    (
        f"[tasks.kqk]\nseed = {[0] * 99_999}\n[[runs]]\ntask = ['kqk', 'krk']\nlr = [1, 2]",
        "stand for 200000 runs",
    ),
    (f"# {'x' * 2**20}", "it has more than 1048576 bytes"),
    ("[default]\nwidth = 8", "line 1: unknown key 'default'"),
    ("[tasks]\nsudoku = 3\n[[runs]]", "line 1: tasks must be tables"),
    ("[tasks.sudoku]\nsed = 3\n[[runs]]\ntask = 'sudoku'", "line 2: run 1: unknown key 'sed'"),
    ("name = 3\n[[runs]]", "line 1: name must be a text"),
    ("", "lists no run"),
    ("runs = []", "lists no run"),
    ("[[runs]]\nseed = []", "lists no run"),
    ("a = = 3", "not a TOML file"),
]


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_plans(text, words, tmp_path):
    file = write(tmp_path / "p.toml", text)
    with pytest.raises(UsageError) as error:
        Plan.load(file)
    assert words in str(error.value)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


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


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """Files of the right kinds: 4x4 grids for sudoku, endgames for chess."""
    folder = tmp_path_factory.mktemp("data")
    small = table(("Q",))
    chess = Table.build(
        small.cells, small.difficulty, small.split, small.line, {**small.meta, "kind": "chess"}
    )
    return {
        "sudoku": SudokuTask.generated(2, rows=400).table.save(folder / "sudoku.safetensors"),
        "chess": chess.save(folder / "chess.safetensors"),
    }


@pytest.mark.parametrize(("name", "count"), [("paper", 480), ("core", 72)])
def test_shipped_plans(name, count, stand_ins):
    shipped = Plan.load(name)
    ids = shipped.check(stand_ins)  # builds every run's configuration
    assert len(ids) == len(set(ids)) == count
    recall, norm = zip(*(r.architecture.split("/", 1) for r in shipped.runs), strict=True)
    assert (set(recall), set(norm)) == (
        {"internal", "external", "none", "fixed"},
        {"pre", "peri", "peri/gru", "post"},
    )
    for run in shipped.runs:
        assert (run.width, run.heads, run.batch, run.precision) == (256, 8, 500, "bf16")
        schedule = run.config(make_task(run.task, data=stand_ins.get(run.task))).schedule
        assert schedule.kind == (
            "length-curriculum"
            if name == "core" and run.task == "prefix-sums" and "fixed" not in run.architecture
            else "fixed-steps"
        )
        assert getattr(schedule, "loops", 30) == (1 if "fixed" in run.architecture else 30)
    if name == "core":
        for n in range(0, 72, 3):
            assert len({r.architecture for r in shipped.runs[n : n + 3]}) == 1
    else:
        assert sum(r.task == "sudoku" for r in shipped.runs) == 16 * 4 * 3


@pytest.mark.parametrize(("name", "count"), [("desk", 35), ("lease", 25)])
def test_plans_of_the_recipe_compare_recall_at_one_gradient_form(name, count, stand_ins):
    """Every run without recall has partners with recall that differ in nothing else."""
    shipped = Plan.load(name)
    ids = shipped.check(stand_ins)
    assert len(ids) == len(set(ids)) == count
    for run in shipped.runs:
        if run.architecture.startswith("none/"):
            for recall in ("internal/", "external/"):
                assert (
                    dataclasses.replace(run, architecture=run.architecture.replace("none/", recall))
                    in shipped.runs
                )
    first = shipped.runs[0]
    assert (first.supervision, first.positions, first.optimizer) == ("each", "one-hot", "muon")


def test_core_compares_recall_at_one_gradient_form(stand_ins):
    runs = Plan.load("core").runs
    for run in runs:
        if run.architecture.startswith("none/"):
            for recall in ("internal/", "external/"):
                other = dataclasses.replace(
                    run,
                    architecture=run.architecture.replace("none/", recall),
                    encoder_gradient="full",
                )
                assert other in runs


def test_every_shipped_plan_loads():
    assert {p.stem for p in PLANS.glob("*.toml")} >= {"cpu", "core", "desk", "lease", "paper"}
    assert all(Plan.load(p.stem).runs for p in PLANS.glob("*.toml"))
    with pytest.raises(UsageError, match=r"shipped plans \(core, cpu, desk, lease, paper\)"):
        Plan.load("nano")


# Grids. A worker imports torch, which takes seconds: each test starts as few as it can.


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
    report = run_grid(runs, tmp_path, minutes=7 / 60, progress=False)  # the runs would take hours
    assert (report.done, report.left, report.failed) == (0, 2, {})
    (state,) = tmp_path.rglob(STATE)
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
    script = write(tmp_path / "grid.py", GRID)
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
