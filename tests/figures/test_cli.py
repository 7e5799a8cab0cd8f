"""The console command: exit status, one-line errors, JSON, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from loopstab.models.network.checkpoint import save_model
from loopstab.models.network.model_config import ModelConfig
from loopstab.models.network.transformer import LoopedTransformer
from loopstab.models.tasks.prefix_sums import PrefixSums
from loopstab.numerics.spectra.profile import MEANING
from loopstab.paper_figures.cli import commands
from loopstab.theory.architecture import Architecture

LOOPSTAB = [sys.executable, "-m", "loopstab"]


def run(*args):
    """Run a command as a process of its own."""
    return subprocess.run([*LOOPSTAB, *map(str, args)], capture_output=True, text=True, timeout=120)


HEAVY = ("numpy", "scipy", "sympy", "z3", "flint", "torch", "matplotlib", "rich", "hypothesis")


@pytest.mark.parametrize("command", commands())
def test_help_has_a_summary_an_example_and_the_exit_status(command, called):
    shown = called(command, "--help")
    summary = commands()[command]
    assert len(summary) <= 65
    assert summary.endswith(".")
    assert f"\n\n{summary}\n\n" in shown
    assert "\n\nExample" in shown
    assert "\n\nExit status: " in shown


def test_the_console_command_is_a_process_with_an_exit_status():
    done, refused = run("count", "--help"), run("claims", "Z9")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n\nExit status: " in done.stdout
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "unknown claim" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_help_is_printed_without_heavy_imports():
    code = "import contextlib, sys; from loopstab.paper_figures.cli import commands, main\n"
    code += "for command in commands():\n"
    code += "    with contextlib.suppress(SystemExit):\n"
    code += "        main([command, '--help'])\n"
    code += f"sys.exit(', '.join(sorted({set(HEAVY)} & sys.modules.keys())))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""


USAGE = [
    (["train", "--architecture", "inner/post", "--out", "OUT"], "unknown recall"),
    (["train", "--width", "30", "--heads", "4", "--out", "OUT"], "not divisible"),
    (["phase", "--grid", "24", "--out", "OUT"], "ROWSxCOLUMNS"),
    (["phase", "--grid", "1x2", "--out", "OUT"], "whole number from 2"),
    (["phase", "--grid", "2x2", "--residual", "-1", "--out", "OUT"], "residual"),
    (["phase", "--law", "cubic", "--out", "OUT"], "unknown law"),
    (["phase", "--x", "beta:1:1", "--out", "OUT"], "no range"),
    (["phase", "--x", "sigma:1:2", "--y", "sigma:1:2", "--out", "OUT"], "both axes"),
    (["phase", "--set", "gamma=1", "--out", "OUT"], "no parameter"),
    (["phase", "--set", "width=big", "--out", "OUT"], "NAME=VALUE"),
    (["phase", "--width", "20", "--set", "width=30", "--out", "OUT"], "disagree"),
    (["scaling", "--widths", "50", "--out", "OUT"], "two different widths"),
    (["scaling", "--jobs", "0", "--out", "OUT"], "jobs from 1 to 1024"),
    (["scaling", "--residual", "nan", "--out", "OUT"], "residual >= 0"),
    (["phase", "--grid", "2x2", "--jobs", "0", "--out", "OUT"], "jobs from 1 to 1024"),
    (["phase", "--residual", "nan", "--out", "OUT"], "residual strength"),
    (["count", "--jobs", "0"], "jobs from 1 to 1024"),
    (["count", "--branch", "1", "--jobs", "0"], "jobs from 1 to 1024"),
    (["count", "--seed", "-1"], "a seed from 0"),
    (["count", "--sizes"], "--sizes has 0 entries"),
    (["count", "--max-boxes", "0"], "--max-boxes must be a whole number from 1"),
    *[
        ([*words, "--seed", "-1"], "seed")
        for words in (
            ["train", "--out", "OUT"],
            ["report", "--out", "OUT"],
            ["crossvalidate"],
            ["diagnose", "internal-post"],
        )
    ],
    (["attack", "A1", "--minutes", "-1"], "--minutes must be a finite number above 0"),
    (["claims", "Z9"], "unknown claim"),
    (["claims", "--table", "--mutants"], "use one of --table"),
    (["crossvalidate", "no-such"], "no shipped checkpoint"),
    (["zoo", "verify", "internal-post", "no-such"], "no shipped checkpoint"),
    (["zoo", "verify", "sudoku-w256-none-post-s0"], "needs a data file"),
    (["zoo", "verify", "--data", "sudoku"], "write TASK=FILE"),
    (["grid", "run", "--out", "OUT", "--data", "=x"], "write TASK=FILE"),
    (["train", "--out", "OUT", "--supervision", "first"], "use one of last, each"),
    (["train", "--out", "OUT", "--positions", "one-hot"], "leave --positions out"),
    (["crossvalidate", "OUT/none.safetensors"], "no checkpoint"),
    (["diagnose", "OUT/none.py"], "no Python file"),
]


@pytest.mark.parametrize(
    ("args", "words"), USAGE, ids=[" ".join(map(str, a[:4])) for a, _ in USAGE]
)
def test_wrong_requests_end_with_one_line_and_status_two(args, words, tmp_path, called):
    shown = called(*[a.replace("OUT", str(tmp_path)) for a in args], status=2)
    assert words in shown
    assert len(shown.strip().splitlines()) == 1


def test_unwritable_out(tmp_path, called):
    (tmp_path / "file").write_text("in the way")
    for command in (["train"], ["phase", "--grid", "2x2"], ["report", "--quick"]):
        shown = called(*command, "--out", tmp_path / "file", status=2)
        assert "choose another --out" in shown
    assert (tmp_path / "file").read_text() == "in the way"


LOOPS = {
    "good": ("h * 0.5 + e", 0, "fixed-point"),
    "shape": ("h[:-1]", 2, "keep the shape"),
    "dtype": ("h.astype('float32')", 2, "cast"),
    "nan": ("h * float('nan')", 2, "NaN"),
    "raises": ("np.ones((2, 4)) @ h", 2, "line 4: step raised ValueError"),
}


FILES = {
    "not a function": ("step = 3", "step is int, not a function"),
    "empty": ("e = np.ones(0)", "empty array"),
    "exits": ("import sys; sys.exit('bye')", "SystemExit: bye"),
}


@pytest.mark.parametrize(("line", "words"), FILES.values(), ids=FILES)
def test_diagnose_names_what_is_wrong_with_a_file(line, words, tmp_path, called):
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\ne = np.ones(3)\ndef step(h, e):\n    return h\ndef initial(e):\n   "
        f" return e\n{line}\n"
    )
    shown = called("diagnose", file, status=2)
    assert words in shown
    assert len(shown.strip().splitlines()) == 1


@pytest.mark.parametrize("name", LOOPS)
def test_diagnose_a_file(name, tmp_path, called):
    body, status, word = LOOPS[name]
    file = tmp_path / "mine.py"
    file.write_text(
        f"import numpy as np\ne = np.ones(3)\ndef step(h, e):\n    return {body}\ndef initial(e):\n"
        "    return e.copy()\n"
    )
    shown = called("diagnose", file, "--json", status=status)
    if status == 0:
        assert json.loads(shown)["outcome"] == word
    else:
        assert word in shown
        assert len(shown.strip().splitlines()) == 1


def test_phase_writes_figures_and_data_and_goes_on_from_its_samples(tmp_path, called):
    command = (
        "phase",
        "--width",
        "30",
        "--grid",
        "3x3",
        "--jobs",
        "1",
        "--seed",
        "0",
        "--out",
        tmp_path,
        "--json",
    )
    assert json.loads(called(*command))["grid"] == "3x3"
    maps = ("phase", "phase-outcome", "phase-iterations", "phase-sensitivity", "phase-disagreement")
    assert {p.name for p in tmp_path.iterdir()} == {
        ".lock",
        "phase.npz",
        "phase.json",
        "samples",
        *(f"{m}.{kind}" for m in maps for kind in ("png", "svg", "pdf")),
    }
    assert json.loads((tmp_path / "phase.json").read_text())["settings"]["width"] == 30
    (shard,) = (tmp_path / "samples").iterdir()
    assert json.loads(called(*command))["samples_measured"] == 0
    shard.write_bytes(b"broken")
    with pytest.warns(UserWarning, match="damaged"):
        assert json.loads(called(*command))["samples_measured"] == 9


def test_maps_that_a_law_does_not_have_are_removed(tmp_path, called):
    law, out = tmp_path / "mine.py", tmp_path / "out"
    law.write_text("def step(h, e, a=0.5, b=1.0):\n    return a * h + b * e\n")
    out.mkdir()
    old = [out / f"phase-disagreement.{kind}" for kind in ("png", "svg", "pdf")]
    for file in old:
        file.write_text("of another law")
    axes = ("--x", "a:0.1:0.5", "--y", "b:0.1:1", "--grid", "2x2")
    printed = called("phase", "--law", law, *axes, "--jobs", "1", "--out", out)
    assert (out / "phase.pdf").exists()
    assert not any(file.exists() for file in old)
    assert "outcomes: {'fixed-point': 4}" in printed
    assert "None" not in printed  # nothing is said of a closed form that the law does not have


def test_scaling_writes_figure_and_data(tmp_path, called):
    shown = called(
        "scaling",
        "--widths",
        "10",
        "20",
        "--draws",
        "3",
        "--points",
        "5",
        "--out",
        tmp_path,
        "--json",
    )
    assert {p.name for p in tmp_path.iterdir()} == {
        ".lock",
        "scaling.json",
        "scaling.pdf",
        "scaling.png",
        "scaling.svg",
    }
    assert json.loads(shown) == json.loads((tmp_path / "scaling.json").read_text())


def test_corrupt_checkpoint(tmp_path, called):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{broken")
    assert "corrupt or truncated" in called("crossvalidate", file, status=1)


def test_interrupted_training_says_so_and_resumes(tmp_path):
    args = [
        *LOOPSTAB,
        "train",
        "--width",
        "16",
        "--heads",
        "2",
        "--bits",
        "4",
        "--steps",
        "100000",
        "--threads",
        "1",
        "--out",
        str(tmp_path),
    ]
    # a shell that started the tests in the background has set SIGINT to be ignored, and children
    # inherit that
    restore = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    process = subprocess.Popen(
        args,
        preexec_fn=restore,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / ".lock").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "interrupted" in rest.strip().splitlines()[-1]
    assert "Traceback" not in rest
    assert not list(tmp_path.glob(".*.tmp"))


def test_diagnose_measures_the_spectrum_of_a_file_and_says_what_it_could_not(tmp_path, called):
    file = tmp_path / "mine.py"
    body = (
        "def step(h, e):\n    return np.array([0.5, {}]) * h + e\ndef initial(e):\n    return 0"
        " * e\n"
    )
    file.write_text("import numpy as np\ne = np.array([1.0, 0.0])\n" + body.format(0.9))
    spectrum = json.loads(called("diagnose", file, "--spectrum", "--json"))["spectrum"]
    found = spectrum["measurements"]
    assert not spectrum["failed"]
    assert found["spectral_radius"]["value"] == pytest.approx(0.9, rel=1e-6)
    assert found["resolvent_norm"]["value"] == pytest.approx(10, rel=1e-4)
    assert found["sensitivity_norm"]["value"] == pytest.approx(10, rel=1e-4)
    assert all(m["residual"] < 1e-2 and m["products"] > 0 for m in found.values())
    file.write_text("import numpy as np\ne = np.array([1.0, 0.0])\n" + body.format(1.0))
    assert "not measured: the system (z - J) x = b" in called("diagnose", file, "--spectrum")


def test_diagnose_a_checkpoint(tmp_path, called):
    task = PrefixSums(4)
    model = LoopedTransformer(ModelConfig(Architecture.parse("internal/post"), width=8, heads=2))
    run_record = {"task": "prefix-sums", "data": task.fingerprint(), "level_reached": "4"}
    file = save_model(tmp_path / "model.safetensors", model, {"run": run_record})
    found = json.loads(
        called("diagnose", file, "--loops", "400", "--lyapunov-loops", "20", "--json")
    )
    assert found["outcome"] == "fixed-point"
    measured = found["spectrum"]["measurements"]
    assert set(measured) | set(found["spectrum"]["failed"]) == set(MEANING)
    assert (
        1 > found["rho"]["value"] == pytest.approx(measured["spectral_radius"]["value"], rel=1e-6)
    )
    assert "sensitivity_norm" in measured
    assert "norm of dh*/de" in called("diagnose", file, "--loops", "400", "--lyapunov-loops", "20")
    assert "no level '7'" in called("diagnose", file, "--level", "7", status=2)
    assert "no shipped checkpoint" in called("diagnose", "no-such", status=2)


def test_certified_counts_are_written(called, tmp_path):
    args = (
        "count",
        "--sizes",
        "1",
        "--gains",
        "2",
        "4",
        "--networks",
        "5",
        "--out",
        str(tmp_path / "out"),
        "--json",
    )
    rows = json.loads(called(*args))
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        ".lock",
        "count.json",
        "count.pdf",
        "count.png",
        "count.svg",
    }
    assert json.loads((tmp_path / "out" / "count.json").read_text()) == rows
    (tmp_path / "file").write_text("")
    assert "file" in called("count", "--networks", "1", "--out", str(tmp_path / "file"), status=2)


def test_certify_branches(called):
    args = [
        "count",
        "--ensemble",
        "tanh",
        "--sizes",
        "1",
        "--gains",
        "4",
        "--networks",
        "6",
        "--branch",
        "3",
        "--json",
    ]
    (row,) = json.loads(called(*args, "--seed", "2"))
    assert row["found"] == row["complete"] + len(row["undecided_parts"])
    assert row["input_dependent"] == row["complete"] > 0
    for branch in row["branches"]:
        assert branch["complete"] == (branch["undecided"] is None)
        if branch["input_dependent"]:
            assert branch["least_slope"] > 0
            assert all(p["slope_low"][0] > 0 or p["slope_high"][0] < 0 for p in branch["pieces"])
    assert "corners" in called("count", "--ensemble", "relu", "--branch", "1", status=2)
