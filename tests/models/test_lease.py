"""A lease from end to end on the CPU, with only the packages of a bare GPU machine; killed,
resumed, packed, and what a wrong request says.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopstab.models.grid.lease import CACHE, FILES, REPORT, lease, main, pack_lease, unpack
from loopstab.models.grid.machine_check import MachineCheck, check_machine, matmul_rate
from loopstab.models.grid.pack import LIMIT
from loopstab.models.grid.plan import Plan
from loopstab.models.grid.workers import RUNS
from loopstab.models.network.checkpoint import Checkpoint
from loopstab.models.network.metadata import entries, read_metadata
from loopstab.models.training.run_spec import RunSpec
from loopstab.models.training.saved_state import STATE
from loopstab.models.training.train import RESULT
from loopstab.support.errors import LoopstabError

ROOT = Path(__file__).resolve().parents[2]
PLAN = """
name = "tiny"
[defaults]
width = 16
heads = 2
batch = 4
loops = 4
steps = {steps}
eval_size = 8
positions = "one-hot"
optimizer = "muon"
supervision = "each"
gradient_loops = 2
encoder_gradient = "full"
[[runs]]
task = "sudoku-4x4"
architecture = ["internal/post", "none/post"]
"""
# Read by every interpreter of the command, its workers too: a bare GPU machine has these packages
# not. torch brings what it needs.
BARE = """
import sys
from importlib.abc import MetaPathFinder
ABSENT = set("z3 flint tyro rich submitit chess zstandard beartype jaxtyping pytest".split())
class Bare(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ImportError(name + " is not on this machine")
sys.meta_path.insert(0, Bare())
"""


@pytest.fixture
def plan(tmp_path):
    def write(steps=3):
        file = tmp_path / "tiny.toml"
        file.write_text(PLAN.format(steps=steps))
        return file

    return write


@pytest.fixture
def bare(tmp_path):
    """The command line and the environment of a lease on the CPU."""
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(BARE)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "loopstab").symlink_to(ROOT)  # as the help of the command says
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path / 'bare'}{os.pathsep}{tmp_path / 'site'}",
        "OMP_NUM_THREADS": "1",
    }
    fixed = [
        sys.executable,
        "-m",
        "loopstab.models.grid.lease",
        "--device",
        "cpu",
        "--threads",
        "1",
        "--jobs",
        "1",
        "--slow-is-fine",
    ]
    return fixed, {"env": environment, "cwd": tmp_path}


def run(bare, *arguments):
    words, options = bare
    return subprocess.run(
        [*words, *map(str, arguments)], capture_output=True, text=True, timeout=280, **options
    )


def test_the_machine_of_these_tests_is_bare(bare, tmp_path):
    blocked = subprocess.run(
        [sys.executable, "-c", "import z3"], capture_output=True, text=True, check=False, **bare[1]
    )
    assert "not on this machine" in blocked.stderr
    code = "import loopstab; print(loopstab.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, **bare[1]
    )
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)


@pytest.mark.slow
def test_from_end_to_end(bare, plan, tmp_path):
    out = tmp_path / "out"
    done = run(
        bare,
        "--plan",
        plan(3),
        "--out",
        out,
        "--work",
        tmp_path / "work",
        "--budget-minutes",
        "5",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["grid"]["done"], report["grid"]["left"]) == (2, 0)
    assert report["check"]["graphs"] in (1, 2)  # folded or not
    files = [file for file in out.iterdir() if file.is_file()]
    assert sorted(file.name for file in files) == sorted(report["files"])
    assert CACHE in report["files"]
    assert len(files) <= FILES
    assert max(file.stat().st_size for file in files) <= LIMIT
    runs = entries(out / "shard-0.safetensors")
    assert {meta["run"]["architecture"] for meta in runs.values()} == {"internal/post", "none/post"}
    assert all(
        meta["run"]["steps"] == 3 and meta["run"]["choice"]["loops"] in meta["run"]["loops"]
        for meta in runs.values()
    )
    again = run(
        bare,
        "--plan",
        plan(3),
        "--out",
        out,
        "--work",
        tmp_path / "fresh",
        "--compile-cache",
        out / CACHE,
        "--budget-minutes",
        "1",
    )
    assert again.returncode == 0, again.stderr
    assert "tiny: 2 done, 0 left, 0 failed" in again.stdout
    assert list((tmp_path / "fresh" / "compiled").iterdir())


@pytest.mark.slow
def test_killed_in_the_middle(bare, plan, tmp_path):
    """kill -9 leaves the last state, a second machine goes on with it, and the end of the budget
    leaves a later one.
    """
    out, work, words = (
        tmp_path / "out",
        tmp_path / "work",
        ["--plan", str(plan(10**6)), "--no-compile"],
    )
    command = [*bare[0], *words, "--out", str(out), "--work", str(work), "--budget-minutes", "5"]
    with open(tmp_path / "log", "w") as log:
        first = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **bare[1])
        end = time.monotonic() + 200
        while not list(work.glob(f"{RUNS}/*/{STATE}")) and time.monotonic() < end:
            assert first.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.2)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    (state,) = work.glob(f"{RUNS}/*/{STATE}")
    begun = read_metadata(state)["step"]
    assert begun > 0
    name = f"state-{state.parent.name}.safetensors"
    assert pack_lease(work, out) == [REPORT, name, CACHE]
    shutil.rmtree(work)
    for minutes in (0.6, 2, 4):  # on a busy machine a short budget ends before the first step
        done = run(bare, *words, "--out", out, "--work", work, "--budget-minutes", minutes)
        assert done.returncode == 0, done.stderr
        if read_metadata(out / name)["step"] > begun:
            break
    assert "tiny: 0 done, 2 left, 0 failed" in done.stdout
    assert "too few for sudoku-4x4 internal/post" in done.stderr
    assert read_metadata(out / name)["step"] > begun


def test_finished_and_begun_runs_come_back_from_what_was_packed(plan, tmp_path):
    from loopstab.models.training.train import Trainer

    runs = Plan.load(plan()).runs
    for spec, finish in zip(runs, (True, False), strict=True):
        config, task = spec.build()
        name = spec.id(task.fingerprint())
        trainer = Trainer(config, task, tmp_path / "work" / RUNS / name, run_id=name)
        assert (
            trainer.run(progress=False, stop=lambda finish=finish: not finish) is not None
        ) == finish
    out = tmp_path / "out"
    out.mkdir()
    pack_lease(tmp_path / "work", out)
    assert unpack(out, tmp_path / "back") == 2
    assert unpack(out, tmp_path / "back") == 0
    for spec, file in zip(runs, (RESULT, STATE), strict=True):
        a, b = (
            tmp_path / folder / RUNS / spec.id(task.fingerprint()) / file
            for folder in ("work", "back")
        )
        assert (
            b.read_bytes() == a.read_bytes()
            if file == STATE
            else json.loads(b.read_text()) == json.loads(a.read_text())
        )
    (out / "shard-0.safetensors").write_bytes(b"cut off")
    with pytest.raises(LoopstabError, match="corrupt or truncated"):
        unpack(out, tmp_path / "other")


def test_no_more_files_than_come_back(tmp_path, capsys):
    for i in range(10):
        folder = tmp_path / "work" / RUNS / f"{i}"
        folder.mkdir(parents=True)
        Checkpoint({}, {"step": i}).save(folder / STATE)
    (tmp_path / "work" / "compiled").mkdir()
    (tmp_path / "out").mkdir()
    kept = pack_lease(tmp_path / "work", tmp_path / "out")
    assert kept == [REPORT, *(f"state-{i}.safetensors" for i in range(FILES - 1))]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(kept[1:])
    assert "state-9.safetensors, " + CACHE in capsys.readouterr().err


def measured(step_ms, expected_ms=10.0):
    return MachineCheck("cpu", "2", 1, 1, 1, {}, step_ms, expected_ms, 0.1, 0, 1, None, None, 1)


def test_a_slow_machine_ends_the_lease_before_it_trains(plan, tmp_path, monkeypatch):
    monkeypatch.setattr("loopstab.models.grid.lease.check_machine", lambda *_: measured(25.0))
    with pytest.raises(LoopstabError, match=r"25\.0 ms, over twice the 10\.0 expected"):
        lease(Plan.load(plan()), {}, tmp_path / "out", minutes=1, device="cpu")
    assert not (tmp_path / "out" / "work" / RUNS).exists()


def test_a_budget_too_short_is_said_and_leaves_a_report(plan, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("loopstab.models.grid.lease.check_machine", lambda *_: measured(12.0))
    report = lease(Plan.load(plan(10**6)), {}, tmp_path / "out", minutes=0.01, device="cpu")
    assert report["grid"] is None
    assert "too few for sudoku-4x4 internal/post" in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / REPORT).read_text())["files"] == [REPORT, CACHE]


def test_losses_that_disagree(monkeypatch):
    from loopstab.models.training.loss import Objective

    call = Objective.__call__

    def wrong(self, *arguments, **options):
        return call(self, *arguments, **options) * (1.5 if options["arithmetic"].fused else 1)

    monkeypatch.setattr(Objective, "__call__", wrong)
    with pytest.raises(LoopstabError, match="the fused loss"):
        check_machine(
            RunSpec(task="sudoku-4x4", width=16, heads=2, batch=2, loops=2), None, "cpu", False
        )


def test_rates_are_positive():
    import torch

    assert matmul_rate(torch.float32, "cpu") > 0


WRONG = [
    (["--device", "cuda:99"], "no device"),
    (["--budget-minutes", "0"], "budget must be positive"),
    (["--data", "sudoku"], "TASK=FILE"),
    (["--data", "chess=x"], "chess"),
    (["--plan", "no-such"], "shipped plans"),
    (["--compile-cache", "no-such-file"], "leave --compile-cache out"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_requests(plan, tmp_path, capsys, arguments, words):
    base = [
        "--plan",
        str(plan()),
        "--out",
        str(tmp_path / "out"),
        "--device",
        "cpu",
        "--budget-minutes",
        "1",
    ]
    assert main([*base, *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_data_that_have_changed(plan, tmp_path):
    """The identity of a run holds the fingerprint of its data: other data are another run, and an
    earlier state is left alone.
    """
    from loopstab.models.tasks.sudoku.sudoku_task import SudokuTask

    text = plan().read_text().replace("sudoku-4x4", "sudoku")
    (tmp_path / "tiny.toml").write_text(text)
    ids = [
        Plan.load(tmp_path / "tiny.toml").check(
            {
                "sudoku": (
                    SudokuTask.generated(2, rows=300, seed=s).table.save(
                        tmp_path / f"{s}.safetensors"
                    )
                )
            }
        )
        for s in (0, 1)
    ]
    assert not set(ids[0]) & set(ids[1])


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", os.environ.get("TORCHINDUCTOR_CACHE_DIR", ""))
    if not os.environ["TORCHINDUCTOR_CACHE_DIR"]:
        monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
