"""Commands that write, killed at any moment: what is left is whole, and the next run ends the work.

Each command runs once undisturbed. Then it is killed again and again in one folder, half of the
times by SIGTERM, at moments that are drawn from the time that it takes, and at last it ends.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from fuzz_cases import cases, work_folder
from fuzz_corpus import PLAN, TRAIN, Corpus

from loopstab.models.network.checkpoint import Checkpoint
from loopstab.models.network.run_record import read_result
from loopstab.models.tasks.table import Table
from loopstab.numerics.attack.archive import load
from loopstab.numerics.attack.journal import Journal
from loopstab.numerics.phase.diagram import PhaseDiagram
from loopstab.numerics.phase.store import Store

TERM = 5.0
"""Seconds of CPU time that a command may use after SIGTERM."""


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    Attributes:
        arguments: of the command line, in an empty folder.
        same: what must be equal after an undisturbed run and after a run that was killed before.
    """

    arguments: str
    same: Callable[[Path], object] = lambda folder: None


def _weights(folder: Path) -> object:
    found = Checkpoint.load(folder / "o" / "model.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in found.tensors.items()}


def _results(folder: Path) -> object:
    return [_without_times(line.report.to_json()) for line in Journal(folder / "o").lines.values()]


def _without_times(value: object) -> object:
    if isinstance(value, dict):
        times = ("seconds", "per_minute")
        return {k: _without_times(v) for k, v in value.items() if str(k) not in times}
    return [_without_times(v) for v in value] if isinstance(value, list) else value


def _json(name: str) -> Callable[[Path], object]:
    return lambda folder: _without_times(json.loads((folder / name).read_text()))


def _samples(folder: Path) -> object:
    store = Store(folder / "o" / "samples")
    # as text, in which nan is equal to nan
    return repr(sorted(store._samples.items())), PhaseDiagram.load(folder / "o").rho.tobytes()


def _bytes(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).read_bytes()


def _runs(folder: Path) -> object:
    return {
        path.parent.name: {
            name: tensor.numpy().tobytes() for name, tensor in Checkpoint.load(path).tensors.items()
        }
        for path in sorted((folder / "o" / "runs").glob("*/model.safetensors"))
    }


def _drawings(folder: Path) -> object:
    return sorted(path.name for path in (folder / "o").iterdir() if path.name != ".lock")


WRITERS = {
    "train": Writer(f"{TRAIN.replace('--steps 2', '--steps 40')} --out o", _weights),
    "attack": Writer("attack A1 N1 --profile deep --examples 60 --out o", _results),
    "phase": Writer("phase --grid 4x4 --width 40 --jobs 1 --out o", _samples),
    "scaling": Writer("scaling --widths 20 30 --points 5 --out o", _json("o/scaling.json")),
    "count": Writer("count --sizes 1 2 --networks 10 --out o", _json("o/count.json")),
    "figures": Writer("figures stable_sets --out o", _drawings),
    "prepare": Writer("data prepare sudoku p.csv --out o.safetensors", _bytes("o.safetensors")),
    "generate": Writer(
        "data generate sudoku --box 2 --rows 3000 --out o.safetensors", _bytes("o.safetensors")
    ),
    "certify": Writer("certify m.safetensors --out o.safetensors", _bytes("o.safetensors")),
    "grid": Writer("grid run --plan p.toml --out o", _runs),
    "recall": Writer(
        "recall internal-post external-post --inputs 2 --loops 200 --spectra 0 --dense 0 --out r",
        lambda folder: len((folder / "r").read_text().splitlines()),
    ),
}


def prepare(folder: Path, corpus: Corpus) -> None:
    """Put the files in a folder that the commands read."""
    lines = corpus.sudoku_csv.read_text().splitlines()
    (folder / "p.csv").write_text("\n".join([lines[0], *lines[1:] * 200]) + "\n")
    (folder / "m.safetensors").write_bytes((corpus.run / "model.safetensors").read_bytes())
    (folder / "p.toml").write_text(PLAN)


def start(writer: Writer, folder: Path) -> subprocess.Popen[bytes]:
    """Start the command in a session of its own."""
    log = folder.parent / "log"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LOOPSTAB_CACHE": "off"}
    with open(log, "wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "loopstab", *writer.arguments.split()],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def kill(process: subprocess.Popen[bytes], number: int, after: float) -> list[str]:
    """Send a signal after some seconds of CPU time; returns what is wrong with how it ended."""
    while process.poll() is None and session_seconds(process.pid) < after:
        time.sleep(0.01)
    if process.poll() is not None:
        return [] if process.returncode == 0 else [f"it ended with {process.returncode}"]
    begin = session_seconds(process.pid)
    process.send_signal(number)
    wrong = []
    while process.poll() is None:
        if session_seconds(process.pid) - begin > TERM:
            wrong.append(f"it did not end on {signal.Signals(number).name}")
            process.kill()
            process.wait()
        time.sleep(0.01)
    allowed = (-signal.SIGKILL,) if number == signal.SIGKILL else (0, 143, -signal.SIGTERM)
    if process.returncode not in allowed and not wrong:
        wrong.append(f"{signal.Signals(number).name} gave the status {process.returncode}")
    return wrong + _remaining(process.pid)


def _remaining(session: int) -> list[str]:
    """Processes that are left after a second; on a busy machine, after ten."""
    for _ in range(40):
        left = list(members(session))
        if not left:
            return []
        time.sleep(0.25)
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return [f"{len(left)} processes are left"]


def members(session: int) -> list[int]:
    """The processes of a session that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _fields(int(entry.name))
            if fields and fields[0] not in "ZX" and int(fields[3]) == session:
                found.append(int(entry.name))
    return found


def session_seconds(session: int) -> float:
    """CPU seconds of the leader of a session, with those of its children that have ended."""
    fields = _fields(session)
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _fields(process: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return []


def damaged(folder: Path) -> list[str]:
    """The files in a folder that are not whole, and those that were left unfinished."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                _read(path)
            except Exception as error:  # whatever it is, the file is not whole
                found.append(f"{path.relative_to(folder)}: {error}")
    return found


def _read(path: Path) -> None:
    if path.name == "result.json":
        read_result(path)
    elif path.parent.name in ("counterexamples", "witnesses"):
        load(path)
    elif path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".jsonl" or path.name == "r":
        for line in path.read_text().splitlines():
            json.loads(line)
    elif path.suffix == ".safetensors":
        if path.name == "o.safetensors" and b"loopstab-data" in path.read_bytes()[:4000]:
            Table.load(path)
        else:
            Checkpoint.load(path)
    elif path.suffix == ".npz":
        with path.open("rb") as file, np.load(file) as arrays:
            for name in arrays:
                arrays[name]
    elif path.suffix == ".png":
        if not path.read_bytes().endswith(b"IEND\xaeB`\x82"):
            raise ValueError("it is cut off")
    elif path.suffix == ".svg":
        if not path.read_text().rstrip().endswith("</svg>"):
            raise ValueError("it is cut off")
    elif path.suffix == ".gz":
        gzip.decompress(path.read_bytes())


def unfinished(folder: Path) -> list[str]:
    """The unfinished files in a folder."""
    return [f"{path.name} is left" for path in folder.rglob("*") if path.name.endswith(".tmp")]


def kill_often(
    name: str, times: int, draw: Random, corpus: Corpus, seconds: float, expected: object
) -> list[str]:
    """Kill a command so many times by SIGKILL and so many by SIGTERM; returns what is wrong."""
    writer, wrong = WRITERS[name], []
    with work_folder() as folder:
        prepare(folder, corpus)
        for number in [signal.SIGKILL, signal.SIGTERM] * times:
            after = draw.uniform(0.1, 1.05) * seconds
            wrong += [f"{name}, {fault}" for fault in kill(start(writer, folder), number, after)]
            wrong += [f"{name}, after {number.name}: {fault}" for fault in damaged(folder)]
        last = start(writer, folder)
        if last.wait() != 0:
            log = (folder.parent / "log").read_text(errors="replace")[-500:]
            return [*wrong, f"{name} ended with {last.returncode}: {log}"]
        wrong += [f"{name}: {fault}" for fault in damaged(folder) + unfinished(folder)]
        if writer.same(folder) != expected:
            wrong.append(f"{name}: the result is not that of an undisturbed run")
    return wrong


def undisturbed(name: str, corpus: Corpus) -> tuple[float, object]:
    """The CPU seconds of a run that nobody kills, and its result."""
    writer = WRITERS[name]
    with work_folder() as folder:
        prepare(folder, corpus)
        process = start(writer, folder)
        used = 0.0
        while process.poll() is None:
            used = max(used, session_seconds(process.pid))
            time.sleep(0.01)
        log = (folder.parent / "log").read_text(errors="replace")[-500:]
        assert process.returncode == 0, f"{name}: {process.returncode}: {log}"
        return used, writer.same(folder)


def kill_all(times: int, seed: int, place: Path, names: list[str] | None = None) -> int:
    """Kill every command that writes, and print what is wrong; returns the exit status."""
    faults = 0
    with cases() as run:
        corpus = Corpus(run, place)
        for name in names or WRITERS:
            seconds, expected = undisturbed(name, corpus)
            draw = Random(f"{seed} {name}")
            wrong = kill_often(name, times, draw, corpus, seconds, expected)
            faults += len(wrong)
            print(f"{name}: {2 * times} kills within {seconds:.1f} s of CPU time, ", end="")
            print(f"{len(wrong)} faults", *wrong, sep="\n  ", flush=True)
    return 1 if faults else 0
