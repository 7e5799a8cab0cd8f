"""Memory and open files of long runs: do they stay flat?

    python benchmarks/soak.py --minutes 60 --out runs/soak

The workloads run beside each other, each in a process of its own with one thread: an attack of the
profile deep, a phase diagram, a training run, and evaluations of a shipped checkpoint in a loop.
Every few seconds the resident memory (RSS) and the number of open files of each of them, with its
children, are written to OUT/NAME.jsonl. The table shows the memory at three times, the slope of a
straight line through its second half with the error of the slope, and the most open files in each
half. Exit status: 0; 1 if a workload ended early with an error.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

COMMANDS = {
    "attack": ["attack", "--profile", "deep", "--minutes", "{minutes}", "--out", "{out}/attack"],
    "phase": [
        "phase",
        "--width",
        "200",
        "--grid",
        "96x96",
        "--draws",
        "64",
        "--out",
        "{out}/phase",
    ],
    "train": ["train", "--task", "sudoku-4x4", "--steps", "10000000", "--out", "{out}/train"],
}
EVALUATION = """
from loopstab.models.zoo import zoo
while True:
    assert zoo.verify("internal-post").agrees
"""


def main() -> int:
    """Run the workloads, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two samples")
    parser.add_argument("--out", type=Path, default=Path("runs/soak"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    words = {"minutes": f"{options.minutes:g}", "out": str(options.out)}
    commands = {
        name: ["-m", "loopstab", *(word.format(**words) for word in command)]
        for name, command in COMMANDS.items()
    } | {"evaluation": ["-c", EVALUATION]}
    started = {name: _start(name, command, options.out) for name, command in commands.items()}
    early = _watch(started, options)
    print(
        f"{'workload':12}{'minutes':>9}{'RSS, MB, at 10 %':>18}{'50 %':>8}{'100 %':>8}"
        f"{'slope, MB/h':>18}{'files, halves':>15}"
    )
    for name in started:
        _row(name, options.out / f"{name}.jsonl")
    for name, status in early.items():
        print(f"{name} ended early with status {status}: see {options.out / name}.log")
    return 1 if any(early.values()) else 0


def _start(name: str, command: list[str], out: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with open(out / f"{name}.log", "wb") as log:
        return subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _watch(
    started: dict[str, subprocess.Popen[bytes]], options: argparse.Namespace
) -> dict[str, int]:
    """Sample until the time is over; returns the status of what ended before."""
    begin, early = time.monotonic(), {}
    while (now := time.monotonic() - begin) < 60 * options.minutes:
        for name, process in started.items():
            status = process.poll()
            if status is not None:
                early.setdefault(name, status)
                continue
            megabytes, files = _usage(process.pid)
            with open(options.out / f"{name}.jsonl", "a") as log:
                log.write(json.dumps([round(now, 1), megabytes, files]) + "\n")
        time.sleep(options.every)
    for process in started.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
    return early


def _usage(process: int) -> tuple[float, int]:
    """Resident megabytes and open files of a process and its children."""
    children = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _session(entry) == process
    ]
    pages, files = 0, 0
    for number in children:
        try:
            pages += int(Path(f"/proc/{number}/statm").read_text().split()[1])
            files += len(os.listdir(f"/proc/{number}/fd"))
        except OSError:
            continue  # it has just ended
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1), files


def _session(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[3])
    except OSError:
        return 0


def _row(name: str, file: Path) -> None:
    table = np.array([json.loads(line) for line in file.read_text().splitlines()])
    seconds, megabytes, files = table.T
    later = seconds > seconds[-1] / 2
    (slope, _), covariance = np.polyfit(seconds[later] / 3600, megabytes[later], 1, cov=True)
    at = [megabytes[np.searchsorted(seconds, share * seconds[-1])] for share in (0.1, 0.5, 1.0)]
    halves = f"{files[~later].max():.0f}, {files[later].max():.0f}"
    print(
        f"{name:12}{seconds[-1] / 60:9.1f}{at[0]:18.0f}{at[1]:8.0f}{at[2]:8.0f}"
        f"{slope:10.1f} +- {2 * covariance[0, 0] ** 0.5:4.1f}{halves:>15}"
    )


if __name__ == "__main__":
    sys.exit(main())
