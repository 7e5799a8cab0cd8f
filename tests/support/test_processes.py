"""Signals, locks and unfinished files, in real processes."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from loopstab.support import files, interruption
from loopstab.support.errors import LoopstabError
from loopstab.support.files import clear_unfinished, output_folder, unfinished_name, write_atomic
from loopstab.support.interruption import Terminated, deferred_interruption, terminable
from loopstab.support.locks import LOCK, exclusive_folder, locked


def _as_in_a_terminal() -> None:
    """Undo what a shell in the background and nohup set: children inherit ignored signals."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _interruptible():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def child(code: str, *arguments):
    """A Python process that has printed a line, so that it is known to be where it should be."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_in_a_terminal,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


WAITS = """
import time
from loopstab.support.command_line import run_command

def wait():
    print("ready")
    time.sleep(60)
    return 0

raise SystemExit(run_command(wait))
"""


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
        (signal.SIGINT, 1, "interrupted"),
    ],
)
def test_a_command_ends_with_one_line(number, status, words):
    with child(WAITS) as process:
        start = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert time.monotonic() - start < 5
    assert process.returncode == status
    assert errors.startswith(f"loopstab: error: {words}; no file is half-written")
    assert errors.count("\n") == 1


def test_a_signal_that_is_ignored_stays_ignored():
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + WAITS
    with child(code) as process:
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        assert process.wait(10) == 143


def test_a_signal_is_not_lost_in_a_library_that_turns_or_drops_what_is_raised(monkeypatch):
    def turned():
        with terminable():
            try:
                raised(signal.SIGTERM)
            except Terminated:
                raise ValueError("argument 1: Terminated: 15") from None

    def dropped():
        with terminable():
            with contextlib.suppress(Terminated):
                raised(signal.SIGTERM)
            time.sleep(5)
            pytest.fail("the signal was lost")

    monkeypatch.setattr(interruption, "LOST", 0.05)
    for work in (turned, dropped):
        with pytest.raises(Terminated):
            work()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def raised(number: int) -> None:
    """Send a signal to this process, and let its handler run."""
    os.kill(os.getpid(), number)
    for _ in range(100):
        time.sleep(0.001)


def test_work_comes_to_a_good_end_before_the_signal_is_raised():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work(number):
        with deferred_interruption() as interrupted:
            seen.append(interrupted())
            raised(number)
            seen.append(interrupted())

    with pytest.raises(Terminated) as ended:
        work(signal.SIGTERM)
    assert ended.value.exit_status == 143
    with pytest.raises(KeyboardInterrupt):
        work(signal.SIGINT)
    assert seen == [False, True] * 2
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("grace", [0.05, 60.0])
def test_work_that_does_not_end_is_cut(grace):
    """By the clock, or by a second signal."""

    def work():
        with deferred_interruption(grace):
            raised(signal.SIGTERM)
            if grace > 1:
                raised(signal.SIGTERM)
            time.sleep(5)
            pytest.fail("the work was not cut")

    with pytest.raises(Terminated):
        work()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_other_threads_leave_signals_alone():
    found = []

    def work():
        with terminable(), deferred_interruption() as interrupted:
            found.append(interrupted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


HOLDS = """
import sys, time
from loopstab.support.locks import exclusive_folder
with exclusive_folder(sys.argv[1]):
    print("ready")
    time.sleep(60)
"""


def test_a_folder_belongs_to_one_process_until_it_ends(tmp_path):
    def enter():
        with exclusive_folder(tmp_path) as folder, locked(folder) as again:
            return again

    with child(HOLDS, tmp_path) as holder:
        with pytest.raises(LoopstabError, match="another process is writing"):
            enter()
        holder.kill()
        holder.wait()
    assert enter() is False  # it holds the lock itself
    assert [file.name for file in tmp_path.iterdir()] == [LOCK]


WRITES = """
import os, sys
from loopstab.support import files
def stop(*_, **__):
    print("ready")
    os.kill(os.getpid(), 9)
setattr(os, sys.argv[2], stop)
files.write_atomic(sys.argv[1] + "/result.json", b"x" * 100_000)
"""


@pytest.mark.parametrize("step", ["fsync", "link", "replace"])
def test_a_killed_process_leaves_nothing(tmp_path, step):
    (tmp_path / "result.json").write_text("old")
    with child(WRITES, tmp_path, step) as process:
        assert process.wait(10) == -signal.SIGKILL
    output_folder(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]
    assert (tmp_path / "result.json").read_text() == "old"


def test_without_nameless_files_the_next_run_clears_up(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "isdir", lambda path: False)
    assert write_atomic(tmp_path / "a", "new").read_text() == "new"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = unfinished_name("state.safetensors")
    assert re.fullmatch(r"\.state\.safetensors\..+\.\d+\.\d+\.tmp", mine)
    dead = mine.replace(f".{os.getpid()}.", f".{ended.pid}.")
    earlier = mine.replace(f".{files._START}.", ".1.")  # the number was used before, as in Docker
    elsewhere = dead.replace(f".{files._HOST}.", ".another-host.")
    for name in (mine, dead, earlier, elsewhere, ".other.tmp"):
        (tmp_path / name).write_text("half")
    assert {path.name for path in clear_unfinished(tmp_path)} == {dead, earlier}
    assert {path.name for path in tmp_path.iterdir()} == {"a", mine, elsewhere, ".other.tmp"}


def test_the_longest_names_are_written(tmp_path):
    for name in ("n" * 255, "\u03c1" * 127):
        assert write_atomic(tmp_path / name, "x").read_text() == "x"
    with pytest.raises(LoopstabError, match="File name too long"):
        write_atomic(tmp_path / ("n" * 256), "x")
    assert len(list(tmp_path.iterdir())) == 2


def test_the_grace_of_a_command_is_below_five_seconds():
    assert interruption.GRACE <= 3
    assert Path("/proc/self/fd").is_dir() or sys.platform != "linux"


STARTS = """
import os, sys, time
from joblib import Parallel
from loopstab.support.worker_processes import tied

def work(folder, number):
    open(f"{folder}/{os.getpid()}", "w").close()
    if len(os.listdir(folder)) == 2:
        os.write(1, b"ready\\n")
    time.sleep(60)

Parallel(n_jobs=2)(tied(work)(sys.argv[1], number) for number in range(2))
"""


def test_processes_of_joblib_end_with_their_parent(tmp_path):
    with child(STARTS, tmp_path) as parent:
        numbers = [int(file.name) for file in tmp_path.iterdir()]
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 10
        while any(map(runs, numbers)) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(numbers) == 2
    assert not any(map(runs, numbers))


def runs(number: int) -> bool:
    """Whether a process runs; one that has ended and that nobody waits for does not."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
