"""How many settled orbits of the shipped checkpoints are certified, how fast, and how far.

    OMP_NUM_THREADS=1 python benchmarks/certificates.py --inputs 4 --out certificates.jsonl --jobs 2
    python benchmarks/certificates.py --out certificates.jsonl --table

Every orbit adds one line to --out: its certificate, or why there is none. A run that is stopped
continues where it was. With --summary the complete certificates are then written in short, as the
figure constant_answers reads them. Times are seconds of wall clock for one orbit in one process.
"""

from __future__ import annotations

import argparse
import json
import shlex
import time
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from rich.console import Console
from rich.table import Table

from loopstab.models.certificates.certify_loop import certify_loop
from loopstab.models.certificates.samples import sample
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.zoo import zoo
from loopstab.numerics.enclosures.contraction import NotCertified

COLUMNS = (
    *("task", "size", "architecture", "orbits", "settled", "cycles", "complete", "seconds"),
    *("radius", "rate", "t_0", "measured", "entered", "least"),
)
"""`measured` is the iteration from which the float orbit's answer stays the same; from `seconds` on
the columns are medians over the complete certificates, and `least` is the bound of S."""


def certified(name: str, number: int, level: str | None, loops: int) -> dict[str, Any]:
    """The line of one orbit."""
    torch.set_num_threads(1)
    trained = TrainedLoop.open(zoo.load(name), level=level)
    x = sample(trained, number)
    line: dict[str, Any] = {
        "checkpoint": name,
        "architecture": trained.model.config.name,
        "task": trained.task.name,
        "level": trained.level,
        "input": number,
        "size": len(x) * trained.model.config.width,
    }
    start = time.perf_counter()
    try:
        found, _ = certify_loop(trained, x, name=name, number=number, loops=loops)
        line["certificate"] = found.to_json()
        line["last_change"] = last_change(trained, x, found.answer.entered if found.answer else 500)
    except NotCertified as error:
        line["refused"] = str(error)
    return {**line, "seconds": time.perf_counter() - start}


@torch.no_grad()
def last_change(trained: TrainedLoop, x: np.ndarray, loops: int) -> int:
    """The iteration from which the answer of the float orbit stays the same, up to `loops`."""
    model = trained.model
    e = model.encode(torch.from_numpy(x)[None])
    context, h = model.prepare(e), model.initial(e)
    answers = [model.head(h).argmax(-1)]
    for _ in range(loops):
        h = model.advance(h, context)
        answers.append(model.head(h).argmax(-1))
    first = len(answers) - 1
    while first > 0 and torch.equal(answers[first - 1], answers[-1]):
        first -= 1
    return first


def main() -> None:
    """Certify what is missing, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=4, help="inputs for each checkpoint")
    parser.add_argument("--largest", type=int, default=1344, help="largest size of the state")
    parser.add_argument("--only", nargs="+", default=["*"], help="patterns of names")
    parser.add_argument("--loops", type=int, default=4000, help="iterations of an orbit")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--table", action="store_true", help="print the table of --out only")
    parser.add_argument("--summary", type=Path, help="file for the certificates of --out in short")
    options = parser.parse_args()
    if options.table:
        print_table([json.loads(line) for line in options.out.read_text().splitlines()])
        return
    seen = set()
    if options.out.exists():
        lines = map(json.loads, options.out.read_text().splitlines())
        seen = {(line["checkpoint"], line["input"]) for line in lines}
    wanted = [
        (name, number)
        for number in range(options.inputs)
        for name, level, size in checkpoints()
        if size <= options.largest and (name, number) not in seen
        if any(fnmatchcase(name, pattern) for pattern in options.only)
    ]
    levels = {name: level for name, level, _ in checkpoints()}
    made = Parallel(options.jobs, return_as="generator_unordered")(
        delayed(certified)(name, number, levels[name], options.loops) for name, number in wanted
    )
    for done, line in enumerate(made, 1):
        with options.out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        result = line.get("refused") or ("complete" if line["certificate"]["complete"] else "part")
        name = f"{line['checkpoint']} {line['input']}"
        print(f"{done}/{len(wanted)} {name}: {result[:90]}", flush=True)
    if options.summary:
        lines = [json.loads(line) for line in options.out.read_text().splitlines()]
        command = (
            f"python benchmarks/certificates.py --inputs {options.inputs}"
            f" --only {shlex.join(options.only)} --out FILE --summary FILE"
        )
        rows = [
            {**in_short(line), "command": command}
            for line in sorted(lines, key=lambda line: (line["checkpoint"], line["input"]))
            if line.get("certificate", {}).get("complete")
        ]
        options.summary.write_text("".join(json.dumps(row) + "\n" for row in rows))


def in_short(line: dict[str, Any]) -> dict[str, Any]:
    """What is proved of the answer and of the ball that contracts, beside the float orbit's last
    change.
    """
    found = line["certificate"]
    kept = ("checkpoint", "architecture", "task", "level", "input", "size", "last_change")
    return {
        **{name: line[name] for name in kept},
        **{name: found["answer"][name] for name in ("settled", "entered")},
        **{name: found["attraction"][name] for name in ("radius", "rate")},
        "weights": found["weights"],
    }


def checkpoints() -> list[tuple[str, str, int]]:
    """Name, level and size of the state of the checkpoints whose samples are generated."""
    found = []
    for name in zoo.names():
        try:
            trained = TrainedLoop.open(zoo.load(name))
        except ValueError:  # it needs a data file
            continue
        cells = len(sample(trained, 0))
        found.append((name, trained.level, cells * trained.model.config.width))
    return found


def print_table(lines: list[dict[str, Any]]) -> None:
    """One row for each task, architecture and gradient."""
    groups = defaultdict(list)
    for line in lines:
        groups[line["task"], line["size"], line["architecture"]].append(line)
    table = Table(title="certificates")
    for column in COLUMNS:
        table.add_column(column)
    for (task, size, architecture), group in sorted(groups.items()):
        table.add_row(task, str(size), architecture, *map(str, _row(group)))
    table.add_row("all", "", "", *map(str, _row(lines)))
    Console(width=170).print(table)
    refused = [line for line in lines if "refused" in line and "settle" not in line["refused"]]
    for line in refused:
        print(f"refused: {line['checkpoint']} {line['input']}: {line['refused']}")
    for line in lines:
        if not line.get("certificate", {"complete": True})["complete"]:
            print(f"part: {line['checkpoint']} {line['input']}: {line['certificate']['unproved']}")


def _row(group: list[dict[str, Any]]) -> list[Any]:
    settled = [line for line in group if "does not settle" not in line.get("refused", "")]
    made = [line["certificate"] for line in settled if "certificate" in line]
    full = [line for line in settled if line.get("certificate", {}).get("complete")]

    def median(values: Any) -> str:
        values = list(values)
        return f"{np.median(values):.3g}" if values else "-"

    return [
        len(group),
        len(settled),
        sum(c["attraction"]["period"] > 1 for c in made),
        len(full),
        median(line["seconds"] for line in full),
        median(line["certificate"]["attraction"]["radius"] for line in full),
        median(line["certificate"]["attraction"]["rate"] for line in full),
        median(line["certificate"]["answer"]["settled"] for line in full),
        median(line["last_change"] for line in full),
        median(line["certificate"]["answer"]["entered"] for line in full),
        median(line["certificate"]["dependence"]["least"] for line in full),
    ]


if __name__ == "__main__":
    main()
