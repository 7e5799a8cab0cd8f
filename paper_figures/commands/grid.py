"""Many training runs from a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import tyro

from theory.errors import UsageError


def run(
    out: Path,
    plan: str = "cpu",
    data: tuple[str, ...] = (),
    budget_minutes: float | None = None,
    jobs: int = 1,
    threads: int = 1,
    device: str = "cpu",
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Do the runs of a plan: finished ones are skipped, interrupted ones resume, the budget is kept.

    Writes OUT/runs/ID/ for each run and OUT/results.jsonl. Exit status 1 when a run failed. Example:
    loopstab grid run --plan cpu --out runs/cpu --jobs 2 --budget-minutes 60

    Args:
        out: Folder of the grid (created; give it again to go on).
        plan: A TOML file, or a shipped plan: cpu, core, paper.
        data: Prepared files of tasks that need one, as TASK=FILE.
        budget_minutes: Stop every run, resumably, after that many minutes.
        jobs: Runs at a time.
        threads: CPU threads per run.
        device: A torch device, e.g. cpu or cuda.
        json_: Print the summary as JSON and no progress bar.
    """
    from dataclasses import asdict

    from models.grid import Plan, run_grid

    files: dict[str, str | Path] = {}
    for item in data:
        task, sign, file = item.partition("=")
        if not (task and sign and file):
            raise UsageError(f"cannot read --data {item!r}: write TASK=FILE, e.g. sudoku=runs/sudoku.npz")
        files[task] = file
    report = run_grid(
        Plan.load(plan), out, data=files, minutes=budget_minutes, jobs=jobs, threads=threads, device=device, progress=not json_
    )
    if json_:
        print(json.dumps(asdict(report), indent=1))
    else:
        print(f"{report.plan}: {report.done} done, {report.left} left, {len(report.failed)} failed; results: {report.results}")
        for run_id, reason in report.failed.items():
            print(f"  {run_id}: {reason}")
    return 1 if report.failed else 0


def pack(out: Path, to: Path, half: bool = False, json_: Annotated[bool, tyro.conf.arg(name="json")] = False) -> int:
    """Pack the finished runs of a grid into safetensors shards of at most 15 MiB.

    Example: loopstab grid pack --out runs/cpu --to packed --half

    Args:
        out: Folder of the grid.
        to: Folder for the shards (created).
        half: Store weights in float16 where the diagnosis of the rounded model agrees with the full one.
        json_: Print the summary as JSON.
    """
    from dataclasses import asdict

    from models.pack import pack as pack_runs

    packed = pack_runs(out, to, half=half)
    if json_:
        print(json.dumps(asdict(packed), indent=1))
    else:
        print(f"{len(packed.runs)} runs ({len(packed.half)} in half precision): {', '.join(packed.files)}")
    return 0


@tyro.conf.configure(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
def grid(
    status: Annotated[int, tyro.conf.subcommand(name="run", constructor=run)]
    | Annotated[int, tyro.conf.subcommand(name="pack", constructor=pack)],
) -> int:
    """Many training runs from a plan. Example: loopstab grid run --plan cpu --out runs/cpu --jobs 2"""
    return status
