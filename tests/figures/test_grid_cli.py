"""The commands grid and zoo: one line per error, JSON, exit status, tables that fit 80 columns."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from loopstab.models.zoo import zoo
from loopstab.paper_figures.cli import main

LONG = "[[runs]]\nwidth = 16\nheads = 2\nbatch = 4\nbits = 64\nsteps = 1000000\n"


def call(capsys, *args):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, args)])
    return ended.value.code, capsys.readouterr()


@pytest.mark.parametrize(
    ("plan", "options", "words"),
    [
        ("[[runs]]\nsed = 1", (), "line 2: run 1: unknown key 'sed'"),
        ("", (), "lists no run"),
        (LONG, ("--data", "chess"), "TASK=FILE"),
        (LONG, ("--data", "chess=x"), "not a task of the plan"),
        (LONG, ("--jobs", "0"), "jobs"),
        (LONG, ("--device", "cuda:9"), "--device cpu"),
    ],
)
def test_wrong_requests(plan, options, words, tmp_path, capsys):
    (tmp_path / "p.toml").write_text(plan)
    status, out = call(
        capsys, "grid", "run", "--plan", tmp_path / "p.toml", "--out", tmp_path / "out", *options
    )
    assert status == 2
    assert words in out.err
    assert len(out.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_interruption_ends_the_workers_and_prints_one_line(tmp_path):
    (tmp_path / "p.toml").write_text(LONG)
    command = [
        sys.executable,
        "-m",
        "loopstab",
        "grid",
        "run",
        "--plan",
        tmp_path / "p.toml",
        "--out",
        tmp_path / "out",
        "--json",
    ]
    restore = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731  # a background shell sets it to be ignored
    grid = subprocess.Popen(
        command, start_new_session=True, preexec_fn=restore, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/runs/*/.lock")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    os.killpg(grid.pid, signal.SIGINT)
    _, err = grid.communicate(timeout=60)
    assert grid.returncode == 1
    assert err.startswith("loopstab: error: interrupted")
    assert len(err.strip().splitlines()) == 1
    with pytest.raises(ProcessLookupError):  # noqa: PT012  # the resource tracker of multiprocessing goes a moment later
        for _ in range(100):
            os.killpg(grid.pid, 0)
            time.sleep(0.1)
    assert not list(tmp_path.rglob("*.tmp"))


def test_zoo_tables_fit_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    status, out = call(capsys, "zoo", "list")
    assert status == 0
    assert max(map(len, out.out.splitlines())) <= 80
    for name in zoo.SHOWN:
        assert name in out.out
    status, out = call(capsys, "zoo", "list", "--json")
    assert [row["checkpoint"] for row in json.loads(out.out)] == zoo.names()
    status, out = call(capsys, "zoo", "show", "no-such")
    assert (status, len(out.err.strip().splitlines())) == (2, 1)
