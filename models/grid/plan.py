"""Plans: named tables of runs in TOML, which are checked as a whole before the first run starts."""

from __future__ import annotations

import itertools
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...support.errors import UsageError
from ...support.regular_file import read_regular
from ...support.schema import shown
from ..training.run_spec import RunSpec

if TYPE_CHECKING:
    from ..tasks.task import Task

PLANS = Path(__file__).parents[1] / "plans"

LONGEST = 2**20
"""Most bytes of a plan."""
MOST_RUNS = 100_000
"""Most runs that the tables of a plan stand for."""


@dataclass(frozen=True)
class Plan:
    """A named table of runs, in the order in which they are trained."""

    name: str
    runs: tuple[RunSpec, ...]

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a plan.

        A plan has a `name`, a table `defaults`, tables `tasks.NAME` with further defaults for the
        runs of a task, and an array of tables `runs`. Their keys are the options of `RunSpec`. A
        list as a value stands for one run per element: the first key varies slowest, and the lists
        of a task vary fastest. A run that is listed twice is trained once.

        Args:
            path: a TOML file, or the name of a shipped plan (cpu, desk, lease, core, paper).

        Returns:
            The plan.

        Raises:
            UsageError: there is no such file, it is longer than `LONGEST` or stands for more than
                `MOST_RUNS` runs, or something in it is wrong; the message names the file, the line
                and the key.

        Example:
            >>> from loopstab.models.grid.plan import Plan
            >>> Plan.load("cpu").runs[0].label
            'prefix-sums external/post lr 0.001 seed 0'
        """
        path = Path(path)
        if not path.suffix:
            path = PLANS / f"{path}.toml"
        if not os.path.isfile(path):
            shipped = ", ".join(sorted(p.stem for p in PLANS.glob("*.toml")))
            raise UsageError(
                f"no plan at {path}: give a TOML file, or one of the shipped plans ({shipped})"
            )
        try:
            text = read_regular(path, LONGEST).decode()
            data = tomllib.loads(text)
        except OSError as error:
            raise UsageError(f"cannot read the plan {path}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{path} is not a TOML file: it is not UTF-8 text (byte {error.start})"
            ) from None
        except ValueError as error:  # tomllib passes on what int says of a number that is too long
            raise UsageError(f"{path} is not a TOML file: {error}") from None
        except RecursionError:
            raise UsageError(f"{path} is not a plan: its values are nested too deep") from None
        for key, value in data.items():
            if key not in SHAPES:
                raise UsageError(
                    f"{_place(path, text, key)}: unknown key {shown(key)}; a plan has"
                    f" {', '.join(SHAPES)}"
                )
            kind, words = SHAPES[key]
            inner = (
                value.values()
                if key == "tasks" and isinstance(value, dict)
                else value
                if key == "runs"
                else ()
            )
            if not isinstance(value, kind) or not all(isinstance(table, dict) for table in inner):
                raise UsageError(f"{_place(path, text, key)}: {key} must be {words}")
        shared, own = data.get("defaults", {}), data.get("tasks", {})
        many = sum(_count(table, shared, own) for table in data.get("runs", []))
        if many > MOST_RUNS:
            raise UsageError(
                f"{path}: the lists of the plan stand for {shown(many)} runs, more than"
                f" {MOST_RUNS}: shorten them"
            )
        runs: list[RunSpec] = []
        for number, table in enumerate(data.get("runs", []), 1):
            for options in _expand(table, shared, own):
                try:
                    runs.append(RunSpec.from_dict(options, f"run {number}"))
                except UsageError as error:
                    key = next((k for k in options if _is_about(str(error), k)), "")
                    raise UsageError(f"{_place(path, text, key, number)}: {error}") from None
        if not runs:
            raise UsageError(
                f"{path}: the plan lists no run: add a table [[runs]], without empty lists"
            )
        return cls(data.get("name", path.stem), tuple(dict.fromkeys(runs)))

    def check(self, data: Mapping[str, str | Path]) -> list[str]:
        """Check every run, and return their ids; `UsageError` when a run or a data file is wrong.

        `data` maps task names to prepared data files.
        """
        unknown = sorted(set(data) - {run.task for run in self.runs})
        if unknown:
            raise UsageError(
                f"--data names {unknown[0]!r}, which is not a task of the plan {self.name}: leave"
                " it out"
            )
        tasks: dict[tuple[str, int, str], Task] = {}
        for run in self.runs:
            key = run.task, run.bits, run.positions
            if key not in tasks:
                tasks[key] = run.make_task(data.get(run.task))
            try:
                run.config(tasks[key])
            except UsageError as error:
                raise UsageError(f"plan {self.name}, {run.label}: {error}") from None
        return [run.id(tasks[run.task, run.bits, run.positions].fingerprint()) for run in self.runs]


def data_files(items: Sequence[str]) -> dict[str, str | Path]:
    """Task name to prepared data file, from texts TASK=FILE; `UsageError` for any other text."""
    files: dict[str, str | Path] = {}
    for item in items:
        task, sign, file = item.partition("=")
        if not (task and sign and file):
            raise UsageError(
                f"cannot read --data {item!r}: write TASK=FILE, e.g. sudoku=runs/sudoku.safetensors"
            )
        files[task] = file
    return files


SHAPES = {
    "name": (str, "a text"),
    "defaults": (dict, "a table"),
    "tasks": (dict, "tables [tasks.NAME]"),
    "runs": (list, "tables [[runs]]"),
}


def _expand(
    table: dict[str, Any], defaults: dict[str, Any], tasks: dict[str, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for options in _product({**defaults, **table}):
        own = tasks.get(str(options.get("task", RunSpec.task)), {})
        given = {key: [value] for key, value in options.items()}  # lists in lists stay
        yield from _product(
            {**given, **{key: value for key, value in own.items() if key not in table}}
        )


def _count(table: dict[str, Any], defaults: dict[str, Any], tasks: dict[str, Any]) -> int:
    """The number of runs that `_expand` makes, in closed form."""
    rest = {**defaults, **table}
    names = rest.pop("task", RunSpec.task)
    own = (tasks.get(str(name), {}) for name in (names if isinstance(names, list) else [names]))
    return _size(rest) * sum(
        _size({key: value for key, value in options.items() if key not in table}) for options in own
    )


def _size(table: dict[str, Any]) -> int:
    return math.prod(len(value) for value in table.values() if isinstance(value, list))


def _is_about(message: str, key: str) -> bool:
    return f": {key} must be " in message or f"unknown key {shown(key)}" in message


def _product(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    axes = [value if isinstance(value, list) else [value] for value in table.values()]
    for values in itertools.product(*axes):
        yield dict(zip(table, values, strict=True))


def _place(path: Path, text: str, key: str, run: int = 0) -> str:
    """The file, with the line of the key in the table of that run, or else anywhere."""
    lines = list(enumerate(text.splitlines(), 1))
    tables = [at for at, (_, line) in enumerate(lines) if re.match(r"\s*\[\[\s*runs\s*\]\]", line)]
    own = lines[slice(*[*tables, len(lines)][run - 1 : run + 1])] if 0 < run <= len(tables) else []
    for number, line in own + lines:
        if key and re.match(rf"""\s*(\[+\s*)?["']?{re.escape(key)}["']?\s*[=\].]""", line):
            return f"{path}, line {number}"
    return str(path)
